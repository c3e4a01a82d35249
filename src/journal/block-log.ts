import fs from 'node:fs'
import path from 'node:path'

import pino from 'pino'

import { formatEntry } from './journal'
import type { JournalStore } from './journal-store'

const POLL_MS = 200
const BATCH = 2000
const MAX_FILE_OCTETS = 50 * 1024 * 1024
const KEPT_FILES = 10

/**
 * Writes `<stateDir>/log/blocks.ndjson` from the journal: one process a host does, so lines of several
 * workers never mix and rotation has no race. Rotated by size: `blocks.ndjson.1` is the youngest old file.
 */
export class BlockLog {
  readonly #file: string
  readonly #timer: NodeJS.Timeout
  #descriptor: number
  #octets: number
  #lines: string[] = []
  readonly #logger
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
    this.#descriptor = fs.openSync(this.#file, 'a', 0o600)
    this.#octets = fs.fstatSync(this.#descriptor).size
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

  async #writeNew(): Promise<void> {
    for (;;) {
      const { entries, cursor } = this.journal.after(this.journal.blockLogCursor(), BATCH)
      if (entries.length === 0 || cursor === null) return
      for (const entry of entries) this.#logger.info(formatEntry(entry))
      const text = escapeLines(this.#lines.splice(0).join(''))
      fs.writeSync(this.#descriptor, text)
      this.#octets += Buffer.byteLength(text)
      await this.journal.keepBlockLogCursor(cursor)
      if (this.#octets >= this.maxFileOctets) this.#rotate()
    }
  }

  #rotate(): void {
    fs.closeSync(this.#descriptor)
    for (let i = KEPT_FILES - 1; i >= 1; i -= 1) {
      if (fs.existsSync(`${this.#file}.${i}`)) fs.renameSync(`${this.#file}.${i}`, `${this.#file}.${i + 1}`)
    }
    fs.renameSync(this.#file, `${this.#file}.1`)
    this.#descriptor = fs.openSync(this.#file, 'a', 0o600)
    this.#octets = 0
  }
}

/** JSON leaves DEL, C1 controls and the Unicode line ends as they are; viewers act on them. */
const escapeLines = (text: string): string =>
  text.replace(
    /[\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
