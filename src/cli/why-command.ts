import type { Command } from 'commander'

import { normaliseUser } from '../devices/record'
import { formatEntry, type JournalEntry, type JournalQuery } from '../journal/journal'
import type { Decision } from '../policy/decision'
import type { DeviceRecord } from '../policy/device'
import { claimOf } from '../lookup/affected'
import type { Standing } from '../lookup/standing'
import { unlessDamaged } from '../devices/unless-damaged'
import { answer, note, siteBlocks, type CommandContext } from './context'
import { age, clockTime, facts, isoTime, Refusal } from './output'
import { standing } from './standing'

const RECENT = 5
const MAX_DEVICES = 64

export function whyCommand(program: Command, context: () => CommandContext): void {
  program
    .command('why')
    .description('why a user, a device, or the case of a decision id is blocked or allowed')
    .argument('<who>', 'a user, a device id, or the decision id from a refusal')
    .action((who: string) => why(context(), who))
}

async function why(context: CommandContext, who: string): Promise<void> {
  const device = context.store().device(who)
  if (device) {
    show(context, [deviceCase(standing(context), device)], { device: who })
    return
  }
  const user = normaliseUser(who)
  const devices = context.store().deviceIdsOf(user, MAX_DEVICES)
  if (devices.length > 0 || who.includes('@')) {
    whyUser(context, user, devices)
    return
  }
  const query = { decision: decisionId(who), limit: 1 }
  const [own] = context.journal().query(query)
  const entry = own ?? (await onAnyHost(context, query))
  if (!entry) throw new Refusal(`no device, user or decision is known as ${who}`)
  whyDecision(context, entry)
}

/** A person may have been refused on any host of the fleet. */
async function onAnyHost(context: CommandContext, query: JournalQuery): Promise<JournalEntry | undefined> {
  if (context.config().store.kind === 'embedded') return undefined
  const { blocks } = await (await siteBlocks(context)).query(query)
  return blocks[0]
}

/** As it was meant: people read them out, and type what they heard (Crockford's base 32 has no I, L and O). */
const decisionId = (text: string): string => text.toUpperCase().replace(/[IL]/g, '1').replace(/O/g, '0')

interface Case {
  readonly title: string
  readonly user: string
  readonly device: DeviceRecord | undefined
  readonly decision: Decision
}

/** A device as it stands when it proves itself with a tag of `user`. */
const deviceCase = (decide: Standing, device: DeviceRecord, user = device.owners[0] ?? ''): Case => ({
  title: `device ${device.id} (${[device.platform, ...device.owners].join(', ')})`,
  user,
  device,
  decision: decide(user, { deviceId: device.id, proof: 'tag' }),
})

function whyUser(context: CommandContext, user: string, ids: readonly string[]): void {
  const decide = standing(context)
  const cases = ids.flatMap((id) => {
    const device = readDevice(context, id)
    return device ? [deviceCase(decide, device, user)] : []
  })
  const known = ids.length > 0 ? '' : ' (and no device of this user was ever reported)'
  const title = `${user} on a client that proves no device${known}`
  const decision = decide(user, null)
  show(context, [...cases, { title, user, device: undefined, decision }], { user })
}

function whyDecision(context: CommandContext, entry: JournalEntry): void {
  const { user } = entry
  const device = entry.device === null ? undefined : readDevice(context, entry.device)
  const title = `${user}${entry.device === null ? '' : `, device ${entry.device}`}, as it is now`
  const decision = standing(context)(user, claimOf(entry))
  show(context, [{ title, user, device, decision }], { decision: entry.decision }, [entry])
}

function show(
  context: CommandContext,
  cases: readonly Case[],
  filter: { user?: string; device?: string; decision?: string },
  elsewhere: readonly JournalEntry[] = [],
): void {
  const here = context.journal().query({ ...filter, limit: RECENT })
  const recent = here.length > 0 ? here : elsewhere
  const json = { cases: cases.map(caseJson), recent: recent.map(formatEntry) }
  const text = cases.map((one) => `${one.title}\n${indented(describe(context, one))}\n`).join('')
  answer(context, json, text + recentText(recent))
}

const caseJson = ({ user, device, decision }: Case): object => ({
  user,
  device: decision.deviceId,
  platform: decision.platform,
  proof: decision.proof,
  outcome: decision.outcome,
  enforced: decision.enforced,
  reason: decision.reason,
  rule: decision.rule,
  policy: decision.policyVersion,
  state: device?.state ?? null,
  findings: device?.findings ?? [],
  evidence_at: decision.evidenceAt === null ? null : isoTime(decision.evidenceAt),
  valid_until: isoTime(decision.validUntil),
  text: decision.text,
})

function describe(context: CommandContext, { decision, device }: Case): string {
  const { outcome, reason, rule, enforced, evidenceAt } = decision
  const evidence =
    evidenceAt === null
      ? 'none'
      : `${age((context.now() - evidenceAt) / 1000)} old, from ${device?.source ?? 'its feed'}`
  return facts([
    ['decision', enforced || outcome === 'allow' ? outcome : `allow (would ${outcome})`],
    ['because', rule === null ? reason : `${reason}: ${rule}`],
    ...(device === undefined && decision.deviceId !== null
      ? [['decided by', `device ${decision.deviceId}`] as const]
      : []),
    ['state', device?.state],
    ['findings', device ? device.findings.join(', ') || 'none' : undefined],
    ['evidence', evidence],
    ['holds until', clockTime(decision.validUntil)],
    ['tell them', decision.text || 'nothing'],
  ])
}

const readDevice = (context: CommandContext, id: string): DeviceRecord | undefined =>
  unlessDamaged(
    () => context.store().device(id),
    (message) => note(context, message),
  )

const indented = (text: string): string => text.replace(/^(?=.)/gm, '  ')

function recentText(entries: readonly JournalEntry[]): string {
  if (entries.length === 0) return 'no blocks or warnings on record\n'
  const line = (e: JournalEntry): string =>
    `  ${clockTime(e.time)}  ${e.protocol}  ${e.enforced ? e.outcome : `would ${e.outcome}`}  ${e.reason}  decision ${e.decision}  repeats ${e.repeats}\n`
  return `recent\n${entries.map(line).join('')}`
}
