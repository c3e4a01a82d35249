import path from 'node:path'

import pino from 'pino'

import { formatEntry, type JournalEntry } from './journal'
import type { JournalStore } from './journal-store'
import { escapeLine } from './line-text'
import { LogFile } from './log-file'

const POLL_MS = 200
const BATCH = 2000
const MAX_FILE_OCTETS = 50 * 1024 * 1024
/** pino cannot leave it out; it comes first in a line and says nothing here. */
const LEVEL = '"level":30,'

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
  #turn: Promise<void> = Promise.resolve()

  /** Throws when the file cannot be opened. */
  constructor(
    stateDir: string,
    private readonly journal: JournalStore,
    private readonly onFault: (error: unknown) => void,
    maxFileOctets = MAX_FILE_OCTETS,
  ) {
    this.#file = new LogFile(path.join(stateDir, 'log', 'blocks.ndjson'), maxFileOctets)
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
    await this.flush()
    this.#file.close()
  }

  async #writeNew(): Promise<void> {
    for (;;) {
      const from = this.journal.blockLogPosition()?.cursor ?? null
      const { entries, cursor } = this.journal.after(from, BATCH)
      if (cursor === from) return
      await this.#file.append(this.#linesOf(entries), (place) =>
        this.journal.keepBlockLogPosition({ cursor, ...place }),
      )
      if (!this.#file.isFull) continue
      this.#file.rotate()
      await this.journal.keepBlockLogPosition({ cursor, ...this.#file.place() })
    }
  }

  #linesOf(entries: readonly JournalEntry[]): string {
    for (const entry of entries) this.#logger.info(formatEntry(entry))
    return escapeLine(this.#lines.splice(0).join(''))
  }
}
