import type { Action, Mode, Platform } from './vocabulary'

/** A finding that platforms in scope may not carry after a deadline. Times are epoch milliseconds. */
export interface Mandate {
  readonly id: string
  readonly finding: string
  readonly platforms: readonly Platform[]
  /** Before this moment the mandate says nothing. */
  readonly warnFrom: number
  /** From this moment on the mandate blocks. */
  readonly deadline: number
  /** What the person at the device is told. */
  readonly message: string
}

/** A case that must hold before a policy may take effect. */
export interface PolicyTest {
  readonly device: {
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
  readonly maxNewBlocks: { readonly percent: number; readonly count: number }
  /** A device nobody reported. */
  readonly unknown: Action
  readonly stale: { readonly afterMs: number; readonly action: Action }
  readonly noncompliant: Action
  readonly grace: Action
  /** Whom a refused person can ask; appended to each text. */
  readonly contact: string
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
