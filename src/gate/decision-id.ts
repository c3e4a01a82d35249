import { hash } from 'node:crypto'

import type { Decision } from '../policy/decision'
import type { KeyedSubject } from './gate'

const ID_ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const ID_CHARS = 8

/** Nobody is told of it and nothing is recorded; a pass by a fault is no plain one. */
export const isPlainAllow = ({ outcome, reason }: Decision): boolean =>
  outcome === 'allow' && reason !== 'fault_open'

/**
 * A short id that is the same in every worker for the same answer to the same subject, so that a person's
 * tries make one case and not many. 40 bits of a hash, in Crockford's base 32 (no letter looks like a digit).
 * Empty for a plain allow: most are, and a hash takes longer than a verdict.
 */
export function decisionId({ key }: KeyedSubject, decision: Decision): string {
  if (isPlainAllow(decision)) return ''
  const { outcome, reason, rule, policyVersion, evidenceAt, deviceId } = decision
  const facts = [key, outcome, reason, rule, policyVersion, evidenceAt, deviceId].join('\0')
  const digest = hash('sha256', facts, 'buffer')
  let id = ''
  for (let i = 0; i < ID_CHARS; i += 1) id += ID_ALPHABET[(digest[i] ?? 0) & 31] ?? ''
  return id
}
