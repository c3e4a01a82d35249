import { formatProblem } from '../config/config-problem'
import { openPolicy } from '../config/policy-source'
import { readStatus, type HostStatus } from '../config/status-file'
import { readTagKeyFile } from '../config/tag-key-file'
import type { SetAside } from '../devices/redis/set-aside'
import { unlessDamaged } from '../devices/unless-damaged'
import type { FeedStanding } from '../feeds/standing'
import { openSessionsIn } from '../journal/worker-notes'
import { currentHolds, type Hold } from '../orders/holds'
import { pendingEdit, type Pending } from '../orders/pending'
import { proposals, type Proposal } from '../orders/proposal'
import { newestRecall, type Recall } from '../orders/recall'
import { fleetJson, fleetStatus, type FleetStatus } from './fleet-status'
import { modeFacts, modeOverrideJson, type ModeFacts } from './mode'
import { feedJson } from './feeds'
import { isoTime, type LookupSite } from './site'

/** What is in force on this host, and what needs attention. */
export interface StatusFacts extends ModeFacts {
  readonly policySource: 'file' | 'fleet'
  readonly policyProblems: readonly string[]
  readonly pending: Pending | null
  readonly recall: Recall | null
  readonly proposals: readonly (readonly [id: string, proposal: Proposal])[]
  readonly held: readonly (readonly [id: string, hold: Hold])[]
  readonly configProblems: readonly string[]
  /** Edited keys that wait for a restart. */
  readonly configWaiting: readonly string[]
  /** undefined: Haraka does not run. */
  readonly gate: HostStatus | undefined
  readonly workers: number
  /** Open IMAP sessions, some seconds ago. */
  readonly sessions: number
  /** `signing` is the id of the key that signs, null: there is none. */
  readonly tagKeys: { readonly count: number; readonly signing: string | null }
  readonly feeds: readonly FeedStanding[]
  readonly devices: number
  readonly overrides: number
  readonly sequence: number
  readonly stateDir: string
  /** null: the store is embedded. */
  readonly fleet: { readonly status: FleetStatus; readonly setAside: SetAside } | null
}

export async function statusFacts(site: LookupSite): Promise<StatusFacts> {
  const { stateDir, identity, policy } = site.config()
  const store = site.store()
  const mode = modeFacts(site)
  const damaged = [...mode.damaged]
  const read = <T>(part: () => T): T | undefined => unlessDamaged(part, (message) => damaged.push(message))
  const gate = readStatus(stateDir)
  const { keys } = readTagKeyFile(identity.tag.keyFile)
  const workers = gate ? site.workers() : []
  const counts = store.counts()
  const fleet = site.fleet()
  return {
    ...mode,
    policySource: policy.source,
    policyProblems: gate?.policyProblems ?? (policy.source === 'file' ? fileProblems(site) : []),
    pending: read(() => pendingEdit(store)) ?? null,
    recall: read(() => newestRecall(store)) ?? null,
    proposals: [...(read(() => proposals(store)) ?? [])],
    held: Object.entries(read(() => currentHolds(store).held) ?? {}),
    configProblems: gate?.configProblems ?? site.configProblems(),
    configWaiting: gate?.configWaiting ?? [],
    gate,
    workers: workers.length,
    sessions: openSessionsIn(workers),
    tagKeys: { count: keys.length, signing: keys[0]?.id ?? null },
    feeds: read(() => site.feeds()) ?? [],
    devices: counts.devices,
    overrides: counts.overrides,
    sequence: store.sequence(),
    stateDir,
    fleet: fleet ? { status: await fleetStatus(fleet), setAside: fleet.store.setAside() } : null,
    damaged,
  }
}

const fileProblems = ({ harakaDir }: LookupSite): string[] => {
  const { first } = openPolicy(harakaDir)
  return first.ok ? [] : first.problems.map(formatProblem)
}

/** The published form. */
export const statusJson = (facts: StatusFacts, now: number): object => ({
  mode: facts.mode,
  policy_mode: facts.policyMode,
  mode_override: modeOverrideJson(facts.override),
  enforcement: facts.enforcement,
  policy_version: facts.policyVersion,
  policy_problems: facts.policyProblems,
  pending: pendingJson(facts.pending),
  recall: recallJson(facts.recall),
  held: facts.held.map(holdJson),
  proposals: facts.proposals.map(proposalJson),
  config_problems: facts.configProblems,
  config_waiting: facts.configWaiting,
  damaged: facts.damaged,
  admin: { address: facts.gate?.adminAddress ?? null, problem: facts.gate?.adminProblem ?? null },
  oauth: { problem: facts.gate?.oauthProblem ?? null },
  gate: facts.gate
    ? {
        pid: facts.gate.pid,
        since: isoTime(facts.gate.startedAt),
        workers: facts.workers,
        sessions: facts.sessions,
      }
    : null,
  tag_keys: facts.tagKeys,
  feeds: facts.feeds.map((feed) => feedJson(feed, now)),
  devices: facts.devices,
  overrides: facts.overrides,
  sequence: facts.sequence,
  state_dir: facts.stateDir,
  ...(facts.fleet && {
    fleet: { ...fleetJson(facts.fleet.status, now), set_aside: facts.fleet.setAside },
  }),
})

export const recallJson = (recall: Recall | null): object | null =>
  recall && { ...recall, at: isoTime(recall.at) }

export const proposalJson = ([id, proposal]: readonly [string, Proposal]): object => ({
  id,
  author: proposal.author,
  reason: proposal.reason,
  at: isoTime(proposal.at),
  newly_blocked: proposal.newlyBlocked,
  devices: proposal.devices,
  mandate: 'mandate' in proposal ? proposal.mandate : null,
})

export const holdJson = ([id, hold]: readonly [string, Hold]): object => ({
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
