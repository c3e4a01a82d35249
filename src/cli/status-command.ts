import type { Command } from 'commander'

import type { HostStatus } from '../config/status-file'
import { fleetSummary } from '../lookup/fleet-status'
import { statusFacts, statusJson, type StatusFacts } from '../lookup/status'
import { feedText } from '../lookup/feeds'
import { holdText } from '../orders/holds'
import { pendingText } from '../orders/pending'
import type { Proposal } from '../orders/proposal'
import type { Recall } from '../orders/recall'
import { answer, type CommandContext } from './context'
import { fleetTable } from './fleet-table'
import { modeText, overrideText } from './mode-command'
import { clockTime, facts } from './output'

export function statusCommand(program: Command, context: () => CommandContext): void {
  program
    .command('status')
    .description('what is in force on this host, and what needs attention')
    .action(async () => status(context()))
}

async function status(context: CommandContext): Promise<void> {
  const found = await statusFacts(context)
  const now = context.now()
  const hosts = found.fleet ? fleetTable(found.fleet.status, now) : ''
  answer(context, statusJson(found, now), statusText(found, now) + hosts)
}

const statusText = (found: StatusFacts, now: number): string =>
  facts([
    ...found.damaged.map((message) => ['DAMAGED', message] as const),
    ['mode in force here', modeText(found)],
    ["policy's own mode", found.policyMode],
    ['mode override', overrideText(found.override)],
    ["this host's enforcement", found.enforcement],
    ['policy version', found.policyVersion],
    [
      found.policySource === 'file' ? 'policy file' : 'policy in the store',
      standing(found.policyProblems, found.gate),
    ],
    ...(found.recall?.pinned ? [['RECALLED', recallText(found.recall)] as const] : []),
    ...found.proposals.map((one) => ['PROPOSED', proposalText(one)] as const),
    ...found.held.map(([id, hold]) => ['HELD BACK', holdText(id, hold)] as const),
    ...(found.pending
      ? [
          [
            'HELD BACK',
            `the edit of ${clockTime(found.pending.since)}: ${pendingText(found.pending)}`,
          ] as const,
        ]
      : []),
    ['config file', standing(found.configProblems, found.gate)],
    ...found.configWaiting.map((key) => ['waits for a restart', key] as const),
    [
      'gate',
      found.gate ? `running, pid ${found.gate.pid}, since ${clockTime(found.gate.startedAt)}` : 'not running',
    ],
    ...(found.gate
      ? [['IMAP sessions', `${found.sessions} open, in ${found.workers} workers`] as const]
      : []),
    ...(found.gate?.adminAddress != null ? [['admin server', found.gate.adminAddress] as const] : []),
    ...(found.gate?.adminProblem != null ? [['ADMIN SERVER', found.gate.adminProblem] as const] : []),
    ...(found.gate?.oauthProblem != null ? [['OAUTH KEYS', found.gate.oauthProblem] as const] : []),
    ['tag keys', keysText(found.tagKeys)],
    ...found.feeds.map((feed) => [`feed ${feed.name}`, feedText(feed, now)] as const),
    ['devices', found.devices],
    ['exemptions and locks', found.overrides],
    ['change sequence', found.sequence],
    ['state directory', found.stateDir],
    ...(found.fleet
      ? [['fleet', `${found.fleet.status.place}: ${fleetSummary(found.fleet.status)}`] as const]
      : []),
    ...(found.fleet?.setAside.examples ?? []).map((example) => ['set aside, unreadable', example] as const),
  ])

const keysText = ({ count, signing }: StatusFacts['tagKeys']): string =>
  signing === null ? 'none, so every tag is refused' : `${count}, ${signing} signs`

const recallText = ({ from, to, author, at, reason }: Recall): string =>
  `version ${from}, back to what version ${to} said (${author}, ${clockTime(at)}: ${reason}); ` +
  'edits of the policy file are held back until one is confirmed, or device-gate policy unpin'

function proposalText([id, proposal]: readonly [string, Proposal]): string {
  const { author, at, reason, newlyBlocked, devices } = proposal
  const what = 'mandate' in proposal ? `that mandate ${proposal.mandate} may block` : 'a policy'
  return (
    `${id}, ${what} (${author}, ${clockTime(at)}: ${reason}): it would newly block ${newlyBlocked} of ${devices} ` +
    `devices: device-gate policy approve ${id} --reason "..."`
  )
}

function standing(problems: readonly string[], gate: HostStatus | undefined): string {
  const word = gate ? 'in force' : 'valid'
  return problems.length === 0 ? word : `NOT ${word}: ${problems.join('; ')}`
}
