import { countsOf } from './counts-of'
import { OUTCOMES, type Outcome } from './plan'
import type { FeedReading } from './reading'

/** What became of what a source brought. */
export interface TallySummary {
  readonly read: number
  readonly applied: number
  readonly unchanged: number
  /** Older than what the source said before. */
  readonly older: number
  /** Set aside while the feed is held. */
  readonly held: number
  /** News about devices that nobody reported. */
  readonly unknown: number
  readonly bad: number
  /** The first hundred bad ones. */
  readonly problems: readonly { readonly place: string; readonly problem: string }[]
}

const MAX_PROBLEMS = 100

/** Counts outcomes. */
export class Tally {
  readonly #counts = countsOf(OUTCOMES)
  readonly #problems: { place: string; problem: string }[] = []
  #read = 0
  #unreadable = 0

  /** Bad ones of which not even the device is known. */
  get unreadable(): number {
    return this.#unreadable
  }

  add(readings: readonly FeedReading[], outcomes: readonly Outcome[]): void {
    this.#read += readings.length
    for (const outcome of outcomes) this.#counts[outcome] += 1
    for (const reading of readings) {
      if (!('problem' in reading)) continue
      if (reading.id === undefined) this.#unreadable += 1
      if (this.#problems.length < MAX_PROBLEMS)
        this.#problems.push({ place: reading.place, problem: reading.problem })
    }
  }

  summary(): TallySummary {
    return { read: this.#read, ...this.#counts, problems: this.#problems }
  }
}
