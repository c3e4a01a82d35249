import type { JSX } from 'preact'

import type { ComplianceState, Outcome } from '../../../src/policy/vocabulary'
import { outcomeWords } from './words'

export type Tone = 'block' | 'warn' | 'ok' | 'would' | 'plain'

export const Badge = ({ tone, children }: { tone: Tone; children: string }): JSX.Element => (
  <span class={`badge ${tone}`}>{children}</span>
)

const OUTCOME_TONES: Readonly<Record<Outcome, Tone>> = {
  allow: 'ok',
  warn: 'warn',
  block: 'block',
  unavailable: 'warn',
}

export const toneOf = (outcome: Outcome, enforced: boolean): Tone =>
  enforced || outcome === 'allow' ? OUTCOME_TONES[outcome] : 'would'

export const OutcomeBadge = ({ outcome, enforced }: { outcome: Outcome; enforced: boolean }): JSX.Element => (
  <Badge tone={toneOf(outcome, enforced)}>{outcomeWords(outcome, enforced)}</Badge>
)

const STATE_TONES: Readonly<Record<ComplianceState, Tone>> = {
  compliant: 'ok',
  noncompliant: 'block',
  grace: 'warn',
  unknown: 'plain',
}

export const StateBadge = ({ state }: { state: ComplianceState }): JSX.Element => (
  <Badge tone={STATE_TONES[state]}>{state}</Badge>
)
