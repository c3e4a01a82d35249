import type {
  ComplianceState,
  Enforcement,
  Mode,
  Outcome,
  Platform,
  Proof,
  Protocol,
  Reason,
} from '../../../src/policy/vocabulary'

/** RFC 3339, UTC. */
export type Time = string

export type Role = 'viewer' | 'operator' | 'approver'

export interface Session {
  readonly name: string
  readonly role: Role
  readonly csrf: string
  readonly expires_at: Time
}

/** One page of a list, and the cursor of the next one. */
export interface Page<T> {
  readonly items: readonly T[]
  readonly next: string | null
}

export interface Block {
  readonly time: Time
  readonly decision: string
  readonly protocol: Protocol
  readonly user: string
  readonly device: string | null
  readonly platform: Platform | null
  readonly proof: Proof
  readonly outcome: Outcome
  readonly enforced: boolean
  readonly reason: Reason
  readonly rule: string | null
  readonly policy: number
  readonly evidence_age_s: number | null
  readonly remote: string
  readonly repeats: number
  readonly host?: string | null
  /** Of a folded case. */
  readonly count?: number
  readonly first?: Time
  readonly last?: Time
}

export interface BlocksPage extends Page<Block> {
  /** How far back the search came when the page is not full. */
  readonly searched_to?: Time | null
}

interface Figure {
  readonly newly_blocked: number
  readonly devices: number
}

export interface Held extends Figure {
  readonly mandate: string
  readonly at: Time
  readonly bound: number
  readonly since: Time
}

export interface Pending extends Figure {
  readonly cause: 'guard' | 'recall'
  readonly bound: number
  readonly since: Time
}

export interface Proposal extends Figure {
  readonly id: string
  /** The held mandate that is to block; null: it is a policy. */
  readonly mandate: string | null
  readonly author: string
  readonly reason: string
  readonly at: Time
}

export interface Recall {
  readonly version: number
  readonly from: number
  readonly to: number
  readonly pinned: boolean
  readonly author: string
  readonly reason: string
  readonly at: Time
}

export interface Attention {
  readonly kind: string
  readonly text: string
  readonly todo: string
}

export interface Host {
  readonly id: string
  readonly host: string | null
  readonly standing: 'well' | 'behind' | 'no lease' | 'silent'
  readonly lag: number | null
  readonly last_heard: Time | null
  readonly version: string | null
  readonly policy_version: number | null
  readonly lease_valid: boolean
  readonly set_aside: number | null
  readonly workers: number | null
  readonly sessions: number | null
  readonly journal_waiting: number | null
  readonly journal_lost: number | null
  readonly running_since: Time | null
}

export interface Feed {
  readonly name: string
  readonly kind: string
  readonly last_good_at: Time | null
  readonly problem: { readonly message: string } | null
  /** Its circuit breaker stands open. */
  readonly held: { readonly why: string; readonly count: number; readonly release: string } | null
}

export interface HalfHour {
  readonly time: Time
  readonly blocks: number
  readonly warnings: number
  readonly would_blocks: number
}

export interface Overview {
  readonly host: string
  readonly version: string
  readonly time: Time
  readonly mode: Mode | null
  readonly policy_mode: Mode | null
  readonly mode_override: {
    readonly mode: Mode
    readonly author: string
    readonly reason: string
    readonly at: Time
  } | null
  readonly enforcement: Enforcement
  readonly policy_version: number | null
  readonly policy_source: 'file' | 'fleet'
  readonly recall: Recall | null
  readonly pending: Pending | null
  readonly held: readonly Held[]
  readonly proposals: readonly Proposal[]
  readonly problems: readonly Attention[]
  readonly devices: number
  readonly overrides: number
  readonly blocked_now: number | null
  readonly warned_now: number | null
  readonly counted_at: Time | null
  readonly sessions: number
  readonly workers: number
  readonly decisions_per_s: number | null
  readonly would_blocks_24h: number | null
  readonly blocks_24h: number | null
  readonly store: { readonly kind: string; readonly problem: string | null }
  readonly hosts: readonly Host[]
  readonly feeds: readonly Feed[]
  readonly series: readonly HalfHour[]
}

export interface Step {
  readonly step: number
  readonly name: string
  readonly saw: string
  readonly result: 'passed' | 'decided' | 'not reached'
  readonly effect: Outcome | null
}

