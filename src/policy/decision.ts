import type { Attestation } from './attestation'
import type { DeviceRecord } from './device'
import type { Override } from './override'
import type { ActivePolicy } from './policy'
import type { Action, Enforcement, Outcome, Platform, Proof, Reason, UnidentifiedRule } from './vocabulary'

/** A device that proved itself, and how. */
export interface Claim {
  readonly deviceId: string
  readonly proof: Exclude<Proof, 'owner' | 'none'>
}

/** Who asks: made once when a connection has authenticated, decided for many times. */
export interface Subject {
  /** The authenticated user, without a device tag; domain in lower case, NFC. */
  readonly user: string
  readonly claim: Claim | null
  /** From IMAP ID: narrows which of the owner's devices count, never proves one. */
  readonly platformHint: Platform | null
  /** The remote address is in `identity.exempt_networks`. */
  readonly exemptNetwork: boolean
}

/** Everything known about a subject at one moment: all that `decide` may look at. */
export interface DecisionRequest {
  readonly subject: Subject
  readonly active: ActivePolicy
  readonly host: { readonly enforcement: Enforcement; readonly unidentified: UnidentifiedRule }
  /** The claimed device, or without a claim all devices owned by the user; empty: nobody reported any. */
  readonly devices: readonly DeviceRecord[]
  /** Overrides on the user, the claimed device, and each of `devices`; expired ones may be among them. */
  readonly overrides: readonly Override[]
  /**
   * Of the user, those that ended too. Where the client proves no device, none about a device of others.
   */
  readonly attestations: readonly Attestation[]
  /** false: the fleet's lease ran out, so "compliant" counts as stale. Always true when embedded. */
  readonly leaseValid: boolean
}

/** What stands beside the policy for a device and its user. */
export type Beside = Pick<DecisionRequest, 'overrides' | 'attestations'>

/** The answer, and all that a log reader needs to understand it. */
export interface Decision {
  readonly outcome: Outcome
  readonly reason: Reason
  /** false: what *would* have happened; the client is served as if the outcome were `allow`. */
  readonly enforced: boolean
  /** The mandate or override that decided, else null. */
  readonly rule: string | null
  readonly policyVersion: number
  /** The device that decided: the claimed one, or the owner's worst; null when none was known. */
  readonly deviceId: string | null
  readonly platform: Platform | null
  readonly proof: Proof
  /** Epoch milliseconds of the evidence behind it, null when there is none. */
  readonly evidenceAt: number | null
  /** One line for the person at the device, without internals; empty for a plain allow. */
  readonly text: string
  /** The next moment at which time alone changes the answer; Infinity when none does. Epoch milliseconds. */
  readonly validUntil: number
}

/** A decision that was reached: only a fault of the gate gives `unavailable`. */
export interface Judgement extends Decision {
  readonly outcome: Action
}

/** What is done to the client: an unenforced decision is served as an allow. */
export const effectOf = (decision: Pick<Decision, 'outcome' | 'enforced'>): Outcome =>
  decision.enforced ? decision.outcome : 'allow'
