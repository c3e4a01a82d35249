import path from 'node:path'

import { openEnvironment, type Environment, type TextDatabase } from '../lmdb/environment'
import { Fold } from './fold'
import type { JournalCursor, JournalEntry, JournalQuery, JournalReader, JournalSink } from './journal'

const FLUSH_MS = 100
/** Entries waiting for the disk; beyond it they are counted as lost, the mail goes on. */
const MAX_WAITING = 20_000
const MAX_ENTRIES = 1_000_000
/** Field lengths: a client or a feed must not fill the journal with one entry. */
const MAX_TEXT = 320

/**
 * The journal in an LMDB environment of its own (`<stateDir>/journal`), so that its writes never wait for
 * the replica's nor hold them up. Keys are contiguous numbers in the order of commit, over all processes.
 */
export class JournalStore implements JournalReader, JournalSink {
  readonly #environment: Environment
  readonly #entries: TextDatabase
  readonly #meta: TextDatabase
  readonly #fold = new Fold()
  readonly #timer: NodeJS.Timeout
  #waiting: JournalEntry[] = []
  #writing: Promise<void> = Promise.resolve()
  #lost = 0

  private constructor(
    environment: Environment,
    private readonly now: () => number,
    private readonly onFault: (error: unknown) => void,
  ) {
    this.#environment = environment
    this.#entries = environment.database('entries')
    this.#meta = environment.database('meta')
    this.#timer = setInterval(() => void this.#flush(), FLUSH_MS)
    this.#timer.unref()
  }

  /** Throws EnvironmentError when the directory cannot be opened. */
  static open(
    stateDir: string,
    options: { readonly now: () => number; readonly onFault: (error: unknown) => void },
  ): JournalStore {
    return new JournalStore(openEnvironment(path.join(stateDir, 'journal')), options.now, options.onFault)
  }

  append(entry: JournalEntry): void {
    const now = this.#fold.add(bounded(entry))
    if (now) this.#push(now)
  }

  /** Entries given up because the disk did not take them. */
  get lost(): number {
    return this.#lost
  }

  query(query: JournalQuery): JournalEntry[] {
    const found: JournalEntry[] = []
    for (const { value } of this.#entries.getRange({ reverse: true })) {
      const entry = JSON.parse(value) as JournalEntry
      if (query.sinceMs !== undefined && entry.time < query.sinceMs - CLOCK_SLACK_MS) break
      if (query.sinceMs !== undefined && entry.time < query.sinceMs) continue
      if (query.user !== undefined && entry.user !== query.user) continue
      if (query.device !== undefined && entry.device !== query.device) continue
      if (query.decision !== undefined && entry.decision !== query.decision) continue
      if (found.push(entry) >= query.limit) break
    }
    return found
  }

  after(
    cursor: JournalCursor | null,
    limit: number,
  ): { entries: JournalEntry[]; cursor: JournalCursor | null } {
    const start = cursor === null ? 1 : Number(cursor) + 1
    const rows = [...this.#entries.getRange({ start, limit })]
    const last = rows.at(-1)
    return {
      entries: rows.map(({ value }) => JSON.parse(value) as JournalEntry),
      cursor: last ? String(last.key) : cursor,
    }
  }

  newest(): JournalCursor | null {
    const sequence = this.#meta.get('sequence')
    return sequence ?? null
  }

  /** How far the block log has been written; kept here so that a restart neither loses nor repeats lines. */
  blockLogCursor(): JournalCursor | null {
    return this.#meta.get('blockLog') ?? null
  }

  async keepBlockLogCursor(cursor: JournalCursor): Promise<void> {
    await this.#environment.write(() => this.#meta.put('blockLog', cursor))
  }

  /** Writes what waits, the open folds too, and closes. */
  async close(): Promise<void> {
    clearInterval(this.#timer)
    for (const entry of this.#fold.due(Infinity)) this.#push(entry)
    await this.#flush()
    await this.#environment.close()
  }

  #push(entry: JournalEntry): void {
    if (this.#waiting.length < MAX_WAITING) this.#waiting.push(entry)
    else this.#lost += 1
  }

  #flush(): Promise<void> {
    for (const entry of this.#fold.due(this.now())) this.#push(entry)
    if (this.#waiting.length > 0) {
      const batch = this.#waiting
      this.#waiting = []
      this.#writing = this.#writing.then(() => this.#write(batch))
    }
    return this.#writing
  }

  async #write(batch: readonly JournalEntry[]): Promise<void> {
    try {
      await this.#environment.write(() => {
        let sequence = Number(this.#meta.get('sequence') ?? 0)
        for (const entry of batch) {
          sequence += 1
          void this.#entries.put(sequence, JSON.stringify(entry))
          if (sequence > MAX_ENTRIES) void this.#entries.remove(sequence - MAX_ENTRIES)
        }
        void this.#meta.put('sequence', String(sequence))
      })
    } catch (error) {
      this.#lost += batch.length
      this.onFault(error)
    }
  }
}

/** Processes commit a little out of the order of their clocks. */
const CLOCK_SLACK_MS = 120_000

const bounded = (entry: JournalEntry): JournalEntry => ({
  ...entry,
  user: entry.user.slice(0, MAX_TEXT),
  device: entry.device?.slice(0, MAX_TEXT) ?? null,
  remote: entry.remote.slice(0, MAX_TEXT),
})
