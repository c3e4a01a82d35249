import { formatDeviceRecord } from '../devices/record'
import type { FeedDefinition } from '../feeds/definition'
import type { FeedReading } from '../feeds/reading'
import { contextOf, kindOf, noMemory, sweepOnce } from '../feeds/session'
import { answer, type CommandContext } from './context'
import { intakeOf } from './feed-intake'
import { untilInForce } from './in-force'
import { facts, printable, Refusal, table } from './output'

const SHOWN = 10

/** Nothing is written, and nothing kept: neither a record nor how far the feed came. */
export async function testFeed(context: CommandContext, definition: FeedDefinition): Promise<void> {
  const stop = new AbortController()
  context.streams.onInterrupt(() => stop.abort())
  const kind = kindOf(definition)
  const feed = contextOf(definition, noMemory, stop.signal, context.now)
  // Also those by which only others show who they are.
  for (const name of Object.keys(definition.secrets)) feed.secret(name)
  const found = (await kind.test?.(feed))?.facts ?? []
  const readings: FeedReading[] = []
  const sweep = kind.sweep?.(feed)
  if (sweep)
    for await (const page of sweep) {
      readings.push(...page.slice(0, SHOWN - readings.length))
      if (readings.length >= SHOWN) break
    }
  answer(
    context,
    { facts: found, devices: readings.map(readingJson) },
    facts(found.map((line) => ['found', line])) +
      (sweep ? readingsText(readings) : 'its events come while Haraka runs; a test takes none in\n'),
  )
}

const readingJson = (reading: FeedReading): object =>
  'record' in reading ? { place: reading.place, record: formatDeviceRecord(reading.record) } : reading

function readingsText(readings: readonly FeedReading[]): string {
  if (readings.length === 0) return 'no devices\n'
  const rows = readings.flatMap((reading) => {
    if (!('record' in reading)) return []
    const { id, owners, platform, state, findings } = reading.record
    return [[id, owners.join(' '), platform, state, findings.join(' ')]]
  })
  const bad = readings.flatMap((reading) =>
    'problem' in reading ? [['BAD', `${reading.place} ${reading.problem}`] as const] : [],
  )
  return (
    (rows.length === 0 ? '' : table(['device', 'owners', 'platform', 'state', 'findings'], rows)) +
    (bad.length === 0 ? '' : facts(bad))
  )
}

/** Also while Haraka runs: what both bring is written once. */
export async function syncFeed(context: CommandContext, definition: FeedDefinition): Promise<void> {
  const { kind, of } = definition
  if (!kindOf(definition).sweep)
    throw new Refusal(
      `kind ${kind} has no sweep: its events come by themselves${of === null ? '' : `; what brings all devices is: device-gate feed sync ${of}`}`,
    )
  const stop = new AbortController()
  context.streams.onInterrupt(() => stop.abort())
  const intake = intakeOf(context, definition)
  const parts = { store: context.store(), database: context.feedsDatabase(), intake, now: context.now }
  await intake.settle()
  const { error, problems, ...report } = await sweepOnce(definition, parts, {
    signal: stop.signal,
    readAll: true,
  })
  for (const { place, problem } of problems)
    context.streams.err(`${printable(place)} ${printable(problem)}\n`)
  if (error)
    throw new Refusal(
      `${error.message}; ${report.applied} records were written before that, nothing was marked gone`,
    )
  if (report.goneHeld !== null) context.tell(report.goneHeld)
  await untilInForce(context, performance.now())
  const { goneHeld, notModified, ...counts } = report
  const { applied, unchanged, older, held, bad, gone } = counts
  answer(
    context,
    { ...counts, gone_held: goneHeld, not_modified: notModified },
    `${applied} applied, ${unchanged} unchanged, ${older} older, ${held} set aside, ${bad} bad, ${gone} gone\n`,
  )
}
