import path from 'node:path'

import pino from 'pino'

import { isOf, type Erasure } from './erasures'
import { formatEntry, type JournalCursor, type JournalEntry } from './journal'
import type { JournalStore } from './journal-store'
import { escapeLine } from './line-text'
import { LogFile } from './log-file'
import { rests } from './rest'

const POLL_MS = 200
/** Entries that are written at once; when there are more, it is behind. */
const BATCH = 2000
/** Entries made into lines in one turn of the event loop: a millisecond or two. */
const SLICE = 64
/** How often it looks for files that are too old. */
const FORGET_MS = 600_000
const MAX_FILE_OCTETS = 50 * 1024 * 1024
/** pino cannot leave it out; it comes first in a line and says nothing here. */
const LEVEL = '"level":30,'

export interface BlockLogOptions {
  readonly maxFileOctets?: number
  /** How long old files are kept; where left out, they are bounded by their number alone. */
  readonly maxAgeMs?: () => number
  /** How an entry stands in the file; as it is where left out. Where it throws, the file waits. */
  readonly shown?: (entry: JournalEntry) => JournalEntry
}

/**
 * Writes `<stateDir>/log/blocks.ndjson` from the journal: one process a host does, so lines of several
 * workers never mix and rotation has no race. A kill at any moment neither loses nor repeats a line: the
 * journal keeps how far the file was written.
 */
export class BlockLog {
  readonly #file: LogFile
  readonly #timer: NodeJS.Timeout
  readonly #logger
  #lines: string[] = []
  #forgetAt = 0
  #turn: Promise<void> = Promise.resolve()
  #closed = false

  /** Throws when the file cannot be opened. */
  constructor(
    stateDir: string,
    private readonly journal: JournalStore,
    private readonly onFault: (error: unknown) => void,
    private readonly options: BlockLogOptions = {},
  ) {
    const file = path.join(stateDir, 'log', 'blocks.ndjson')
    this.#file = new LogFile(file, options.maxFileOctets ?? MAX_FILE_OCTETS)
    const kept = journal.blockLogPosition()
    if (kept) this.#file.cutBack(kept)
    this.#logger = pino(
      { base: null, timestamp: false },
      { write: (line: string) => this.#lines.push(line.replace(LEVEL, '')) },
    )
    this.#timer = setInterval(() => void this.flush(), POLL_MS)
    this.#timer.unref()
  }

  /** Writes all that the journal has; one turn at a time. */
  flush(): Promise<void> {
    this.#turn = this.#turn.then(() => this.#writeNew()).catch(this.onFault)
    return this.#turn
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    this.#closed = true
    await this.flush()
    this.#file.close()
  }

  async #writeNew(): Promise<void> {
    await this.#append()
    this.#forgetOld()
    for (const erasure of this.journal.erasures.all())
      if (erasure.lines === null) await this.#takeOut(erasure)
  }

  /** Files that were rotated away, and whose last line is outdated. */
  #forgetOld(): void {
    const { maxAgeMs } = this.options
    if (!maxAgeMs || performance.now() < this.#forgetAt) return
    this.#forgetAt = performance.now() + FORGET_MS
    this.#file.forgetBefore(Date.now() - maxAgeMs())
  }

  /** All lines of a person; none can come after it, since all there is was written. */
  async #takeOut(erasure: Erasure): Promise<void> {
    const cursor = this.journal.blockLogPosition()?.cursor ?? null
    const lines = await this.#file.takeOut(
      (line) => isLineOf(erasure, line),
      (place) => this.journal.keepBlockLogPosition({ cursor, ...place }),
    )
    await this.journal.erasures.settle(erasure, lines)
  }

  async #append(): Promise<void> {
    const kept = this.journal.blockLogPosition()
    const place = this.#file.place()
    // Another file lies in its place: from here on its end is what a kill must be able to go back to.
    if (kept && kept.inode !== place.inode) await this.journal.keepBlockLogPosition({ ...kept, ...place })
    for (;;) {
      const from = this.journal.blockLogPosition()?.cursor ?? null
      const { lines, cursor } = await this.#read(from)
      if (cursor === from) return
      await this.#file.append(lines, (place) => this.journal.keepBlockLogPosition({ cursor, ...place }))
      if (!this.#file.isFull) continue
      this.#file.rotate()
      await this.journal.keepBlockLogPosition({ cursor, ...this.#file.place() })
    }
  }

  /** A batch, in slices; it rests between them, unless there are more than that. */
  async #read(from: JournalCursor | null): Promise<{ lines: string; cursor: JournalCursor | null }> {
    const isBehind = Number(this.journal.newest()) - Number(from) > BATCH
    const rest = rests()
    let [lines, cursor] = ['', from]
    for (let left = BATCH; left > 0; left -= SLICE) {
      const slice = this.journal.after(cursor, SLICE)
      if (slice.cursor === cursor) break
      lines += this.#linesOf(slice.entries)
      cursor = slice.cursor
      if (!isBehind && !this.#closed) await rest()
    }
    return { lines, cursor }
  }

  #linesOf(entries: readonly JournalEntry[]): string {
    const shown = this.options.shown ?? ((entry: JournalEntry) => entry)
    // All of them first: one that cannot be shown must leave none behind.
    for (const line of entries.map(shown).map(formatEntry)) this.#logger.info(line)
    return escapeLine(this.#lines.splice(0).join(''))
  }
}

/** A line that cannot be read is nobody's. */
function isLineOf(erasure: Erasure, line: string): boolean {
  try {
    const { user } = JSON.parse(line) as { readonly user?: unknown }
    return typeof user === 'string' && isOf(erasure, user)
  } catch {
    return false
  }
}
