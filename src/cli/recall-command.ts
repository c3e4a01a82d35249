import { setTimeout as sleep } from 'node:timers/promises'
import type { Command } from 'commander'

import { visitorOfCase } from '../lookup/affected'
import type { Block, BlocksSource } from '../lookup/blocks-source'
import {
  blockedOf,
  countOf,
  proofJson,
  recallMoment,
  recallProof,
  syncedOf,
  warnedOf,
  type RecalledCase,
  type RecallProof,
} from '../lookup/recall-proof'
import { meaningOf, visitorOf } from '../lookup/served-since'
import { standingWord } from '../lookup/standing'
import { effectOf } from '../policy/decision'
import type { InForce } from '../orders/in-force'
import { takeBack } from '../orders/take-back'
import { siteBlocks } from '../lookup/site'
import { answer, note, type CommandContext } from './context'
import { inForceText, untilInForce } from './in-force'
import { authorship, type ReasonOptions } from './orders'
import { clockTime, facts, isoTime, jsonLine, printableText, table, UsageError } from './output'

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
    .option('--follow', 'go on and tell who is served again and who is not, until interrupted')
    .action(async (options: RecallOptions) => recall(context(), options))
}

const MAX_SHOWN = 1000
const FOLLOW_MS = 250
const FOLLOW_BATCH = 1000

async function recall(context: CommandContext, options: RecallOptions): Promise<void> {
  const interrupt = new AbortController()
  if (options.follow) context.streams.onInterrupt(() => interrupt.abort())
  const to = versionOf(options.to)
  const by = authorship(context, options)
  const since = performance.now()
  const site = { store: context.store(), fleet: context.fleet(), now: context.now }
  const { plan, storeProblem } = await takeBack(site, to, by, context.config().policy.source === 'file')
  const hereOnly = storeProblem !== null
  if (hereOnly)
    note(
      context,
      `${storeProblem}; the recall is in force on this host alone: its gate gives it to the store as soon as that answers`,
    )
  const hosts = await untilInForce(context, since, { hereOnly })
  const source = await siteBlocks(context)
  const proof = await recallProof({ plan, at: by.at, hereOnly, hosts }, context, source)
  answer(context, proofJson(proof), proofText(proof))
  if (options.follow) await follow(context, source, proof, interrupt.signal)
}

function versionOf(text: string | undefined): number | undefined {
  if (text !== undefined && !/^[1-9][0-9]{0,14}$/.test(text))
    throw new UsageError(`--to "${text}" is no policy version: see device-gate policy history`)
  return text === undefined ? undefined : Number(text)
}

const proofText = ({ plan, hereOnly, hosts, cases }: RecallProof): string =>
  facts([
    ['taken back', `policy version ${plan.from}`],
    ['in force again', `what version ${plan.target.version} said`],
    ...(hereOnly ? [['ON THIS HOST ONLY', 'the store does not answer'] as const] : []),
    ...inForceText(hosts),
    ['blocked under it', countText(blockedOf(cases))],
    ['warned under it', countText(warnedOf(cases))],
    ...(cases.length === 0 ? [] : [['synced since', syncedText(cases)] as const]),
  ]) +
  workersText(hosts) +
  casesText(cases)

function syncedText(cases: readonly RecalledCase[]): string {
  const { devices, people } = countOf(syncedOf(cases))
  return `${devices} devices of ${people} people so far`
}

function workersText(hosts: readonly InForce[]): string {
  const rows = hosts.flatMap(({ host, workers }) => workers.map(({ pid, at }) => [host, pid, isoTime(at)]))
  return rows.length === 0 ? '' : `\n${table(['host', 'worker', 'in force at'], rows)}`
}

function countText(cases: readonly RecalledCase[]): string {
  const { devices, people, first, last } = countOf(cases)
  if (first === null || last === null) return 'nobody'
  return `${devices} devices of ${people} people, first ${clockTime(first)}, last ${clockTime(last)}`
}

function casesText(cases: readonly RecalledCase[]): string {
  if (cases.length === 0) return ''
  const rows = cases
    .slice(0, MAX_SHOWN)
    .map(({ user, device, blocks, warnings, first, last, now, syncedAt }) => [
      user,
      device,
      blocks,
      warnings,
      clockTime(first),
      clockTime(last),
      now,
      syncedAt === null ? null : clockTime(syncedAt),
    ])
  const more = cases.length > MAX_SHOWN ? `... and ${cases.length - MAX_SHOWN} more: --json lists all\n` : ''
  return `\n${table(['user', 'device', 'blocked', 'warned', 'first', 'last', 'now', 'synced'], rows)}${more}`
}

/** Tells who of those whom the order had hit is served again, once, or refused or warned again, each time. */
async function follow(
  context: CommandContext,
  source: BlocksSource,
  proof: RecallProof,
  interrupted: AbortSignal,
): Promise<void> {
  const recall = recallMoment(proof)
  const hit = new Set(proof.cases.map(visitorOfCase))
  const synced = new Set(syncedOf(proof.cases).map(visitorOfCase))
  let { cursor } = proof
  while (!interrupted.aborted) {
    const next = await source.after(cursor, FOLLOW_BATCH)
    cursor = next.cursor
    for (const block of next.blocks) {
      const visitor = visitorOf(block)
      const meaning = meaningOf(recall, block)
      // Refused just before the recall came to their worker.
      if (meaning === 'hit') hit.add(visitor)
      if (!hit.has(visitor) || meaning === undefined || meaning === 'hit') continue
      if (meaning === 'served' && synced.has(visitor) && effectOf(block) === 'allow') continue
      if (meaning === 'served') synced.add(visitor)
      tellOfSync(context, block, `${synced.size} of ${hit.size} have synced`)
    }
    await sleep(FOLLOW_MS, undefined, { signal: interrupted }).catch(() => undefined)
  }
}

function tellOfSync(context: CommandContext, block: Block, count: string): void {
  const { time, user, device, policy } = block
  const now = standingWord(block)
  const text = `${clockTime(time)}  ${user}  ${device ?? '-'}  policy ${policy}  ${now}  (${count})\n`
  context.streams.out(
    context.json ? jsonLine({ time: isoTime(time), user, device, policy, now }) : printableText(text),
  )
}
