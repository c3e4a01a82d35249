import type { Mode, Outcome, Platform, Proof, Reason } from '../../../src/policy/vocabulary'
import type { Role } from '../api/types'

/** How the closed sets of words are told to a reader. */
export const REASON_WORDS: Readonly<Record<Reason, string>> = {
  break_glass: 'enforcement is off on this host',
  mode_off: 'the mode is off',
  exempt_network: 'the client is in an exempt network',
  locked: 'locked by somebody',
  exempted: 'exempted by somebody',
  unidentified: 'no device was proven',
  unknown_device: 'nobody reported this device',
  stale: 'the last report is too old',
  mandate_warning: 'a mandate warns of its deadline',
  mandate_deadline: 'a mandate’s deadline has passed',
  mandate_unseen: 'nobody can see what a mandate is about',
  attested: 'by the person’s own word',
  noncompliant: 'device management says noncompliant',
  grace: 'device management says in grace',
  unknown_state: 'device management knows no state',
  compliant: 'compliant',
  fault_closed: 'the gate could not tell (fail closed)',
  fault_open: 'the gate could not tell (fail open)',
}

export const PLATFORM_WORDS: Readonly<Record<Platform, string>> = {
  ios: 'iOS',
  android: 'Android',
  windows: 'Windows',
  macos: 'macOS',
  linux: 'Linux',
  chromeos: 'ChromeOS',
  other: 'other',
}

export const PROOF_WORDS: Readonly<Record<Proof, string>> = {
  certificate: 'client certificate',
  tag: 'signed device tag',
  oauth: 'OAuth token',
  owner: 'by the user’s own devices',
  none: 'nothing',
}

export const MODE_WORDS: Readonly<Record<Mode, string>> = {
  off: 'nothing is decided',
  monitor: 'decided and noted, nobody is refused',
  enforce: 'blocks are refused',
}

export const ROLE_WORDS: Readonly<Record<Role, string>> = {
  viewer: 'may look',
  operator: 'may exempt, lock, recall and propose',
  approver: 'may also approve and confirm',
}

/** The reason as the block log and its filters name it. */
export const reasonName = (reason: Reason): string => reason.replace(/_/g, ' ')

const OUTCOME_WORDS: Readonly<Record<Outcome, string>> = {
  allow: 'allowed',
  warn: 'warned',
  block: 'blocked',
  unavailable: 'unavailable',
}
const WOULD_WORDS: Readonly<Record<Outcome, string>> = {
  allow: 'allowed',
  warn: 'would warn',
  block: 'would block',
  unavailable: 'would refuse',
}

export const outcomeWords = (outcome: Outcome, enforced: boolean): string =>
  enforced ? OUTCOME_WORDS[outcome] : WOULD_WORDS[outcome]

export const count = (n: number | null | undefined): string =>
  n === null || n === undefined ? '–' : n.toLocaleString('en-GB')

export const plural = (n: number, noun: string, nouns = `${noun}s`): string =>
  `${count(n)} ${n === 1 ? noun : nouns}`

/** With a capital, as it begins a line; a name that comes first is left as it is. */
export const sentence = (text: string): string =>
  /^[a-z]+[ ,]/.test(text) ? `${text.charAt(0).toUpperCase()}${text.slice(1)}` : text

/** A rate: exact where it is small. */
export const rate = (n: number | null): string =>
  n === null ? '–' : n < 10 ? n.toLocaleString('en-GB', { maximumFractionDigits: 1 }) : count(Math.round(n))

/** Control characters and marks that reorder text are shown as what they are not: readable. So does the command line. */
export const visible = (text: string): string =>
  text.replace(
    // eslint-disable-next-line no-control-regex -- these are exactly the characters to take out
    /[\0-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g,
    '\ufffd',
  )
