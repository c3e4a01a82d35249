import type { Command } from 'commander'

import { readTextFile } from '../config/file-watcher'
import type { HistoryEntry } from '../devices/history'
import type { Authorship, PolicyVersion } from '../devices/store'
import { inForceJson } from '../orders/in-force'
import type { Draft } from '../orders/order-desk'
import { pendingEdit, pendingText } from '../orders/pending'
import { proposals } from '../orders/proposal'
import { answer, configFile, type CommandContext } from './context'
import { readable } from '../lookup/site'
import { inForceText, untilInForce } from './in-force'
import { NO_POLICY } from '../lookup/site'
import { authorship, CONFIRM, confirmed, figure, orderDesk, type ReasonOptions } from './orders'
import { orderJson } from '../lookup/order'
import { pendingJson } from '../lookup/status'
import { clockTime, facts, isoTime, printable, Refusal, table, UsageError } from './output'
import { validDraft, validPolicy } from './valid-policy'

/** The subcommands of `policy` that put one in force, and the history of what was ordered. */
export function policyOrdersCommands(command: Command, context: () => CommandContext): void {
  command
    .command('history')
    .description(
      'list what was ordered, newest first: policies, modes, exemptions, locks, and who did it why',
    )
    .action(() => history(context()))
  command
    .command('apply')
    .description('put a policy into the store as the next version; for policy.source: fleet')
    .argument('<file>')
    .option('--reason <text>', 'why; kept with it')
    .option(...CONFIRM)
    .action(async (file: string, options: ReasonOptions) => apply(context(), file, options))
  command
    .command('confirm')
    .description(
      'put the edit of the policy file in force that was held back, or let a mandate block that was',
    )
    .argument('<figure>', 'how many devices it newly blocks, as device-gate status says')
    .option('--mandate <id>', 'the mandate that is held back; default: the edit')
    .option('--reason <text>', 'why; kept with it')
    .action(async (text: string, options: MandateOptions) => confirm(context(), text, options))
  command
    .command('unpin')
    .description('let the policy file count again after a recall')
    .option('--reason <text>', 'why; kept with it')
    .action(async (options: ReasonOptions) => unpin(context(), options))
  command
    .command('propose')
    .description("lay a policy before a second person; default: the site's own file")
    .argument('[file]')
    .option('--mandate <id>', 'instead: that this mandate may block, which is held back')
    .option('--reason <text>', 'why; kept with it')
    .action(async (file: string | undefined, options: MandateOptions) => propose(context(), file, options))
  command
    .command('approve')
    .description('put what another person proposed in force')
    .argument('<id>', 'as policy propose said, and device-gate status says')
    .option('--reason <text>', 'why; kept with it')
    .action(async (id: string, options: ReasonOptions) => approve(context(), id, options))
}

async function apply(context: CommandContext, file: string, options: ReasonOptions): Promise<void> {
  if (context.config().policy.source === 'file')
    throw new Refusal('policy.source is file: edit device_gate_policy.yaml, which is live within a second')
  const by = authorship(context, options)
  const draft = validPolicy(context, file)
  const since = performance.now()
  await orderDesk(context).applyPolicy(draft, by, confirmed(options))
  await answerInForce(context, since)
}

type MandateOptions = ReasonOptions & { readonly mandate?: string }

async function confirm(context: CommandContext, text: string, options: MandateOptions): Promise<void> {
  const newlyBlocked = figure('the figure', text)
  const by = authorship(context, options)
  if (options.mandate !== undefined) {
    const start = performance.now()
    await orderDesk(context).confirmMandate(options.mandate, by, newlyBlocked)
    return answerInForce(context, start)
  }
  const pending = pendingEdit(context.store())
  if (!pending) throw new Refusal('nothing is held back: see device-gate status')
  const draft = validDraft(context, pending.text, policyFile(context))
  const since = performance.now()
  await orderDesk(context).confirmPending(draft, by, newlyBlocked)
  await answerInForce(context, since)
}

