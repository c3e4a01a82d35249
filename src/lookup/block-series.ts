import { setImmediate as turn } from 'node:timers/promises'

import { decisionsIn, type JournalEntry } from '../journal/journal'
import { effectOf } from '../policy/decision'
import type { BlocksSource } from './blocks-source'

/** What happened in one half hour. `time` is when it began, epoch milliseconds. */
export interface HalfHour {
  readonly time: number
  readonly blocks: number
  readonly warnings: number
  /** What mode monitor, or a silent mandate, only noted. */
  readonly wouldBlocks: number
}

export const HALF_HOUR_MS = 1_800_000
const HALF_HOURS = 48
const LOOK_MS = 1000
/** After the store did not answer. */
const RETRY_MS = 10_000
/** Taken in at one turn: some milliseconds. */
const SLICE = 1000

/** Blocks and warnings of the last day by half hours, kept up to date from the journal's end. */
export class BlockSeries {
  readonly #byHalfHour = new Map<number, { blocks: number; warnings: number; wouldBlocks: number }>()
  #closed = false
  #running: Promise<void>
  #wake: () => void = () => undefined

  constructor(
    private readonly open: () => Promise<BlocksSource>,
    private readonly now: () => number,
    private readonly onFault: (error: unknown) => void,
  ) {
    this.#running = this.#follow()
  }

  /** The 48 half hours up to now, oldest first. */
  series(): readonly HalfHour[] {
    const newest = halfHourOf(this.now())
    return Array.from({ length: HALF_HOURS }, (_, index) => {
      const half = newest - HALF_HOURS + 1 + index
      const { blocks, warnings, wouldBlocks } = this.#byHalfHour.get(half) ?? NOTHING
      return { time: half * HALF_HOUR_MS, blocks, warnings, wouldBlocks }
    })
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#wake()
    await this.#running
  }

  async #follow(): Promise<void> {
    while (!this.#closed) {
      try {
        this.#byHalfHour.clear()
        await this.#takeIn(await this.open())
      } catch (error) {
        this.onFault(error)
        await this.#pause(RETRY_MS)
      }
    }
  }

  async #takeIn(source: BlocksSource): Promise<void> {
    let cursor = await source.cursorAt(this.now() - HALF_HOURS * HALF_HOUR_MS)
    while (!this.#closed) {
      const next = await source.after(cursor, SLICE)
      for (const entry of next.blocks) this.#add(entry)
      const more = next.cursor !== cursor
      cursor = next.cursor
      if (more) await turn()
      else await this.#pause(LOOK_MS)
      this.#forgetOld()
    }
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms)
      timer.unref()
      this.#wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  #add(entry: JournalEntry): void {
    const half = halfHourOf(entry.time)
    if (half <= halfHourOf(this.now()) - HALF_HOURS) return
    const counts = this.#byHalfHour.get(half) ?? { ...NOTHING }
    this.#byHalfHour.set(half, counts)
    const times = decisionsIn(entry)
    const effect = effectOf(entry)
    if (effect === 'block') counts.blocks += times
    else if (effect === 'warn') counts.warnings += times
    else if (entry.outcome === 'block') counts.wouldBlocks += times
  }

  #forgetOld(): void {
    const oldest = halfHourOf(this.now()) - HALF_HOURS
    for (const half of this.#byHalfHour.keys()) if (half <= oldest) this.#byHalfHour.delete(half)
  }
}

const NOTHING = { blocks: 0, warnings: 0, wouldBlocks: 0 }

const halfHourOf = (moment: number): number => Math.floor(moment / HALF_HOUR_MS)
