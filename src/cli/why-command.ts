import type { Command } from 'commander'

import type { OpenSessions } from '../journal/inquiries'
import type { JournalEntry } from '../journal/journal'
import type { Case } from '../lookup/case'
import { NotKnownError } from '../lookup/site'
import { questionOf, why, whyJson, type Why } from '../lookup/why'
import { answer, type CommandContext } from './context'
import { didYouMean } from './near-device'
import { age, clockTime, facts, outcomeStyle, Refusal, table } from './output'

export function whyCommand(program: Command, context: () => CommandContext): void {
  program
    .command('why')
    .description('why a user, a device, or the case of a decision id is blocked or allowed')
    .argument('<who>', 'a user, a device id, or the decision id from a refusal')
    .action((who: string) => showWhy(context(), who))
}

async function showWhy(context: CommandContext, who: string): Promise<void> {
  const question = questionOf(context, who)
  const found = await why(context, question).catch((error: unknown) => {
    if (!(error instanceof NotKnownError)) throw error
    throw new Refusal(`no device, user or decision is known as ${who}${didYouMean(context.store(), who)}`)
  })
  const { cases, recent } = found
  const text = cases
    .map((one) => `${one.title}\n${indented(describe(context, one) + stepsText(one))}\n`)
    .join('')
  answer(context, whyJson(found, context.now()), text + sessionsText(found) + recentText(recent))
}

function describe(context: CommandContext, { decision, device }: Case): string {
  const { outcome, reason, rule, enforced, evidenceAt } = decision
  const evidence =
    evidenceAt === null
      ? 'none'
      : `${age((context.now() - evidenceAt) / 1000)} old, from ${device?.source ?? "the person's own word"}`
  return facts([
    [
      'decision',
      {
        text: enforced || outcome === 'allow' ? outcome : `allow (would ${outcome})`,
        style: outcomeStyle(outcome, enforced),
      },
    ],
    ['because', rule === null ? reason : `${reason}: ${rule}`],
    ...(decision.proof === 'owner' && decision.deviceId !== null
      ? [['decided by', `device ${decision.deviceId}`] as const]
      : []),
    ['state', device?.state],
    ['findings', device ? device.findings.join(', ') || 'none' : undefined],
    ['evidence', evidence],
    ['proven by', decision.proof === 'owner' ? "nothing: the owner's devices decide" : decision.proof],
    ['holds until', clockTime(decision.validUntil)],
    ['tell them', decision.text || 'nothing'],
  ])
}

const indented = (text: string): string => text.replace(/^(?=.)/gm, '  ')

const stepsText = ({ steps }: Case): string =>
  table(
    ['step', 'what', 'result', 'saw'],
    steps.map(({ step, name, result, effect, saw }) => [
      step,
      name,
      {
        text: effect ? `${result}: ${effect.action}` : result,
        style: result === 'decided' && effect ? outcomeStyle(effect.action, true) : 'dim',
      },
      saw || '-',
    ]),
  )

function sessionsText({ sessions }: Why): string {
  if (sessions === null) return 'open sessions: a worker does not answer\n\n'
  if (sessions.length === 0) return ''
  const line = ({ user, device, count, since }: OpenSessions): string =>
    `  ${count} of ${user} ${device === null ? 'that proved no device' : `on ${device}`}, since ${clockTime(since)}\n`
  return `open sessions\n${sessions.map(line).join('')}\n`
}

function recentText(entries: readonly JournalEntry[]): string {
  if (entries.length === 0) return 'no blocks or warnings on record\n'
  const line = (e: JournalEntry): string =>
    `  ${clockTime(e.time)}  ${e.protocol}  ${e.enforced ? e.outcome : `would ${e.outcome}`}  ${e.reason}  decision ${e.decision}  repeats ${e.repeats}\n`
  return `recent\n${entries.map(line).join('')}`
}
