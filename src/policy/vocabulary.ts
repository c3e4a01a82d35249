/**
 * The closed sets of words that decisions are made of. Each README table, JSON Schema and metric label
 * that lists them is made from these arrays.
 */

export const PLATFORMS = ['ios', 'android', 'windows', 'macos', 'linux', 'chromeos', 'other'] as const
export type Platform = (typeof PLATFORMS)[number]

/** What device management last said of a device. */
export const STATES = ['compliant', 'noncompliant', 'grace', 'unknown'] as const
export type ComplianceState = (typeof STATES)[number]

export const MODES = ['off', 'monitor', 'enforce'] as const
export type Mode = (typeof MODES)[number]

/** The most a mandate may do: note what it would do, warn, or block. */
export const MANDATE_MODES = ['silent', 'warn', 'block'] as const
export type MandateMode = (typeof MANDATE_MODES)[number]

/** This host's break-glass switch (`enforcement`): it can only loosen what the policy's mode says. */
export const ENFORCEMENTS = ['policy', 'monitor', 'off'] as const
export type Enforcement = (typeof ENFORCEMENTS)[number]

export const ACTIONS = ['allow', 'warn', 'block'] as const
export type Action = (typeof ACTIONS)[number]

/** `unavailable`: the gate could not tell; a temporary refusal, never a verdict on the device. */
export const OUTCOMES = ['allow', 'warn', 'block', 'unavailable'] as const
export type Outcome = (typeof OUTCOMES)[number]

/** How the device was proven, strongest first; `owner`: decided by the user's own devices. */
export const PROOFS = ['certificate', 'tag', 'oauth', 'owner', 'none'] as const
export type Proof = (typeof PROOFS)[number]

export const PROTOCOLS = ['imap', 'smtp'] as const
export type Protocol = (typeof PROTOCOLS)[number]

/** What `identity.unidentified` may say of a client that proves no device. */
export const UNIDENTIFIED_RULES = ['allow', 'block', 'owner'] as const
export type UnidentifiedRule = (typeof UNIDENTIFIED_RULES)[number]

export const FAIL_MODES = ['closed', 'open'] as const
export type FailMode = (typeof FAIL_MODES)[number]

/** Why a decision came out as it did: one word for each way through the ten steps. */
export const REASONS = [
  'break_glass',
  'mode_off',
  'exempt_network',
  'locked',
  'exempted',
  'unidentified',
  'unknown_device',
  'stale',
  'mandate_warning',
  'mandate_deadline',
  'mandate_unseen',
  'attested',
  'noncompliant',
  'grace',
  'unknown_state',
  'compliant',
  'fault_closed',
  'fault_open',
] as const
export type Reason = (typeof REASONS)[number]
