import { CHUNK, Chunk } from './index-chunk'
import type { JournalStore } from './journal-store'
import { rests } from './rest'

const LOOK_MS = 250
/** What a journal's age and an index of old take is not urgent. */
const CLEAN_MS = 60_000
/** Entries read in one turn of the event loop: a millisecond or two. */
const SLICE = 256

/**
 * Takes the host's new entries into the journal's index, and forgets what is outdated where nothing new comes. One process
 * a host does. Goes on where it was after a kill, also when there is no index yet: a million entries take about
 * a minute, in slices of a millisecond or two with rests between them.
 */
export class Indexer {
  #timer: NodeJS.Timeout | undefined
  #cleanAt = 0
  #turn: Promise<void> = Promise.resolve()
  #closed = false

  constructor(
    private readonly journal: JournalStore,
    private readonly onFault: (error: unknown) => void,
  ) {
    this.#wait(0)
  }

  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#timer)
    await this.#turn
  }

  /** Takes in all there is, as whole chunks. */
  async takeIn(): Promise<void> {
    while (!this.#isClosed() && (await this.#takeInOne()));
  }

  #wait(ms: number): void {
    if (this.#closed) return
    this.#timer = setTimeout(() => {
      this.#turn = this.#work()
        .catch(this.onFault)
        .then(() => this.#wait(LOOK_MS))
    }, ms)
    this.#timer.unref()
  }

  async #work(): Promise<void> {
    if (performance.now() >= this.#cleanAt) {
      await this.journal.forgetOutdated()
      await this.journal.index.clean()
      this.#cleanAt = performance.now() + CLEAN_MS
    }
    await this.takeIn()
  }

  #isClosed(): boolean {
    return this.#closed
  }

  /** Gives whether there may be more. */
  async #takeInOne(): Promise<boolean> {
    const { index } = this.journal
    const first = index.next() + 1
    if (Number(this.journal.newest() ?? 0) < first - 1 + CHUNK) return false
    const chunk = new Chunk(first)
    const rest = rests()
    for (let number = first; number < first + CHUNK; number += SLICE) {
      for (const entry of this.journal.between(number, number + SLICE)) chunk.add(entry)
      await rest()
      if (this.#isClosed()) return false
    }
    await index.put(chunk)
    return true
  }
}
