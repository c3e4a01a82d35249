import type { TextDatabase } from '../lmdb/environment'
import { CorruptRecordError, type Change } from './store'

/** How far back a reader may lag behind before it must start anew. */
const MAX_ENTRIES = 200_000

type NewChange = Change extends infer C ? (C extends Change ? Omit<C, 'sequence'> : never) : never

/** The contiguous log of what changed, which tells each worker just what to forget. */
export class ChangeLog {
  constructor(
    private readonly meta: TextDatabase,
    private readonly entries: TextDatabase,
  ) {}

  sequence(): number {
    return Number(this.meta.get('sequence') ?? 0)
  }

  /** Must be called inside a write transaction, after everything it stands for was put. */
  append(change: NewChange): void {
    const sequence = this.sequence() + 1
    void this.entries.put(sequence, JSON.stringify({ sequence, ...change }))
    void this.meta.put('sequence', String(sequence))
    if (sequence > MAX_ENTRIES) void this.entries.remove(sequence - MAX_ENTRIES)
  }

  /** Oldest first; null when the log no longer reaches back to `sequence`, or cannot be read. */
  after(sequence: number, limit: number): Change[] | null {
    const newest = this.sequence()
    if (newest === sequence) return []
    if (newest < sequence) return null
    const changes: Change[] = []
    let expected = sequence + 1
    for (const { key, value } of this.entries.getRange({ start: expected, limit })) {
      if (key !== expected) return null
      changes.push(readChange(expected, value))
      expected += 1
    }
    return changes.length > 0 ? changes : null
  }
}

function readChange(sequence: number, text: string): Change {
  try {
    return JSON.parse(text) as Change
  } catch {
    throw new CorruptRecordError(`log/${sequence}`, 'not readable as JSON')
  }
}
