import assert from 'node:assert/strict'

import type { JournalEntry, NumberedEntry } from '../../src/journal/journal'

export const AT = Date.parse('2026-11-20T08:00:00Z')

export const entry = (change: Partial<JournalEntry> = {}): JournalEntry => ({
  time: AT,
  decision: 'VAZFRT1J',
  protocol: 'imap',
  user: 'anna@example.com',
  device: 'd-1',
  platform: 'ios',
  proof: 'tag',
  outcome: 'block',
  enforced: true,
  reason: 'noncompliant',
  rule: null,
  policy: 3,
  evidenceAgeS: 60,
  remote: '192.0.2.7',
  repeats: 0,
  ...change,
})

/** Entries of cases of their own, so that none is folded. */
export const entries = (count: number, name = 'e'): JournalEntry[] =>
  Array.from({ length: count }, (_, i) =>
    entry({ decision: `${name}-${i}`, user: `${name}-${i}@example.com` }),
  )

export function unnumbered({ number, ...entry }: NumberedEntry): JournalEntry {
  assert.ok(number > 0)
  return entry
}

/** The contract's fields, in their order. */
export const FIELDS = [
  'time',
  'decision',
  'protocol',
  'user',
  'device',
  'platform',
  'proof',
  'outcome',
  'enforced',
  'reason',
  'rule',
  'policy',
  'evidence_age_s',
  'remote',
  'repeats',
]
