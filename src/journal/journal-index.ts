import { newestKey, type BinaryDatabase, type Environment, type TextDatabase } from '../lmdb/environment'
import {
  BUCKETS,
  CHUNK,
  chunkStart,
  CHUNKS,
  NAMES,
  placeOf,
  SEGMENT,
  ZONE_LENGTH,
  type Chunk,
  type NameField,
} from './index-chunk'
import { FACTS_VERSION, NO_FACTS } from './index-facts'

/** Grows with each change of what is stored and how. */
const VERSION = `2 ${FACTS_VERSION}`
/** Keys taken out in one transaction. */
const REMOVED_AT_ONCE = 500

/**
 * What finds entries without reading them all. Nothing in it counts: it is made from the entries, chunk by chunk,
 * and says up to which number it goes. Its parts lie by the segments of the journal, so that what is new touches the newest
 * pages alone, and what is forgotten goes as a whole.
 *
 * Keys: ['zones', segment]: for each chunk its moments and what occurs in it · ['kinds', segment]: which facts of the closed
 * fields occur together; both beside each other, since a page may look at all of them · [segment, 'facts', chunk]: a word an
 * entry · [segment, field, bucket]: a word for each entry whose name's hash is in the bucket.
 */
export class JournalIndex {
  readonly #index: BinaryDatabase

  constructor(
    private readonly environment: Environment,
    private readonly entries: TextDatabase,
    private readonly meta: TextDatabase,
  ) {
    this.#index = environment.binaryDatabase('index')
  }

  /** The number up to which entries are in it; 0: none are, or it was made by another version. */
  position(): number {
    const { number = 0, version } = this.#state()
    return version === VERSION && number <= newestKey(this.entries) ? number : 0
  }

  zones(segment: number): Float64Array | undefined {
    const octets = this.#get(['zones', segment])
    return octets && new Float64Array(octets.buffer)
  }

  /** Of the entries of a segment. */
  kinds(segment: number): Uint16Array {
    const octets = this.#get(['kinds', segment])
    return octets ? new Uint16Array(octets.buffer) : new Uint16Array()
  }

  /** Of the entries of a chunk, by their places in it. */
  facts(segment: number, chunk: number): Uint32Array | undefined {
    const octets = this.#get([segment, 'facts', chunk])
    return octets && new Uint32Array(octets.buffer)
  }

  /** Places in the segment of the entries that have this name, or another of the same hash; in their order. */
  places(segment: number, field: NameField, name: string): number[] {
    const { bucket, tag } = placeOf(name)
    const found: number[] = []
    for (const posting of this.#postings(segment, field, bucket))
      if (posting >>> 16 === tag) found.push(posting & 0xffff)
    return found
  }

  /** The number behind which the next chunk begins; those before it are forgotten or in the index. */
  next(): number {
    return Math.max(this.position(), chunkStart(this.oldest()) - 1)
  }

  /** The number of the oldest entry; 1 when there is none. */
  oldest(): number {
    for (const key of this.entries.getKeys({ limit: 1 })) return Number(key)
    return 1
  }

  /** Takes the chunk in, and keeps that it did, if the index is still where the chunk begins. */
  async put(chunk: Chunk): Promise<void> {
    await this.environment.write(() => {
      if (this.next() !== chunk.first - 1) return
      const segment = Math.floor((chunk.first - 1) / SEGMENT)
      const ordinal = ((chunk.first - 1) / CHUNK) % CHUNKS
      const zones = this.zones(segment) ?? new Float64Array(CHUNKS * ZONE_LENGTH)
      zones.set(chunk.zone(), ordinal * ZONE_LENGTH)
      this.#put(['zones', segment], zones)
      this.#put(['kinds', segment], Uint16Array.from(new Set([...this.kinds(segment), ...chunk.kinds])))
      this.#put([segment, 'facts', ordinal], chunk.facts)
      for (const field of NAMES) {
        for (let bucket = 0; bucket < BUCKETS; bucket += 1) {
          const added = chunk.postings(field, bucket)
          if (added.length === 0) continue
          const kept = this.#postings(segment, field, bucket)
          const postings = new Uint32Array(kept.length + added.length)
          postings.set(kept)
          postings.set(added, kept.length)
          this.#put([segment, field, bucket], postings)
        }
      }
      this.#keep(chunk.first - 1 + CHUNK)
    })
  }

  /** Takes out what stands of these entries, which have these names. Within a write transaction. */
  forget(
    entries: readonly ({ readonly number: number } & Readonly<Record<NameField, string | null>>)[],
  ): void {
    for (const { number, ...names } of entries) {
      const segment = Math.floor((number - 1) / SEGMENT)
      const place = (number - 1) % SEGMENT
      const ordinal = Math.floor(place / CHUNK)
      const facts = this.facts(segment, ordinal)
      if (facts) {
        facts[place % CHUNK] = NO_FACTS
        this.#put([segment, 'facts', ordinal], facts)
      }
      for (const field of NAMES) {
        const name = names[field]
        if (name === null) continue
        const { bucket } = placeOf(name)
        const kept = this.#postings(segment, field, bucket).filter((posting) => (posting & 0xffff) !== place)
        this.#put([segment, field, bucket], kept)
      }
    }
  }

  /** Takes out, in slices, what is of no use any more: another version's, or of entries that are forgotten. */
  async clean(): Promise<void> {
    const { number = 0, version } = this.#state()
    // First it is made one that nobody reads.
    if (version === VERSION && number > newestKey(this.entries))
      await this.environment.write(() => void this.meta.put('index', '0 of other entries'))
    if (version !== undefined && this.#state().version !== VERSION) {
      await this.#remove({})
      await this.environment.write(() => this.#keep(0))
    }
    const segment = Math.floor((this.oldest() - 1) / SEGMENT)
    for (const part of [[], ['zones'], ['kinds']])
      await this.#remove({ start: [...part, 0], end: [...part, segment] })
  }

  async #remove(range: {
    readonly start?: (string | number)[]
    readonly end?: (string | number)[]
  }): Promise<void> {
    for (;;) {
      const keys = [...this.#index.getKeys({ ...range, limit: REMOVED_AT_ONCE })]
      if (keys.length === 0) return
      await this.environment.write(() => keys.forEach((key) => void this.#index.remove(key)))
    }
  }

  #postings(segment: number, field: NameField, bucket: number): Uint32Array {
    const octets = this.#get([segment, field, bucket])
    return octets ? new Uint32Array(octets.buffer) : new Uint32Array()
  }

  /** Of its own, aligned for words. */
  #get(key: (string | number)[]): Uint8Array<ArrayBuffer> | undefined {
    const value = this.#index.get(key)
    return value && new Uint8Array(value)
  }

  #put(key: (string | number)[], { buffer, byteOffset, byteLength }: NodeJS.TypedArray): void {
    void this.#index.put(key, Buffer.from(buffer, byteOffset, byteLength))
  }

  #state(): { readonly number?: number; readonly version?: string } {
    const text = this.meta.get('index')
    const [, number, version] = /^(\d+) (.*)$/s.exec(text ?? '') ?? []
    if (text === undefined) return {}
    return { number: Number(number ?? 0), version: version ?? 'damaged' }
  }

  #keep(number: number): void {
    void this.meta.put('index', `${number} ${VERSION}`)
  }
}
