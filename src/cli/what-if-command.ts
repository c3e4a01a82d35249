import fs from 'node:fs'
import { SingleBar } from 'cli-progress'
import type { Command } from 'commander'

import { parsePolicy } from '../config/policy-file'
import { formatProblem } from '../config/config-problem'
import { readTextFile } from '../config/file-watcher'
import { besideDevices, everyDevice } from '../devices/every-device'
import { CorruptRecordError } from '../devices/store'
import { TRAFFIC_KEPT_MS } from '../journal/traffic'
import { siteMode } from '../policy/effective-mode'
import type { ActivePolicy, Policy } from '../policy/policy'
import { inOrder, MAX_MOMENTS, momentsToCome } from '../orders/impact'
import { ImpactCount, type Difference, type Impact, type Tally } from '../policy/what-if'
import { answer, note, type CommandContext } from './context'
import { impactJson } from '../lookup/impact'
import { NO_POLICY, readable } from '../lookup/site'
import { durationMs, timeMs } from './moment'
import { replayTraffic } from './replay'
import { clockTime, isoTime, jsonLine, Refusal, table, UsageError } from './output'

interface WhatIfOptions {
  readonly at?: readonly string[]
  readonly list?: string
  readonly replay?: string
}

export function whatIfCommand(policy: Command, context: () => CommandContext): void {
  policy
    .command('what-if')
    .description(
      'decide every device under a draft, now and at its deadlines and stages, and tell what would change',
    )
    .argument('<file>', 'the draft')
    .option(
      '--at <time>',
      `at this moment instead, RFC 3339 with a zone; up to ${MAX_MOMENTS} times`,
      collected,
    )
    .option('--list <file>', 'write each device that would be served differently, one JSON line each')
    .option(
      '--replay <duration>',
      'decide the traffic that this host recorded instead, such as 24h, at most 7d: who would have been cut off',
    )
    .action((file: string, options: WhatIfOptions) => whatIf(context(), file, options))
}

const collected = (time: string, before: readonly string[] = []): string[] => [...before, time]

function whatIf(context: CommandContext, file: string, options: WhatIfOptions): void {
  const draft = readDraft(file)
  const active = context.store().activePolicy()
  if (!active) throw new Refusal(NO_POLICY)
  const enforced: ActivePolicy = { version: 0, policy: draft, modeOverride: 'enforce' }
  if (options.replay !== undefined) {
    if (options.at ?? options.list) throw new UsageError('--replay stands without --at and --list')
    const backMs = durationMs('--replay', options.replay)
    if (backMs > TRAFFIC_KEPT_MS) throw new UsageError('--replay goes back 7d at most: no more is recorded')
    const since = context.now() - backMs
    replayTraffic(context, { file, since, active, draft: enforced })
    return
  }
  const moments = momentsOf(context, options.at, draft)
  const mode = siteMode({ policy: draft, modeOverride: active.modeOverride })
  const counts = moments.map(
    (at) => new ImpactCount({ before: { active, at }, after: { active: enforced, at } }),
  )
  const list = options.list === undefined ? undefined : openList(options.list)
  try {
    overAllDevices(context, counts, (difference, index) => {
      if (list !== undefined) fs.writeSync(list, jsonLine(differenceJson(difference, moments[index] ?? 0)))
    })
  } finally {
    if (list !== undefined) fs.closeSync(list)
  }
  const impacts = counts.map(({ impact }, index) => ({ at: moments[index] ?? 0, impact }))
  const json = {
    file,
    mode,
    moments: impacts.map(({ at, impact }) => ({ at: isoTime(at), ...impactJson(impact) })),
  }
  const heading = mode === 'enforce' ? '' : `the mode would be ${mode}: this is what enforcing it would do\n`
  answer(context, json, heading + impacts.map(({ at, impact }) => impactText(at, impact)).join('\n'))
}

function openList(file: string): number {
  try {
    return fs.openSync(file, 'w', 0o600)
  } catch (error) {
    throw new Refusal(`${file} cannot be written: ${(error as Error).message}`)
  }
}

function readDraft(file: string): Policy {
  const content = readTextFile(file)
  if (!content.ok) throw new Refusal(`${file} ${content.problem}`)
  const parsed = parsePolicy(content.text, { file })
  if (!parsed.ok) throw new Refusal(`${file} is not valid\n${parsed.problems.map(formatProblem).join('\n')}`)
  return parsed.policy
}

/** Those asked for, else now and each deadline, stage and end of the draft that is still to come. */
function momentsOf(context: CommandContext, at: readonly string[] | undefined, draft: Policy): number[] {
  const now = context.now()
  const moments = at ? inOrder(at.map((text) => timeMs('--at', text))) : momentsToCome(draft, now)
  if (moments.length <= MAX_MOMENTS) return moments
  if (at) throw new UsageError(`--at takes at most ${MAX_MOMENTS} moments`)
  note(
    context,
    `the draft has ${moments.length - 1} moments to come, the first are told; ask for others by --at`,
  )
  return moments.slice(0, MAX_MOMENTS)
}

function overAllDevices(
  context: CommandContext,
  counts: readonly ImpactCount[],
  tell: (difference: Difference, index: number) => void,
): void {
  const store = context.store()
  const besideOf = besideDevices(
    readable(context, store.listOverrides()),
    readable(context, store.listAttestations()),
  )
  const bar = context.streams.interactive
    ? new SingleBar({ stream: process.stderr, format: 'deciding {bar} {percentage}% {value} devices' })
    : undefined
  bar?.start(store.counts().devices, 0)
  let done = 0
  for (const device of everyDevice(store)) {
    done += 1
    if (done % 1000 === 0) bar?.update(done)
    if (device instanceof CorruptRecordError) {
      note(context, device.message)
      continue
    }
    const beside = besideOf(device)
    counts.forEach((count, index) => {
      const difference = count.add(device, beside)
      if (difference) tell(difference, index)
    })
  }
  bar?.stop()
}

const differenceJson = ({ device, from, to, decision }: Difference, at: number): object => ({
  at: isoTime(at),
  device: device.id,
  owners: device.owners,
  platform: device.platform,
  from,
  to,
  reason: decision.reason,
  rule: decision.rule,
})

const MAX_SHOWN = 5

const largest = (counts: ReadonlyMap<string, number>): string => {
  const sorted = [...counts].sort((a, b) => b[1] - a[1])
  const shown = sorted.slice(0, MAX_SHOWN).map(([name, count]) => `${name || 'none'} ${count}`)
  return sorted.length > MAX_SHOWN ? `${shown.join(', ')}, ...` : shown.join(', ')
}

function impactText(at: number, { devices, blocked, warned, allowed, noted }: Impact): string {
  const row = (name: string, tally: Tally): (string | number)[] => [
    name,
    tally.count,
    largest(tally.platforms),
    largest(tally.rules),
    largest(tally.domains),
  ]
  const rows = [
    row('newly blocked', blocked),
    row('newly warned', warned),
    row('newly allowed', allowed),
    ...(noted.count > 0 ? [row('silently noted', noted)] : []),
  ]
  return `at ${clockTime(at)}, of ${devices} devices\n${table(['', 'devices', 'platforms', 'because of', 'domains'], rows)}`
}
