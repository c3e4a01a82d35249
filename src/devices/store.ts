import type { Attestation } from '../policy/attestation'
import type { DeviceRecord } from '../policy/device'
import type { Override } from '../policy/override'
import type { ActivePolicy, Policy } from '../policy/policy'
import type { Mode } from '../policy/vocabulary'
import type { CorruptRecordError } from './corrupt-record'
import type { HistoryEntry } from './history'
import type { Authorship, Order } from './order'

export { CorruptRecordError } from './corrupt-record'
export type { Authorship } from './order'

/** The note whose `held` names the mandates that block nobody more, each from its `moment` on. */
export const HOLDS = 'holds'

export interface PolicyVersion extends Authorship {
  readonly version: number
  readonly policy: Policy
  /** The YAML it was parsed from, as it was. */
  readonly sourceText: string
}

export interface ModeOverride extends Authorship {
  readonly mode: Mode
}

/** One entry of the change log; `sequence` is contiguous from 1. */
export type Change = { readonly sequence: number } & (
  | { readonly kind: 'device'; readonly deviceId: string; readonly owners: readonly string[] }
  | { readonly kind: 'override'; readonly subject: Override['subject'] }
  /** Policy, mode override or lease: outdates every cached decision. */
  | { readonly kind: 'policy' }
)

/** What became of one device write. */
export type PutOutcome =
  | { readonly status: 'applied' }
  /** The very same record was there: nothing was written, nothing invalidated. */
  | { readonly status: 'unchanged' }
  /** An older `version`, or the same version with older evidence, of the same source. */
  | { readonly status: 'refused'; readonly storedVersion: number; readonly storedEvidenceAt: number }

/**
 * The local copy that decisions read. Every read is synchronous and sees at least what was committed, by any
 * process on the host, before the last call of `sequence`; without one, before this turn of the event loop.
 * A read throws {@link CorruptRecordError} for an entry that cannot be read.
 */
export interface Replica {
  /** The sequence of the newest change; 0 when nothing was ever written. */
  sequence(): number
  /** Changes after `sequence`, oldest first; null when the log cannot tell them, as when it was cut since. */
  changesAfter(sequence: number, limit: number): Change[] | null
  device(id: string): DeviceRecord | undefined
  /** Ids of the devices owned by a normalised user name; at most `limit` of them. */
  deviceIdsOf(owner: string, limit: number): string[]
  /** The newest applied policy; undefined before the first one. */
  activePolicy(): ActivePolicy | undefined
  overridesOn(subject: Override['subject']): Override[]
  /** What a normalised user was asked to state and has stated, the oldest first; those that ended are among them. */
  attestationsOf(user: string): readonly Attestation[]
  /** Whether "compliant" may be believed; always true for the embedded store. */
  leaseValid(now: number): boolean
  /**
   * Calls `listener` when any process may have changed something. It may miss a change, and throws where the system
   * can watch no more files: who must know looks from time to time too. Gives what ends it.
   */
  onChange(listener: () => void): () => void
}

export interface StoreCounts {
  readonly devices: number
  readonly policies: number
  readonly overrides: number
  /** People who were asked for a statement. */
  readonly attesters: number
}

/** All that can be read, for people and programs that look after the fleet. */
export interface ReadStore extends Replica {
  /** In id order, after `afterId`. A corrupt record is given as its error, in its place. */
  listDevices(options: { afterId?: string; limit: number }): (DeviceRecord | CorruptRecordError)[]
  policyVersion(version: number): PolicyVersion | undefined
  /** Newest first. A corrupt one is given as its error, in its place. */
  policyHistory(limit: number): (PolicyVersion | CorruptRecordError)[]
  modeOverride(): ModeOverride | undefined
  /** A corrupt one is given as its error, in its place. */
  listOverrides(kind?: Override['kind']): (Override | CorruptRecordError)[]
  /** Of all users, one list each. A corrupt one is given as its error, in its place. */
  listAttestations(): (readonly Attestation[] | CorruptRecordError)[]
  /** What stands beside the policy under a name; undefined: nothing. */
  note(name: string): unknown
  /** All whose names begin with `prefix`, by the rest of their names. */
  notes(prefix: string): Map<string, unknown>
  /** The number of the newest order in the history; 0: none was done. */
  newestOrder(): number
  /** The orders that were done, newest first, of those before number `before` if given. A corrupt one is given as its error, in its place. */
  history(limit: number, before?: number): (HistoryEntry | CorruptRecordError)[]
  /** The entries of the history as they are stored, oldest first. */
  historyTexts(): Iterable<{ readonly n: number; readonly text: string }>
  counts(): StoreCounts
  close(): Promise<void>
}

/**
 * Where device states, policies and overrides live. A write is one transaction together with its change-log
 * entries and resolves once it is durable; many processes may write at once.
 */
export interface Store extends ReadStore {
  /**
   * Writes up to a few thousand records; outcomes are in the order of `records`. One transaction in the
   * embedded store; the fleet's takes a long list in several, one after the other.
   */
  putDevices(records: readonly DeviceRecord[]): Promise<PutOutcome[]>
  forgetDevice(id: string): Promise<boolean>
  /**
   * Does an order with its entry in the history. Gives that entry, or null when there was nothing to change. Rejects
   * with OvertakenError when it is no longer based on the newest one.
   */
  order(order: Order): Promise<HistoryEntry | null>
  /** Applies a policy as the next version; the version in force stays when the text is the same. */
  applyPolicy(policy: Policy, sourceText: string, by: Authorship): Promise<PolicyVersion>
  /** null takes the override away. */
  setModeOverride(mode: Mode | null, by: Authorship): Promise<void>
  putOverride(override: Override): Promise<void>
  removeOverride(kind: Override['kind'], subject: Override['subject'], by: Authorship): Promise<boolean>
}
