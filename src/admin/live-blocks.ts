import { setImmediate as turn } from 'node:timers/promises'

import { StoreProblem } from '../devices/redis/problem'
import { isWanted, type JournalFilter } from '../journal/journal'
import type { Block, BlocksSource } from '../lookup/blocks-source'

/** Where new blocks go. */
export interface LiveReader {
  readonly filter: JournalFilter
  /** Whether whoever reads may go on. */
  readonly mayStay: () => boolean
  send(blocks: readonly Block[]): void
  /** Resolves when it has read what it was sent, or is gone. */
  drained(): Promise<void>
  /** It came so late that blocks between were left out. */
  missed(): void
  ping(): void
  end(): void
}

const LOOK_MS = 200
/** After the store did not answer. */
const RETRY_MS = 1000
const PING_MS = 15_000
const BATCH = 500
/** Readers served at one turn. */
const READERS_A_TURN = 50
/** A reader that comes back is given so much of what it missed; beyond that it has to look at the log itself. */
const MAX_CAUGHT_UP = 10_000

/** New blocks as they come, read once for all readers. */
export class LiveBlocks {
  /** With the cursor behind what each was sent. */
  readonly #readers = new Map<LiveReader, string>()
  readonly #pings: NodeJS.Timeout
  #source: BlocksSource | undefined
  #cursor = ''
  #isFollowing = false
  #following = Promise.resolve()
  #closed = false

  constructor(
    private readonly open: () => Promise<BlocksSource>,
    private readonly onFault: (error: unknown) => void,
  ) {
    this.#pings = setInterval(() => {
      this.endStrangers()
      for (const reader of this.#readers.keys()) reader.ping()
    }, PING_MS).unref()
  }

  /** The cursor behind what is there now. Rejects where the log cannot be read. */
  async newest(): Promise<string> {
    return (await this.#opened()).newest()
  }

  /** From now on `reader` is sent what comes behind `after`. */
  async join(reader: LiveReader, after: string): Promise<void> {
    let cursor = after
    do cursor = await this.#catchUp(reader, cursor)
    while (this.#isFollowing && isBehind(this.#cursor, cursor))
    if (this.#closed) {
      reader.end()
      return
    }
    this.#readers.set(reader, cursor)
    if (this.#isFollowing) return
    this.#isFollowing = true
    this.#cursor = cursor
    this.#following = this.#follow()
  }

  leave(reader: LiveReader): void {
    this.#readers.delete(reader)
  }

  /** Ends the readers that may not stay any more. */
  endStrangers(): void {
    for (const reader of this.#readers.keys()) if (!reader.mayStay()) this.#end(reader)
  }

  async close(): Promise<void> {
    this.#closed = true
    clearInterval(this.#pings)
    for (const reader of this.#readers.keys()) this.#end(reader)
    await this.#following
  }

  #end(reader: LiveReader): void {
    this.#readers.delete(reader)
    reader.end()
  }

  async #opened(): Promise<BlocksSource> {
    return (this.#source ??= await this.open())
  }

  /** Sends what came behind `after`, and gives the cursor behind it. */
  async #catchUp(reader: LiveReader, after: string): Promise<string> {
    const source = await this.#opened()
    let from = after
    for (let count = 0; count < MAX_CAUGHT_UP; count += BATCH) {
      const { blocks, cursor } = await source.after(from, BATCH)
      if (cursor === from) return cursor
      from = cursor
      const news = blocks.filter((block) => isWanted(block, reader.filter))
      if (news.length > 0) reader.send(news)
      await reader.drained()
      await turn()
    }
    reader.missed()
    return source.newest()
  }

  async #follow(): Promise<void> {
    while (this.#readers.size > 0 && !this.#closed) {
      let pauseMs = LOOK_MS
      try {
        const next = await (await this.#opened()).after(this.#cursor, BATCH)
        if (next.cursor !== this.#cursor) pauseMs = 0
        this.#cursor = next.cursor
        if (next.blocks.length > 0) await this.#tell(next.blocks)
      } catch (error) {
        if (!(error instanceof StoreProblem)) this.onFault(error)
        pauseMs = RETRY_MS
      }
      await new Promise((resolve) => setTimeout(resolve, pauseMs).unref())
    }
    this.#isFollowing = false
    // A fleet's log that did not answer may answer the next time.
    this.#source = undefined
  }

  async #tell(blocks: readonly Block[]): Promise<void> {
    let served = 0
    for (const [reader, cursor] of this.#readers) {
      const news = blocks.filter((block) => isBehind(block.cursor, cursor) && isWanted(block, reader.filter))
      this.#readers.set(reader, this.#cursor)
      if (news.length > 0) reader.send(news)
      served += 1
      if (served % READERS_A_TURN === 0) await turn()
    }
  }
}

/** Cursors are numbers, or two of them with a dash between. */
function isBehind(cursor: string, other: string): boolean {
  const [a = 0, b = 0] = cursor.split('-').map(Number)
  const [c = 0, d = 0] = other.split('-').map(Number)
  return a > c || (a === c && b > d)
}