export interface Evidence {
  readonly age_s: number | null
  readonly at: Time | null
  readonly source: string | null
  readonly state: ComplianceState | null
  readonly findings: readonly string[]
}

/** How somebody is decided now, and why. */
export interface Case {
  readonly title: string
  readonly user: string
  readonly device: string | null
  readonly platform: Platform | null
  readonly proof: Proof
  readonly outcome: Outcome
  readonly enforced: boolean
  readonly reason: Reason
  readonly rule: string | null
  readonly policy: number
  readonly text: string
  readonly valid_until: Time | null
  readonly evidence: Evidence | null
  readonly steps: readonly Step[]
}

export interface OpenSessions {
  readonly user: string
  readonly device: string | null
  readonly count: number
  /** When the oldest began. */
  readonly since: Time
}

export interface Why {
  readonly cases: readonly Case[]
  readonly recent: readonly Block[]
  /** Open IMAP sessions on this host; null: a worker did not answer. */
  readonly sessions: readonly OpenSessions[] | null
}

export interface DeviceRecord {
  readonly id: string
  readonly owners: readonly string[]
  readonly platform: Platform
  readonly state: ComplianceState
  readonly findings: readonly string[]
  readonly evidence_at: Time
  readonly source: string
  readonly version: number
}

export interface Subject {
  readonly kind: 'user' | 'device'
  readonly id: string
}

export interface Override {
  readonly kind: 'exemption' | 'lock'
  readonly on: Subject['kind']
  readonly id: string
  readonly author: string
  readonly reason: string
  readonly created_at: Time
  readonly expires_at: Time | null
}

/** An entry of the history of orders. */
export interface Order {
  readonly n: number
  readonly at: Time
  readonly who: string
  readonly kind: string
  readonly version: number
  readonly change: string
  readonly reason: string
  readonly hash: string
}

export interface DevicePage {
  readonly record: DeviceRecord
  readonly case: Case
  readonly overrides: readonly Override[]
  readonly history: readonly Order[]
  readonly recent: readonly Block[]
  readonly synced: readonly Synced[]
}

export interface Synced {
  readonly device: string | null
  readonly protocol: Protocol
  readonly at: Time
}

export interface PersonPage {
  readonly user: string
  readonly devices: readonly DeviceRecord[]
  readonly overrides: readonly Override[]
  readonly cases: readonly Case[]
  readonly history: readonly Order[]
  readonly recent: readonly Block[]
  readonly synced: readonly Synced[]
}

export interface PolicyInForce {
  readonly version: number
  readonly text: string
  readonly mode: Mode
  readonly words: readonly string[]
  readonly at: Time
  readonly author: string
  readonly reason: string
}

export interface PolicyVersion {
  readonly version: number
  readonly at: Time
  readonly author: string
  readonly reason: string
  readonly mode: Mode
}

export interface PolicyVersionPage extends PolicyVersion {
  readonly text: string
  /** Against the version before. */
  readonly diff: readonly Change[]
}

/** Something that a policy changes, in words. */
export interface Change {
  readonly what: string
  readonly change: string
}

/** What was found out about a draft. */
export interface Checked {
  readonly ok: boolean
  readonly problems: readonly TextProblem[]
  /** Against what is in force. */
  readonly diff: readonly Change[]
}

export interface Hosts {
  /** Where the store is; `embedded`: on this host alone. */
  readonly store: string
  /** Why the hosts cannot be told. */
  readonly problem: string | null
  readonly items: readonly Host[]
}

export interface TextProblem {
  readonly line: number
  readonly column: number
  readonly problem: string
}

export interface Tally {
  readonly count: number
  readonly platforms: Readonly<Record<string, number>>
  readonly rules: Readonly<Record<string, number>>
  readonly domains: Readonly<Record<string, number>>
}

export interface Moment {
  readonly at: Time
  readonly devices: number
  readonly newly_blocked: Tally
  readonly newly_warned: Tally
  readonly newly_allowed: Tally
}

export interface RecallProof {
  readonly recalled: number
  readonly to: number
  readonly this_host_only: boolean
  /** After how many milliseconds it was in force there; null: not in time. */
  readonly hosts: readonly { readonly host: string; readonly ms: number | null }[]
  readonly blocked: { readonly devices: number; readonly people: number }
  readonly warned: { readonly devices: number; readonly people: number }
}

export interface Verified {
  readonly entries: number
  readonly newest_hash: string
  readonly problem: { readonly n: number; readonly problem: string } | null
}
