import type { Command } from 'commander'

import { formatProblem } from '../config/config-problem'
import { openPolicy } from '../config/policy-source'
import { readStatus, type HostStatus } from '../config/status-file'
import { readTagKeyFile } from '../config/tag-key-file'
import { pendingEdit, pendingText, type Pending } from '../orders/pending'
import { currentHolds, holdText, type Hold } from '../orders/holds'
import { proposals, type Proposal } from '../orders/proposal'
import { newestRecall, type Recall } from '../orders/recall'
import { unlessDamaged } from '../devices/unless-damaged'
import { answer, type CommandContext } from './context'
import { fleetJson, fleetStatus, fleetSummary, fleetText } from './fleet-hosts'
import { modeFacts, modeText, overrideJson, overrideText } from './mode-command'
import { clockTime, facts, isoTime } from './output'

export function statusCommand(program: Command, context: () => CommandContext): void {
  program
    .command('status')
    .description('what is in force on this host, and what needs attention')
    .action(async () => status(context()))
}

async function status(context: CommandContext): Promise<void> {
  const { stateDir, enforcement, identity, policy } = context.config()
  const store = context.store()
  const found = modeFacts(context)
  const { mode, policyMode, policyVersion, override } = found
  const damaged = [...found.damaged]
  const gate = readStatus(stateDir)
  const policyProblems = gate?.policyProblems ?? (policy.source === 'file' ? fileProblems(context) : [])
  const configProblems = gate?.configProblems ?? context.configProblems()
  const waiting = gate?.configWaiting ?? []
  const pending =
    unlessDamaged(
      () => pendingEdit(store),
      (message) => damaged.push(message),
    ) ?? null
  const recall =
    unlessDamaged(
      () => newestRecall(store),
      (message) => damaged.push(message),
    ) ?? null
  const waitingProposals = [
    ...(unlessDamaged(
      () => proposals(store),
      (message) => damaged.push(message),
    ) ?? []),
  ]
  const held = Object.entries(
    unlessDamaged(
      () => currentHolds(store).held,
      (message) => damaged.push(message),
    ) ?? {},
  )
  const { keys } = readTagKeyFile(identity.tag.keyFile)
  const signing = keys[0]?.id ?? null
  const counts = store.counts()
  const sequence = store.sequence()
  const fleet = context.fleet()
  const hosts = fleet && (await fleetStatus(fleet))
  const workers = gate ? context.workers() : []
  const sessions = workers.reduce((sum, worker) => sum + worker.sessions, 0)
  const setAside = fleet?.store.setAside()
  const json = {
    mode,
    policy_mode: policyMode,
    mode_override: overrideJson(override),
    enforcement,
    policy_version: policyVersion,
    policy_problems: policyProblems,
    pending: pendingJson(pending),
    recall: recallJson(recall),
    held: held.map(holdJson),
    proposals: waitingProposals.map(proposalJson),
    config_problems: configProblems,
    config_waiting: waiting,
    damaged,
    gate: gate ? { pid: gate.pid, since: isoTime(gate.startedAt), workers: workers.length, sessions } : null,
    tag_keys: { count: keys.length, signing },
    devices: counts.devices,
    overrides: counts.overrides,
    sequence,
    state_dir: stateDir,
    ...(hosts && setAside && { fleet: { ...fleetJson(hosts, context.now()), set_aside: setAside } }),
  }
  const text = facts([
    ...damaged.map((message) => ['DAMAGED', message] as const),
    ['mode in force here', modeText(found)],
    ["policy's own mode", policyMode],
    ['mode override', overrideText(override)],
    ["this host's enforcement", enforcement],
    ['policy version', policyVersion],
    [policy.source === 'file' ? 'policy file' : 'policy in the store', standing(policyProblems, gate)],
    ...(recall?.pinned ? [['RECALLED', recallText(recall)] as const] : []),
    ...waitingProposals.map((one) => ['PROPOSED', proposalText(one)] as const),
    ...held.map(([id, hold]) => ['HELD BACK', holdText(id, hold)] as const),
    ...(pending
      ? [['HELD BACK', `the edit of ${clockTime(pending.since)}: ${pendingText(pending)}`] as const]
      : []),
    ['config file', standing(configProblems, gate)],
    ...waiting.map((key) => ['waits for a restart', key] as const),
    ['gate', gate ? `running, pid ${gate.pid}, since ${clockTime(gate.startedAt)}` : 'not running'],
    ...(gate ? [['IMAP sessions', `${sessions} open, in ${workers.length} workers`] as const] : []),
    ['tag keys', signing === null ? 'none, so every tag is refused' : `${keys.length}, ${signing} signs`],
    ['devices', counts.devices],
    ['exemptions and locks', counts.overrides],
    ['change sequence', sequence],
    ['state directory', stateDir],
    ...(hosts ? [['fleet', `${hosts.place}: ${fleetSummary(hosts)}`] as const] : []),
    ...(setAside?.examples ?? []).map((example) => ['set aside, unreadable', example] as const),
  ])
  answer(context, json, hosts ? text + fleetText(hosts, context.now()) : text)
}

const recallJson = (recall: Recall | null): object | null => recall && { ...recall, at: isoTime(recall.at) }

const recallText = ({ from, to, author, at, reason }: Recall): string =>
  `version ${from}, back to what version ${to} said (${author}, ${clockTime(at)}: ${reason}); ` +
  'edits of the policy file are held back until one is confirmed, or device-gate policy unpin'

const proposalJson = ([id, proposal]: [string, Proposal]): object => ({
  id,
  author: proposal.author,
  reason: proposal.reason,
  at: isoTime(proposal.at),
  newly_blocked: proposal.newlyBlocked,
  devices: proposal.devices,
})

const proposalText = ([id, { author, at, reason, newlyBlocked, devices }]: [string, Proposal]): string =>
  `${id} (${author}, ${clockTime(at)}: ${reason}): it would newly block ${newlyBlocked} of ${devices} devices: ` +
  `device-gate policy approve ${id} --reason "..."`

const holdJson = ([id, hold]: [string, Hold]): object => ({
  mandate: id,
  at: isoTime(hold.moment),
  newly_blocked: hold.newlyBlocked,
  devices: hold.devices,
  bound: hold.bound,
  since: isoTime(hold.since),
  confirm: `device-gate policy confirm ${hold.newlyBlocked} --mandate ${id} --reason TEXT`,
})

export const pendingJson = (pending: Pending | null): object | null =>
  pending && {
    cause: pending.cause,
    newly_blocked: pending.newlyBlocked,
    devices: pending.devices,
    bound: pending.bound,
    since: isoTime(pending.since),
    confirm: `device-gate policy confirm ${pending.newlyBlocked} --reason TEXT`,
  }

const fileProblems = (context: CommandContext): string[] => {
  const { first } = openPolicy(context.harakaDir)
  return first.ok ? [] : first.problems.map(formatProblem)
}

function standing(problems: readonly string[], gate: HostStatus | undefined): string {
  const word = gate ? 'in force' : 'valid'
  return problems.length === 0 ? word : `NOT ${word}: ${problems.join('; ')}`
}
