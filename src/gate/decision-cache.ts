import { LRUCache } from 'lru-cache'

import type { GateDecision } from './gate'

/** One finished decision and what outdates it. */
interface Entry {
  readonly decision: GateDecision
  /** Epoch milliseconds. A clock set back behind it could lie before a deadline that was passed then. */
  readonly decidedAt: number
  readonly epoch: number
  /** What it was decided from: each change of one of these drops it. */
  readonly sources: readonly string[]
}

/** Decisions a worker keeps; at about 600 octets each this is bounded near 150 MB. */
const MAX_ENTRIES = 262_144

/** Finished decisions by subject key, droppable by the device or user they were decided from. */
export class DecisionCache {
  readonly #keysBySource = new Map<string, Set<string>>()
  readonly #entries: LRUCache<string, Entry>
  #epoch = 0

  constructor(maxEntries = MAX_ENTRIES) {
    this.#entries = new LRUCache<string, Entry>({
      max: maxEntries,
      dispose: (entry, key) => this.#unindex(key, entry),
    })
  }

  /** The decision if it still holds at `nowMs`: no I/O, no allocation. */
  get(key: string, nowMs: number): GateDecision | undefined {
    const entry = this.#entries.get(key)
    if (entry === undefined || entry.epoch !== this.#epoch) return undefined
    return nowMs >= entry.decidedAt && nowMs < entry.decision.validUntil ? entry.decision : undefined
  }

  set(key: string, decision: GateDecision, decidedAt: number, sources: readonly string[]): void {
    this.#entries.set(key, { decision, decidedAt, epoch: this.#epoch, sources })
    for (const source of sources) {
      const keys = this.#keysBySource.get(source)
      if (keys) keys.add(key)
      else this.#keysBySource.set(source, new Set([key]))
    }
  }

  /** What the newest decision under `key` was made from; undefined when there is none. */
  sourcesOf(key: string): readonly string[] | undefined {
    return this.#entries.peek(key)?.sources
  }

  /** Outdates everything at once, in constant time. */
  outdateAll(): void {
    this.#epoch += 1
  }

  /** Drops what was decided from `source`. */
  drop(source: string): void {
    const keys = this.#keysBySource.get(source)
    if (keys) for (const key of [...keys]) this.#entries.delete(key)
  }

  #unindex(key: string, entry: Entry): void {
    for (const source of entry.sources) {
      const keys = this.#keysBySource.get(source)
      if (keys?.delete(key) && keys.size === 0) this.#keysBySource.delete(source)
    }
  }
}

export const deviceSource = (id: string): string => `d:${id}`
export const userSource = (user: string): string => `u:${user}`
