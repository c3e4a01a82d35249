import type { JournalEntry } from '../../src/journal/journal'

/** A block of anna@example.com's phone, but for what is given. */
export const blockEntry = (change: Partial<JournalEntry> = {}): JournalEntry => ({
  time: Date.now(),
  decision: 'VAZFRT1J',
  protocol: 'imap',
  user: 'anna@example.com',
  device: 'anna-phone',
  platform: 'ios',
  proof: 'tag',
  outcome: 'block',
  enforced: true,
  reason: 'noncompliant',
  rule: null,
  policy: 1,
  evidenceAgeS: 60,
  remote: '192.0.2.1',
  repeats: 0,
  ...change,
})
