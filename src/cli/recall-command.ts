import { setTimeout as sleep } from 'node:timers/promises'
import type { Command } from 'commander'

import { StoreProblem } from '../devices/redis/problem'
import type { Authorship } from '../devices/store'
import { planRecall, type RecallPlan } from '../orders/recall'
import { affectedUnder, caseKey, standingWord, type Affected } from './affected'
import { openBlocks, type BlocksSource } from './blocks-source'
import { note, type CommandContext } from './context'
import { inForceText, untilInForce } from './in-force'
import { authorship, orderDesk, type ReasonOptions } from './orders'
import { clockTime, facts, isoTime, jsonLine, printableText, table, UsageError } from './output'
import { standing } from './standing'

interface RecallOptions extends ReasonOptions {
  readonly to?: string
  readonly follow?: boolean
}

export function recallCommand(program: Command, context: () => CommandContext): void {
  program
    .command('recall')
    .description(
      'take the policy in force back, in all workers of all hosts, and prove it; no guard holds it up',
    )
    .option('--to <version>', 'back to this one; default: the one before')
    .option('--reason <text>', 'why; kept with it')
    .option('--follow', 'go on and tell who is refused or warned again, until interrupted')
    .action(async (options: RecallOptions) => recall(context(), options))
}

/** Read of the journal for the proof. */
const MAX_BLOCKS = 100_000
const MAX_SHOWN = 1000
const FOLLOW_MS = 250
const FOLLOW_BATCH = 1000

async function recall(context: CommandContext, options: RecallOptions): Promise<void> {
  const interrupt = new AbortController()
  if (options.follow) context.streams.onInterrupt(() => interrupt.abort())
  const to = versionOf(options.to)
  const by = authorship(context, options)
  const since = performance.now()
  const { plan, hereOnly } = await takeBack(context, to, by)
  const hosts = await untilInForce(context, since, { hereOnly })
  const { from, target } = plan
  const start = context.store().policyVersion(target.version + 1)?.at ?? target.at
  const source = await openBlocks(context)
  const { blocks, cursor } = await source.query({ limit: MAX_BLOCKS, sinceMs: start })
  const affected = affectedUnder(blocks, target.version, from)
  const decide = standing(context)
  const cases = affected.map((one) => ({ ...one, now: standingWord(decide(one.user, one.claim)) }))
  const { out } = context.streams
  if (context.json) {
    out(
      jsonLine({
        recalled: from,
        to: target.version,
        this_host_only: hereOnly,
        hosts,
        blocked: countOf(affected.filter((one) => one.blocks > 0)),
        warned: countOf(affected.filter((one) => one.warnings > 0)),
        affected: cases.map(caseJson),
      }),
    )
  } else {
    const text = facts([
      ['taken back', `policy version ${from}`],
      ['in force again', `what version ${target.version} said`],
      ...(hereOnly ? [['ON THIS HOST ONLY', 'the store does not answer'] as const] : []),
      ...inForceText(hosts),
      ['blocked under it', countText(affected.filter((one) => one.blocks > 0))],
      ['warned under it', countText(affected.filter((one) => one.warnings > 0))],
    ])
    out(printableText(text + casesText(cases)))
  }
  if (options.follow) await follow(context, source, cursor, affected, interrupt.signal)
}

function versionOf(text: string | undefined): number | undefined {
  if (text !== undefined && !/^[1-9][0-9]{0,14}$/.test(text))
    throw new UsageError(`--to "${text}" is no policy version: see device-gate policy history`)
  return text === undefined ? undefined : Number(text)
}

/** On this host first, which needs no answer of a fleet's store; then everywhere. */
async function takeBack(
  context: CommandContext,
  to: number | undefined,
  by: Authorship,
): Promise<{ readonly plan: RecallPlan; readonly hereOnly: boolean }> {
  const store = context.store()
  const plan = planRecall(store, to)
  const fleet = context.fleet()
  await fleet?.store.recallHere({ ...by, ...plan })
  try {
    const pinned = context.config().policy.source === 'file'
    const done = await orderDesk(context).recall(plan.target.version, by, pinned)
    await fleet?.store.recallHere(null)
    return { plan: done, hereOnly: false }
  } catch (error) {
    if (!(error instanceof StoreProblem)) throw error
    note(
      context,
      `${error.message}; the recall is in force on this host alone: its gate gives it to the store as soon as that answers`,
    )
    return { plan, hereOnly: true }
  }
}

const countOf = (affected: readonly Affected[]): object => ({
  devices: devicesOf(affected),
  people: peopleOf(affected),
  first: isoTime(firstOf(affected)),
  last: isoTime(lastOf(affected)),
})

const countText = (affected: readonly Affected[]): string =>
  affected.length === 0
    ? 'nobody'
    : `${devicesOf(affected)} devices of ${peopleOf(affected)} people, ` +
      `first ${clockTime(firstOf(affected))}, last ${clockTime(lastOf(affected))}`

const devicesOf = (affected: readonly Affected[]): number =>
  new Set(affected.flatMap(({ device }) => device ?? [])).size
const peopleOf = (affected: readonly Affected[]): number => new Set(affected.map(({ user }) => user)).size
const firstOf = (affected: readonly Affected[]): number => Math.min(...affected.map(({ first }) => first))
const lastOf = (affected: readonly Affected[]): number => Math.max(...affected.map(({ last }) => last))

type Case = Affected & { readonly now: string }

const caseJson = ({ user, device, blocks, warnings, first, last, now }: Case): object => ({
  user,
  device,
  blocks,
  warnings,
  first: isoTime(first),
  last: isoTime(last),
  now,
})

function casesText(cases: readonly Case[]): string {
  if (cases.length === 0) return ''
  const rows = cases
    .slice(0, MAX_SHOWN)
    .map(({ user, device, blocks, warnings, first, last, now }) => [
      user,
      device,
      blocks,
      warnings,
      clockTime(first),
      clockTime(last),
      now,
    ])
  const more = cases.length > MAX_SHOWN ? `... and ${cases.length - MAX_SHOWN} more: --json lists all\n` : ''
  return `\n${table(['user', 'device', 'blocked', 'warned', 'first', 'last', 'now'], rows)}${more}`
}

/** The journal has what was refused or warned: who does not come up again is served, or did not try. */
async function follow(
  context: CommandContext,
  source: BlocksSource,
  start: string,
  affected: readonly Affected[],
  interrupted: AbortSignal,
): Promise<void> {
  const known = new Set(affected.map(caseKey))
  let cursor = start
  while (!interrupted.aborted) {
    const next = await source.after(cursor, FOLLOW_BATCH)
    cursor = next.cursor
    for (const block of next.blocks) {
      if (!known.has(caseKey(block))) continue
      const { time, user, device } = block
      const now = standingWord(block)
      context.streams.out(
        context.json
          ? jsonLine({ time: isoTime(time), user, device, policy: block.policy, now })
          : printableText(`${clockTime(time)}  ${user}  ${device ?? '-'}  policy ${block.policy}  ${now}\n`),
      )
    }
    await sleep(FOLLOW_MS, undefined, { signal: interrupted }).catch(() => undefined)
  }
}
