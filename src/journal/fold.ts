import type { JournalEntry } from './journal'

const FOLD_MS = 60_000
/** Cases being folded at once; beyond it entries pass unfolded rather than being held. */
const MAX_CASES = 10_000

interface Case {
  readonly first: JournalEntry
  latest: JournalEntry
  repeats: number
}

/**
 * Folds a phone's endless retries: the first decision of a case is written at once, the further ones of the
 * next minute become one line with their count. A case is one user, device, protocol, outcome and reason.
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
    if (this.#cases.size < MAX_CASES) this.#cases.set(key, { first: entry, latest: entry, repeats: 0 })
    return entry
  }

  /** The summaries of cases older than a minute at `nowMs`; these cases are closed. */
  due(nowMs: number): JournalEntry[] {
    const due: JournalEntry[] = []
    for (const [key, { first, latest, repeats }] of this.#cases) {
      // In the order of their first entry: the rest is younger.
      if (nowMs - first.time < FOLD_MS) break
      this.#cases.delete(key)
      // The line itself stands for one of them.
      if (repeats > 0) due.push({ ...latest, repeats: repeats - 1 })
    }
    return due
  }
}

const caseKey = (e: JournalEntry): string =>
  [e.user, e.device ?? '', e.protocol, e.outcome, e.reason, e.rule ?? '', e.enforced].join('\0')
