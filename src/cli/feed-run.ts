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
  const report = await kind.test?.(feed)
  const readings: FeedReading[] = []
  const sweep = kind.sweep?.(feed)
  if (sweep)
    for await (const page of sweep) {
      readings.push(...page.slice(0, SHOWN - readings.length))
      if (readings.length >= SHOWN) break
    }
  answer(
    context,
    { facts: report?.facts ?? [], devices: readings.map(readingJson) },
    facts((report?.facts ?? []).map((line) => ['found', line])) + readingsText(readings),
  )
}

const readingJson = (reading: FeedReading): object =>
  'record' in reading ? { place: reading.place, record: formatDeviceRecord(reading.record) } : reading

function readingsText(readings: readonly FeedReading[]): string {
  if (readings.length === 0) return 'no devices\n'
  const rows = readings.map((reading) => {
    if (!('record' in reading)) return [reading.place, 'problem' in reading ? reading.problem : 'a change']
    const { id, owners, platform, state, findings } = reading.record
    return [id, owners.join(' '), platform, state, findings.join(' ')]
  })
  return table(['device', 'owners', 'platform', 'state', 'findings'], rows)
}

/** Also while Haraka runs: what both bring is written once. */
export async function syncFeed(context: CommandContext, definition: FeedDefinition): Promise<void> {
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
