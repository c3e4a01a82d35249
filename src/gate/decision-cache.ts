import { LRUCache } from 'lru-cache'

import type { Decision } from '../policy/decision'
import type { GateDecision } from './gate'
import { SourceIndex, type Sources } from './source-index'

/**
 * A finished decision and what outdates it, in one object and the numbers small, so that a hit touches no
 * more memory than a bare look-up: the moments are milliseconds after the cache's origin, since V8 keeps
 * 32-bit integers in the object itself and any other number in a box of its own.
 */
interface Entry extends GateDecision {
  readonly epoch: number
  /** A clock set back behind this could lie before a deadline that was passed then. */
  readonly holdsFrom: number
  readonly holdsUntil: number
  readonly sources: Sources
}

/** Decisions a worker keeps; at about 700 octets each they are bounded near 180 MB. */
const MAX_ENTRIES = 262_144

const MAX_INT32 = 2 ** 31 - 1
/** After these many milliseconds (12 days) moments are counted from a new origin. */
const ORIGIN_LASTS = 2 ** 30

/** Finished decisions by subject key, droppable by the device or user they were made from. */
export class DecisionCache {
  readonly #keys = new SourceIndex<string>()
  readonly #entries: LRUCache<string, Entry>
  #epoch = 0
  #origin = 0

  constructor(maxEntries = MAX_ENTRIES) {
    this.#entries = new LRUCache<string, Entry>({
      max: maxEntries,
      dispose: ({ sources }, key) => this.#keys.remove(sources, key),
    })
  }

  /** The decision if it still holds at `nowMs`: no I/O, no allocation. */
  get(key: string, nowMs: number): GateDecision | undefined {
    const entry = this.#entries.get(key)
    if (entry === undefined || entry.epoch !== this.#epoch) return undefined
    const now = nowMs - this.#origin
    return now >= entry.holdsFrom && now < entry.holdsUntil ? entry : undefined
  }

  /** Keeps a decision made at `nowMs`, and gives it back as later hits will give it. */
  set(key: string, decision: Decision, id: string, nowMs: number, sources: Sources): GateDecision {
    if (Math.abs(nowMs - this.#origin) > ORIGIN_LASTS) {
      this.#origin = nowMs
      this.outdateAll()
    }
    const { outcome, reason, enforced, rule, policyVersion, deviceId, platform } = decision
    const { proof, evidenceAt, text, validUntil } = decision
    // Name by name: a spread behind other properties takes longer than all the rest of this.
    const entry: Entry = {
      epoch: this.#epoch,
      holdsFrom: nowMs - this.#origin,
      holdsUntil: Math.min(validUntil - this.#origin, MAX_INT32),
      outcome,
      enforced,
      reason,
      rule,
      policyVersion,
      deviceId,
      platform,
      proof,
      evidenceAt,
      text,
      validUntil,
      id,
      imapBucket: 0,
      smtpBucket: 0,
      sources,
    }
    // What it replaces is disposed of in here, before the new one is indexed.
    this.#entries.set(key, entry)
    this.#keys.add(sources, key)
    return entry
  }

  /** What the newest decision under `key` was made from; undefined when there is none. */
  sourcesOf(key: string): Sources | undefined {
    return this.#entries.peek(key)?.sources
  }

  /** Outdates everything at once, in constant time. */
  outdateAll(): void {
    this.#epoch += 1
  }

  dropUser(user: string): void {
    for (const key of this.#keys.ofUser(user)) this.#entries.delete(key)
  }

  dropDevice(id: string): void {
    for (const key of this.#keys.ofDevice(id)) this.#entries.delete(key)
  }
}
