import fs from 'node:fs'
import path from 'node:path'

import pino from 'pino'

import { formatEntry, type JournalCursor } from './journal'
import type { JournalStore } from './journal-store'
import { escapeLine } from './line-text'

const POLL_MS = 200
const BATCH = 2000
const MAX_FILE_OCTETS = 50 * 1024 * 1024
const KEPT_FILES = 10

/**
 * Writes `<stateDir>/log/blocks.ndjson` from the journal: one process a host does, so lines of several
 * workers never mix and rotation has no race. Rotated by size: `blocks.ndjson.1` is the youngest old file.
 * A kill at any moment neither loses nor repeats a line: the journal keeps how far the file was written.
 */
export class BlockLog {
  readonly #file: string
  readonly #timer: NodeJS.Timeout
  readonly #logger
  #descriptor: number
  #octets: number
  #lines: string[] = []
  #turn: Promise<void> = Promise.resolve()

  /** Throws when the file cannot be opened. */
  constructor(
    stateDir: string,
    private readonly journal: JournalStore,
    private readonly onFault: (error: unknown) => void,
    private readonly maxFileOctets = MAX_FILE_OCTETS,
  ) {
    this.#file = path.join(stateDir, 'log', 'blocks.ndjson')
    fs.mkdirSync(path.dirname(this.#file), { recursive: true, mode: 0o700 })
    this.#descriptor = this.#open()
    this.#octets = this.#takeBackUnkept()
    this.#logger = pino({ base: null, timestamp: false }, { write: (line: string) => this.#lines.push(line) })
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
    fs.closeSync(this.#descriptor)
  }

  #open(): number {
    return fs.openSync(this.#file, 'a', 0o600)
  }

  /** What was written behind the kept position is written again: it goes first. Gives the octets that stay. */
  #takeBackUnkept(): number {
    const { ino, size } = fs.fstatSync(this.#descriptor)
    const kept = this.journal.blockLogPosition()
    if (kept?.inode !== ino || size <= kept.octets) return size
    fs.ftruncateSync(this.#descriptor, kept.octets)
    return kept.octets
  }

  async #writeNew(): Promise<void> {
    for (;;) {
      const from = this.journal.blockLogPosition()?.cursor ?? null
      const { entries, cursor } = this.journal.after(from, BATCH)
      if (cursor === from) return
      for (const entry of entries) this.#logger.info(formatEntry(entry))
      const text = escapeLine(this.#lines.splice(0).join(''))
      fs.writeFileSync(this.#descriptor, text)
      this.#octets += Buffer.byteLength(text)
      await this.#keepPosition(cursor)
      if (this.#octets < this.maxFileOctets) continue
      this.#rotate()
      await this.#keepPosition(cursor)
    }
  }

  #keepPosition(cursor: JournalCursor | null): Promise<void> {
    const { ino } = fs.fstatSync(this.#descriptor)
    return this.journal.keepBlockLogPosition({ cursor, inode: ino, octets: this.#octets })
  }

  #rotate(): void {
    fs.closeSync(this.#descriptor)
    for (let i = KEPT_FILES - 1; i >= 1; i -= 1) {
      if (fs.existsSync(`${this.#file}.${i}`)) fs.renameSync(`${this.#file}.${i}`, `${this.#file}.${i + 1}`)
    }
    fs.renameSync(this.#file, `${this.#file}.1`)
    this.#descriptor = this.#open()
    this.#octets = 0
  }
}
