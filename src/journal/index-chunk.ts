import { hashOf } from '../policy/hash'
import { factsOf, kindOf, NO_FACTS, noteSeen, SEEN_WORDS } from './index-facts'
import type { JournalEntry, NumberedEntry } from './journal'

/** Entries that are taken into the index at once. */
export const CHUNK = 4096
export const CHUNKS = 16
/** Entries whose names are found by one look each. */
export const SEGMENT = CHUNK * CHUNKS

/** The fields of an entry that have many values. */
export const NAMES = ['decision', 'user', 'device'] as const satisfies readonly (keyof JournalEntry)[]
export type NameField = (typeof NAMES)[number]
/** Parts of a segment's names by their hash: about 4 KiB each. */
export const BUCKETS = 64

/** Where a name is looked for, and what stands there. */
export function placeOf(name: string): { readonly bucket: number; readonly tag: number } {
  const hash = hashOf(name)
  return { bucket: hash % BUCKETS, tag: hash >>> 16 }
}

/** The first of the chunk that `number` is in. */
export const chunkStart = (number: number): number => Math.floor((number - 1) / CHUNK) * CHUNK + 1

/** First and last moment, then what was seen. */
export const ZONE_LENGTH = 2 + SEEN_WORDS

/** What the index keeps of the entries of one chunk. */
export class Chunk {
  /** A word an entry. */
  readonly facts = new Uint32Array(CHUNK).fill(NO_FACTS)
  readonly kinds = new Set<number>()
  readonly #seen = new Uint32Array(SEEN_WORDS)
  #firstMs = Infinity
  #lastMs = -Infinity
  readonly #postings: Record<NameField, number[][]>

  constructor(readonly first: number) {
    const buckets = (): number[][] => Array.from({ length: BUCKETS }, () => [])
    this.#postings = { decision: buckets(), user: buckets(), device: buckets() }
  }

  add(entry: NumberedEntry): void {
    const facts = factsOf(entry)
    this.facts[entry.number - this.first] = facts
    this.kinds.add(kindOf(facts))
    noteSeen(this.#seen, facts)
    this.#firstMs = Math.min(this.#firstMs, entry.time)
    this.#lastMs = Math.max(this.#lastMs, entry.time)
    const offset = (entry.number - 1) % SEGMENT
    for (const field of NAMES) {
      const name = entry[field]
      if (name === null) continue
      const { bucket, tag } = placeOf(name)
      this.#postings[field][bucket]?.push(((tag << 16) | offset) >>> 0)
    }
  }

  zone(): Float64Array {
    return Float64Array.of(this.#firstMs, this.#lastMs, ...this.#seen)
  }

  /** A tag and a place in the segment each, in the order of the places. */
  postings(field: NameField, bucket: number): readonly number[] {
    return this.#postings[field][bucket] ?? []
  }
}
