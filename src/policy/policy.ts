import type { Action, MandateMode, Mode, Platform } from './vocabulary'

/**
 * A finding that platforms in scope may not carry after a deadline. Times are epoch milliseconds. The
 * optional ones are left out where they are not used, as in policies stored before there was a ladder.
 */
export interface Mandate {
  readonly id: string
  readonly finding: string
  /** Where `finding` names an app of the catalogue: the findings that are reported for it. */
  readonly appIds?: readonly string[]
  readonly platforms: readonly Platform[]
  /** Only devices and owners in one of these groups are in scope; left out: all are. */
  readonly groups?: readonly string[]
  /** The most the mandate may do; left out: block. */
  readonly mode?: MandateMode
  /** Before this moment the mandate says nothing. */
  readonly warnFrom: number
  /** From this moment on the mandate blocks; where there are stages, whom they have reached. */
  readonly deadline: number
  /** None begins before the deadline, each later than the one before. */
  readonly stages?: readonly Stage[]
  /** From this moment on the mandate says nothing any more. */
  readonly until?: number
  /** What the person at the device is told. */
  readonly message: string
  /** Who gave the order, why and when; nothing is decided by it. */
  readonly author?: string
  readonly reason?: string
  readonly ticket?: string
  readonly created?: number
  readonly changed?: number
}

/** Whom the deadline applies to from when on: a share of the devices in scope, or those of groups. */
export type Stage = { readonly from: number } & (
  { readonly percent: number } | { readonly groups: readonly string[] }
)

/** A case that must hold before a policy may take effect. */
export interface PolicyTest {
  readonly device: {
    readonly id?: string
    readonly owners?: readonly string[]
    readonly platform: Platform
    readonly findings: readonly string[]
    readonly state: 'compliant' | 'noncompliant' | 'grace' | 'unknown'
  }
  /** Epoch milliseconds. */
  readonly at: number
  readonly expect: Action
}

/** The site's rules, parsed and valid: what `device_gate_policy.yaml` says. */
export interface Policy {
  readonly mode: Mode
  readonly maxNewBlocks: {
    readonly percent: number
    readonly count: number
    /** What lets a larger change pass: its figure, or another person; default: its figure. */
    readonly approval?: 'confirm' | 'second'
  }
  /** A device nobody reported, or that cannot be seen for a mandate. */
  readonly unknown: Action
  readonly stale: { readonly afterMs: number; readonly action: Action }
  readonly noncompliant: Action
  readonly grace: Action
  /** Whom a refused person can ask; appended to each text. */
  readonly contact: string
  /** Device ids and owners by the name of their group. */
  readonly groups?: Readonly<Record<string, readonly string[]>>
  readonly mandates: readonly Mandate[]
  readonly tests: readonly PolicyTest[]
}

/** A policy as it is in force: numbered by the store, with the mode override that stands beside it. */
export interface ActivePolicy {
  /** Grows by one with each policy that takes effect; 0: none was ever applied. */
  readonly version: number
  readonly policy: Policy
  /** Set by `device-gate mode`, stands until taken back. */
  readonly modeOverride: Mode | null
}
