import type { JournalEntry } from './journal'

const FOLD_MS = 60_000
/** Cases being folded at once; beyond it entries pass unfolded rather than being held. */
const MAX_CASES = 10_000

interface Case {
  readonly openedAt: number
  latest: JournalEntry
  repeats: number
}

/**
 * Folds a phone's endless retries. The first decision of a case is written at once; how many came in the
 * minute after it is one more line, which shows the last of them and carries their number as `repeats`.
 * A case is one user, device, protocol, outcome, reason, rule and policy: a recall must find whom each of them hit.
 */
export class Fold {
  readonly #cases = new Map<string, Case>()

  /** What is to be written now for `entry`: itself, or nothing yet. */
  add(entry: JournalEntry): JournalEntry | undefined {
    const key = caseKey(entry)
    const open = this.#cases.get(key)
    if (open) {
      open.repeats += 1
      open.latest = entry
      return undefined
    }
    if (this.#cases.size < MAX_CASES)
      this.#cases.set(key, { openedAt: entry.time, latest: entry, repeats: 0 })
    return entry
  }

  /** Closes the cases that a minute has passed for at `nowMs` (Infinity: all); gives their summaries. */
  due(nowMs: number): JournalEntry[] {
    const summaries: JournalEntry[] = []
    for (const [key, { openedAt, latest, repeats }] of this.#cases) {
      const ageMs = nowMs - openedAt
      // In the order they were opened: the rest is younger. A clock that was set back closes what it left behind.
      if (ageMs >= 0 && ageMs < FOLD_MS) break
      this.#cases.delete(key)
      if (repeats > 0) summaries.push({ ...latest, repeats })
    }
    return summaries
  }
}

/** As JSON, since user and device are what a client sent: no separator is safe from them. */
const caseKey = (e: JournalEntry): string =>
  JSON.stringify([e.user, e.device, e.protocol, e.outcome, e.reason, e.rule, e.enforced, e.policy])
