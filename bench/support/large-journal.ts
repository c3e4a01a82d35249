import path from 'node:path'

import type { JournalEntry } from '../../src/journal/journal'
import { openEnvironment } from '../../src/lmdb/environment'
import { PLATFORMS } from '../../src/policy/vocabulary'

const AT_ONCE = 50_000
const USERS = 200_000
const REASONS = ['mandate_deadline', 'noncompliant', 'mandate_warning', 'stale'] as const

/** The entry of a number: who comes when looks arbitrary and is the same each time. One in a million is `fault_open`. */
export function entryOf(number: number, spanMs: number, count: number, endMs: number): JournalEntry {
  const user = Math.imul(number, 0x9e3779b1) >>> 0
  const isRare = number % 1_000_000 === 500_000
  return {
    time: Math.round(endMs - spanMs + (number / count) * spanMs),
    decision: (user % 1_000_003).toString(36).toUpperCase().padStart(8, '0'),
    protocol: user % 5 === 0 ? 'smtp' : 'imap',
    user: `person${user % USERS}@example.com`,
    device: `3f2a9c04-5b1d-4e77-9a10-${String(user % (USERS * 2)).padStart(12, '0')}`,
    platform: PLATFORMS[user % 3] ?? null,
    proof: 'tag',
    outcome: isRare ? 'allow' : user % 4 === 2 ? 'warn' : 'block',
    enforced: user % 7 !== 0,
    reason: isRare ? 'fault_open' : (REASONS[user % 4] ?? 'stale'),
    rule: user % 4 === 0 ? `mandate-${user % 40}` : null,
    policy: 7,
    evidenceAgeS: user % 86_400,
    remote: `192.0.2.${user % 250}`,
    repeats: 0,
  }
}

/** Fills a new journal in large transactions. */
export async function fillJournal(dir: string, count: number, spanMs: number, endMs: number): Promise<void> {
  const environment = openEnvironment(path.join(dir, 'journal'), { schema: 1 })
  const entries = environment.database('entries')
  for (let done = 0; done < count; done += AT_ONCE) {
    await environment.write(() => {
      for (let number = done + 1; number <= Math.min(count, done + AT_ONCE); number += 1)
        void entries.put(number, JSON.stringify(entryOf(number, spanMs, count, endMs)))
    })
  }
  await environment.close()
}
