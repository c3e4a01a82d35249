import type { Command } from 'commander'

import { normaliseUser } from '../devices/record'
import { formatEntry, type JournalEntry } from '../journal/journal'
import type { Decision } from '../policy/decision'
import type { DeviceRecord } from '../policy/device'
import { decideFor, decideForDevice } from './standing'
import { answer, type CommandContext } from './context'
import { age, facts, isoTime, Refusal } from './output'

const RECENT = 5
const MAX_DEVICES = 64

export function whyCommand(program: Command, context: () => CommandContext): void {
  program
    .command('why')
    .description('why a user, a device, or the case of a decision id is blocked or allowed')
    .argument('<who>', 'a user, a device id, or the decision id from a refusal')
    .action((who: string) => why(context(), who))
}

function why(context: CommandContext, who: string): void {
  const device = context.store().device(who)
  if (device) return show(context, [deviceCase(context, device)], { device: who })
  const user = normaliseUser(who)
  const devices = context.store().deviceIdsOf(user, MAX_DEVICES)
  if (devices.length > 0 || who.includes('@')) return whyUser(context, user, devices)
  const id = who.toUpperCase()
  const entries = context.journal().query({ decision: id, limit: RECENT })
  const [entry] = entries
  if (!entry) throw new Refusal(`no device, user or decision is known as ${who}`)
  whyDecision(context, entry)
}

interface Case {
  readonly title: string
  readonly device: DeviceRecord | undefined
  readonly decision: Decision
}

const deviceCase = (context: CommandContext, device: DeviceRecord): Case => ({
  title: `device ${device.id} (${device.platform}, ${device.owners.join(', ')})`,
  device,
  decision: decideForDevice(context, device),
})

function whyUser(context: CommandContext, user: string, ids: readonly string[]): void {
  const cases = ids.flatMap((id) => {
    const device = context.store().device(id)
    return device ? [deviceCase(context, device)] : []
  })
  const unidentified = decideFor(context, user, null)
  show(
    context,
    [
      ...cases,
      { title: `${user} on a client that proves no device`, device: undefined, decision: unidentified },
    ],
    { user },
  )
}

function whyDecision(context: CommandContext, entry: JournalEntry): void {
  const device = entry.device === null ? undefined : context.store().device(entry.device)
  const { proof } = entry
  const proven = entry.device !== null && proof !== 'owner' && proof !== 'none'
  const claim = proven ? { deviceId: entry.device, proof } : null
  const decision = decideFor(context, entry.user, claim)
  show(
    context,
    [{ title: `${entry.user}${device ? `, device ${device.id}` : ''}, as it is now`, device, decision }],
    { decision: entry.decision },
  )
}

function show(
  context: CommandContext,
  cases: readonly Case[],
  filter: { user?: string; device?: string; decision?: string },
): void {
  const recent = context.journal().query({ ...filter, limit: RECENT })
  const json = {
    cases: cases.map(({ decision, device }) => ({
      ...decision,
      validUntil: isoTime(decision.validUntil),
      findings: device?.findings ?? [],
    })),
    recent: recent.map(formatEntry),
  }
  const text = cases.map((one) => `${one.title}\n${indented(describe(context, one))}\n`).join('')
  answer(context, json, text + recentText(recent))
}

function describe(context: CommandContext, { decision, device }: Case): string {
  const { outcome, reason, rule, enforced, evidenceAt } = decision
  const evidence =
    evidenceAt === null
      ? 'none'
      : `${age((context.now() - evidenceAt) / 1000)} old, from ${device?.source ?? 'its feed'}`
  return facts([
    ['decision', enforced || outcome === 'allow' ? outcome : `allow (would ${outcome})`],
    ['because', rule === null ? reason : `${reason}: ${rule}`],
    ['state', device?.state],
    ['findings', device ? device.findings.join(', ') || 'none' : undefined],
    ['evidence', evidence],
    ['holds until', isoTime(decision.validUntil)],
    ['tell them', decision.text || 'nothing'],
  ])
}

const indented = (text: string): string => text.replace(/^(?=.)/gm, '  ')

function recentText(entries: readonly JournalEntry[]): string {
  if (entries.length === 0) return 'no blocks or warnings on record\n'
  const line = (e: JournalEntry): string =>
    `  ${isoTime(e.time)}  ${e.protocol}  ${e.enforced ? e.outcome : `would ${e.outcome}`}  ${e.reason}  decision ${e.decision}  repeats ${e.repeats}\n`
  return `recent\n${entries.map(line).join('')}`
}
