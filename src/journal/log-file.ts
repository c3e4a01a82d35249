import fs from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'

import { copyWithout } from './line-filter'

const fdatasync = promisify(fs.fdatasync)

const KEPT_FILES = 10

/** How far a file was written, and which file it was. */
export interface LogPlace {
  readonly inode: number
  readonly octets: number
}

/** A file of whole lines that is rotated by size: `<file>.1` is the youngest old one, `.10` the oldest. */
export class LogFile {
  readonly #directory: number
  #descriptor: number

  /** Makes the directory (mode 0700) and the file (0600); throws when it cannot. */
  constructor(
    private readonly file: string,
    private readonly maxOctets: number,
  ) {
    const directory = path.dirname(file)
    fs.mkdirSync(directory, { recursive: true, mode: 0o700 })
    this.#directory = fs.openSync(directory, 'r')
    // Of an erasure that was killed.
    fs.rmSync(`${file}.new`, { force: true })
    this.#descriptor = this.#open()
  }

  /** Takes away what was written behind `place`, if that is a place in this very file. */
  cutBack(place: LogPlace): void {
    const { ino, size } = fs.fstatSync(this.#descriptor)
    if (ino === place.inode && size > place.octets) fs.ftruncateSync(this.#descriptor, place.octets)
  }

  /** Appends and, once it is on disk, calls `whenWritten`; leaves nothing behind when either of them fails. */
  async append(text: string, whenWritten: (place: LogPlace) => Promise<void>): Promise<void> {
    const { size } = fs.fstatSync(this.#descriptor)
    try {
      fs.writeFileSync(this.#descriptor, text)
      await fdatasync(this.#descriptor)
      await whenWritten(this.place())
    } catch (error) {
      fs.ftruncateSync(this.#descriptor, size)
      throw error
    }
  }

  /**
   * Takes the lines that are gone out of all files, each of which is replaced by a new one as a whole, and calls
   * `whenReplaced` for the newest. Gives how many they were. A kill at any moment leaves each file whole, old or new.
   */
  async takeOut(
    isGone: (line: string) => boolean,
    whenReplaced: (place: LogPlace) => Promise<void>,
  ): Promise<number> {
    const next = `${this.file}.new`
    let gone = 0
    for (let number = KEPT_FILES; number >= 0; number -= 1) {
      const file = number === 0 ? this.file : this.#old(number)
      if (!fs.existsSync(file)) continue
      const here = await copyWithout(file, next, isGone)
      gone += here
      if (here === 0) fs.unlinkSync(next)
      else fs.renameSync(next, file)
      if (here === 0 || number > 0) continue
      const opened = this.#open()
      fs.closeSync(this.#descriptor)
      this.#descriptor = opened
      await whenReplaced(this.place())
    }
    fs.fsyncSync(this.#directory)
    return gone
  }

  /** Deletes old files whose last line was written before a moment. */
  forgetBefore(timeMs: number): void {
    for (let number = KEPT_FILES; number > 0; number -= 1) {
      const written = fs.statSync(this.#old(number), { throwIfNoEntry: false })?.mtimeMs ?? Infinity
      if (written < timeMs) fs.unlinkSync(this.#old(number))
    }
  }

  place(): LogPlace {
    const { ino, size } = fs.fstatSync(this.#descriptor)
    return { inode: ino, octets: size }
  }

  get isFull(): boolean {
    return this.place().octets >= this.maxOctets
  }

  rotate(): void {
    if (fs.existsSync(this.file)) this.#shift()
    // Open first: should that fail, the lines go on into the old file.
    const next = this.#open()
    fs.closeSync(this.#descriptor)
    this.#descriptor = next
  }

  close(): void {
    fs.closeSync(this.#descriptor)
    fs.closeSync(this.#directory)
  }

  #open(): number {
    const descriptor = fs.openSync(this.file, 'a', 0o600)
    // Its name too must be there after a power failure.
    fs.fsyncSync(this.#directory)
    return descriptor
  }

  /** Moves files up to the first free number only: a rotation that a kill cut short must not cost an old file. */
  #shift(): void {
    let free = 1
    while (free < KEPT_FILES && fs.existsSync(this.#old(free))) free += 1
    for (let i = free; i > 1; i -= 1) fs.renameSync(this.#old(i - 1), this.#old(i))
    fs.renameSync(this.file, this.#old(1))
  }

  #old(number: number): string {
    return `${this.file}.${number}`
  }
}
