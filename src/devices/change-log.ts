import { newestKey, type TextDatabase } from '../lmdb/environment'
import type { Change } from './store'
import { readChange } from './stored'

/** How far back a reader may lag behind before it must start anew. */
const MAX_ENTRIES = 200_000

/** A change that has no place in the log yet. */
export type NewChange = Change extends infer C ? (C extends Change ? Omit<C, 'sequence'> : never) : never

/** The contiguous log of what changed, which tells each worker just what to forget. */
export class ChangeLog {
  constructor(
    private readonly entries: TextDatabase,
    private readonly maxEntries = MAX_ENTRIES,
  ) {}

  /** The newest sequence; 0 when nothing was ever appended. */
  newest(): number {
    return newestKey(this.entries)
  }

  /** Must be called inside a write transaction, after everything they stand for was put. */
  append(changes: readonly NewChange[]): void {
    let sequence = this.newest()
    for (const change of changes) {
      sequence += 1
      void this.entries.put(sequence, JSON.stringify({ sequence, ...change }))
      if (sequence > this.maxEntries) void this.entries.remove(sequence - this.maxEntries)
    }
  }

  /** Oldest first; null when the log no longer reaches back to `sequence`, or an entry cannot be read. */
  after(sequence: number, limit: number): Change[] | null {
    const newest = this.newest()
    if (newest === sequence) return []
    if (newest < sequence) return null
    const changes: Change[] = []
    for (const { key, value } of this.entries.getRange({ start: sequence + 1, limit })) {
      const expected = sequence + 1 + changes.length
      const change = key === expected ? readChange(expected, value) : undefined
      if (!change) return null
      changes.push(change)
    }
    return changes
  }
}