async function propose(
  context: CommandContext,
  file: string | undefined,
  options: MandateOptions,
): Promise<void> {
  const by = authorship(context, options)
  const { mandate } = options
  if (mandate !== undefined && file !== undefined)
    throw new UsageError('propose a file or a mandate, not both at once')
  const { id, figure: told } = await (mandate === undefined
    ? orderDesk(context).propose(proposedDraft(context, file), by)
    : orderDesk(context).proposeMandate(mandate, by))
  const { newlyBlocked, devices } = told
  answer(
    context,
    { id, newly_blocked: newlyBlocked, devices },
    `proposal ${id}: it would newly block ${newlyBlocked} of ${devices} devices; ` +
      `somebody else puts it in force: device-gate policy approve ${id} --reason "..."\n`,
  )
}

function proposedDraft(context: CommandContext, file = policyFile(context)): Draft {
  const draft = validPolicy(context, file)
  if (context.config().policy.source === 'file' && draft.text !== siteText(context))
    throw new Refusal('policy.source is file: edit device_gate_policy.yaml, and propose that')
  return draft
}

const policyFile = (context: CommandContext): string => configFile(context, 'device_gate_policy.yaml')

function siteText(context: CommandContext): string | undefined {
  const content = readTextFile(policyFile(context))
  return content.ok ? content.text : undefined
}

async function approve(context: CommandContext, id: string, options: ReasonOptions): Promise<void> {
  const by = authorship(context, options)
  const proposal = proposals(context.store()).get(id)
  if (!proposal) throw new Refusal(`there is no proposal ${printable(id)}: see device-gate status`)
  const since = performance.now()
  if ('mandate' in proposal) await orderDesk(context).approveMandate(id, proposal.mandate, by)
  else await approvePolicy(context, id, proposal.text, by)
  await answerInForce(context, since)
}

async function approvePolicy(
  context: CommandContext,
  id: string,
  text: string,
  by: Authorship,
): Promise<void> {
  if (context.config().policy.source === 'file' && text !== siteText(context))
    throw new Refusal('device_gate_policy.yaml was edited since: propose it again')
  await orderDesk(context).approve(id, validDraft(context, text, `proposal ${id}`), by)
}

async function unpin(context: CommandContext, options: ReasonOptions): Promise<void> {
  const by = authorship(context, options)
  const { entry } = await orderDesk(context).unpin(by)
  if (!entry) throw new Refusal('no recall pins the policy: see device-gate status')
  const waiting = pendingEdit(context.store())
  if (!waiting) {
    answer(context, { pending: null }, 'the next edit of the policy file counts again\n')
    return
  }
  const draft = validDraft(context, waiting.text, policyFile(context))
  const since = performance.now()
  const { pending } = await orderDesk(context).takeFile(draft, by)
  if (!pending) return answerInForce(context, since)
  answer(context, { pending: pendingJson(pending) }, `the edit is still held back: ${pendingText(pending)}\n`)
}

async function answerInForce(context: CommandContext, since: number): Promise<void> {
  const hosts = await untilInForce(context, since)
  const store = context.store()
  const applied = store.policyVersion(store.activePolicy()?.version ?? 0)
  if (!applied) throw new Refusal(NO_POLICY)
  const { version, policy } = applied
  answer(
    context,
    { ...versionJson(applied), hosts: inForceJson(hosts) },
    facts([['policy version', version], ['mode', policy.mode], ...inForceText(hosts)]),
  )
}

export const versionJson = ({ version, at, author, reason, policy }: PolicyVersion): object => ({
  version,
  applied_at: isoTime(at),
  author,
  reason,
  mode: policy.mode,
  mandates: policy.mandates.map(({ id }) => id),
})

const HISTORY_LIMIT = 1000

function history(context: CommandContext): void {
  const entries = readable(context, context.store().history(HISTORY_LIMIT))
  const row = (e: HistoryEntry): (string | number)[] => [
    e.n,
    clockTime(e.at),
    e.who,
    e.kind,
    e.version,
    e.change,
    e.reason,
  ]
  const text =
    entries.length === 0
      ? 'nothing was ordered yet\n'
      : table(['n', 'at', 'who', 'what', 'policy', 'change', 'reason'], entries.map(row))
  answer(context, entries.map(orderJson), text)
}
