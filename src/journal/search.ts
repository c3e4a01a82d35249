import type { TextDatabase } from '../lmdb/environment'
import { CHUNK, CHUNKS, NAMES, SEGMENT, ZONE_LENGTH } from './index-chunk'
import { mayBeAmong, maySee, wantedFacts, type WantedFacts } from './index-facts'
import {
  isWanted,
  wantedTexts,
  type JournalEntry,
  type JournalPage,
  type JournalQuery,
  type NumberedEntry,
} from './journal'
import type { JournalIndex } from './journal-index'
import { readEntry } from './stored'

/** What one page may cost, in entries read or values of the index: some fifty milliseconds. */
const MAX_COST = 10_000
/** Processes commit a little out of the order of their clocks, and a summary a minute after its case began. */
const CLOCK_SLACK_MS = 120_000

/** The newest entries below `before` (null: of all) that `query` asks for. */
export const searchPage = (
  entries: TextDatabase,
  index: JournalIndex,
  query: JournalQuery,
  before: number | null,
): JournalPage => new Search(entries, index, query).page(before)

/** One page: first through the entries that the index has not taken in yet, then by the index. */
class Search {
  readonly #found: NumberedEntry[] = []
  readonly #facts: WantedFacts | undefined
  readonly #texts: readonly string[]
  #cost = 0

  constructor(
    private readonly entries: TextDatabase,
    private readonly index: JournalIndex,
    private readonly query: JournalQuery,
  ) {
    this.#facts = wantedFacts(query)
    this.#texts = wantedTexts(query)
  }

  page(before: number | null): JournalPage {
    const indexed = this.index.position()
    const last = before === null ? Infinity : before - 1
    return (
      this.#throughTail(last, indexed) ??
      this.#throughIndex(Math.min(last, indexed)) ?? { entries: this.#found, next: null, searchedTo: null }
    )
  }

  /** The entries above `indexed`, up to `last`. undefined: goes on below. */
  #throughTail(last: number, indexed: number): JournalPage | undefined {
    const range = { reverse: true, end: indexed, ...(last < Infinity && { start: last }) }
    if (last <= indexed) return undefined
    for (const { key, value } of this.entries.getRange(range)) {
      this.#cost += 1
      const isLast = this.#cost >= MAX_COST
      const entry = isLast || this.#texts.every((text) => value.includes(text)) ? readEntry(value) : undefined
      if (!entry) continue
      if (this.#isTooOld(entry.time)) return this.#end(null, null)
      if (this.#take(Number(key), entry)) return this.#end(Number(key), null)
      if (isLast) return this.#end(Number(key), entry.time)
    }
    return undefined
  }

  /** The entries up to `last`, all of which the index has. undefined: there is no more. */
  #throughIndex(last: number): JournalPage | undefined {
    const oldest = this.index.oldest()
    for (let segment = segmentOf(last); last >= oldest && segment >= segmentOf(oldest); segment -= 1) {
      const zones = this.index.zones(segment)
      this.#cost += 1
      if (!zones) continue
      let places: readonly number[] | null | undefined
      for (let chunk = CHUNKS - 1; chunk >= 0; chunk -= 1) {
        const first = segment * SEGMENT + chunk * CHUNK + 1
        if (first > last || first + CHUNK <= oldest) continue
        const [fromMs = 0, toMs = 0, ...seen] = zones.subarray(chunk * ZONE_LENGTH, (chunk + 1) * ZONE_LENGTH)
        if (this.#isTooOld(toMs)) return this.#end(null, null)
        if (!this.#isPossible(fromMs, toMs, seen)) continue
        if (places === undefined) places = this.#placesIn(segment)
        const page = this.#throughChunk(
          first,
          this.#candidates(segment, chunk, places),
          Math.max(oldest, 1),
          last,
        )
        if (page) return page
        if (this.#cost >= MAX_COST) return this.#end(first, fromMs)
      }
    }
    return undefined
  }

  /** Those of a chunk that the index cannot rule out. undefined: goes on below. */
  #throughChunk(
    first: number,
    places: readonly number[],
    oldest: number,
    last: number,
  ): JournalPage | undefined {
    for (let i = this.#lastBeforeUntil(first, places); i >= 0; i -= 1) {
      const number = first + (places[i] ?? 0)
      if (number > last || number < oldest) continue
      const entry = this.#read(number)
      if (!entry) continue
      if (this.#take(number, entry)) return this.#end(number, null)
      if (this.#cost >= MAX_COST) return this.#end(number, entry.time)
    }
    return undefined
  }

  /** By halves: entries lie about in the order of their times. */
  #lastBeforeUntil(first: number, places: readonly number[]): number {
    const { untilMs } = this.query
    if (untilMs === undefined) return places.length - 1
    let [low, high] = [0, places.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      const time = this.#read(first + (places[middle] ?? 0))?.time
      // One that is gone or damaged does not tell.
      if (time === undefined) return places.length - 1
      if (time < untilMs + CLOCK_SLACK_MS) low = middle + 1
      else high = middle
    }
    return low - 1
  }

  #read(number: number): JournalEntry | undefined {
    this.#cost += 1
    const value = this.entries.get(number)
    return value === undefined ? undefined : readEntry(value)
  }

  /** Of the whole segment, by the names that are asked for; null: no name is. */
  #placesIn(segment: number): readonly number[] | null {
    this.#cost += 1
    if (this.#facts && !mayBeAmong(this.index.kinds(segment), this.#facts)) return []
    let places: readonly number[] | undefined
    for (const field of NAMES) {
      const name = this.query[field]
      if (name === undefined || places?.length === 0) continue
      this.#cost += 1
      const found = this.index.places(segment, field, name)
      const among = places && new Set(places)
      places = among ? found.filter((place) => among.has(place)) : found
    }
    return places ?? null
  }

  /** Places in the chunk, of those in the segment, whose facts are wanted. */
  #candidates(segment: number, chunk: number, inSegment: readonly number[] | null): readonly number[] {
    const start = chunk * CHUNK
    const places = inSegment?.filter((place) => place >= start && place < start + CHUNK).map((p) => p - start)
    if (places?.length === 0 || !this.#facts) return places ?? EVERY_PLACE
    const { mask, facts: wanted } = this.#facts
    const facts = this.index.facts(segment, chunk) ?? new Uint32Array()
    this.#cost += 2
    const isCandidate = (place: number): boolean => ((facts[place] ?? 0) & mask) >>> 0 === wanted
    if (places) return places.filter(isCandidate)
    const found: number[] = []
    for (let place = 0; place < facts.length; place += 1) if (isCandidate(place)) found.push(place)
    return found
  }

  #isPossible(fromMs: number, toMs: number, seen: readonly number[]): boolean {
    const { sinceMs = -Infinity, untilMs = Infinity } = this.query
    return toMs >= sinceMs && fromMs < untilMs && (!this.#facts || maySee(seen, this.#facts))
  }

  #isTooOld(timeMs: number): boolean {
    return timeMs < (this.query.sinceMs ?? -Infinity) - CLOCK_SLACK_MS
  }

  /** Takes it where it is wanted; whether the page is then full. */
  #take(number: number, entry: Omit<NumberedEntry, 'number'>): boolean {
    return isWanted(entry, this.query) && this.#found.push({ ...entry, number }) >= this.query.limit
  }

  #end(next: number | null, searchedTo: number | null): JournalPage {
    return { entries: this.#found, next, searchedTo }
  }
}

const segmentOf = (number: number): number => Math.floor((number - 1) / SEGMENT)

const EVERY_PLACE: readonly number[] = Array.from({ length: CHUNK }, (_, i) => i)
