import { hashOf } from '../policy/hash'
import { OUTCOMES, PLATFORMS, PROTOCOLS, REASONS } from '../policy/vocabulary'
import type { JournalEntry, JournalFilter } from './journal'

/** The fields of an entry that have few values, and how many bits one of them takes in its word. */
const CLOSED = [
  { field: 'protocol', values: PROTOCOLS, bits: 2 },
  { field: 'enforced', values: [false, true], bits: 2 },
  { field: 'outcome', values: OUTCOMES, bits: 3 },
  { field: 'platform', values: PLATFORMS, bits: 4 },
  { field: 'reason', values: REASONS, bits: 5 },
] as const satisfies readonly {
  field: keyof JournalEntry & keyof JournalFilter
  values: readonly unknown[]
  bits: number
}[]

/** What the words mean: an index that was made under other ones has to be made anew. */
export const FACTS_VERSION = CLOSED.map(({ values }) => values.join()).join(';')

const RULE_SHIFT = 16
const RULE_BITS = 16

/** An entry that is no more: no filter asks for it. */
export const NO_FACTS = 0xffffffff

/** A value that is none of the known ones has all bits set, which no known one has. */
function bitsOf(values: readonly unknown[], bits: number, value: unknown): number {
  const index = values.indexOf(value)
  return index < 0 ? (1 << bits) - 1 : index
}

/** 32 bits that tell most entries apart from those that are wanted. */
export function factsOf(entry: JournalEntry): number {
  let word = entry.rule === null ? 0 : ruleBits(entry.rule) << RULE_SHIFT
  let shift = 0
  for (const { field, values, bits } of CLOSED) {
    word |= bitsOf(values, bits, entry[field]) << shift
    shift += bits
  }
  return word >>> 0
}

const ruleBits = (rule: string): number => hashOf(rule) >>> (32 - RULE_BITS)

/** What the facts of each wanted entry have under `mask`. */
export interface WantedFacts {
  readonly mask: number
  readonly facts: number
}

/** undefined: all are wanted. */
export function wantedFacts(filter: JournalFilter): WantedFacts | undefined {
  let [mask, facts, shift] = [0, 0, 0]
  for (const { field, values, bits } of CLOSED) {
    const value = filter[field]
    if (value !== undefined) {
      mask |= ((1 << bits) - 1) << shift
      facts |= bitsOf(values, bits, value) << shift
    }
    shift += bits
  }
  if (filter.rule !== undefined) {
    mask |= ((1 << RULE_BITS) - 1) << RULE_SHIFT
    facts |= ruleBits(filter.rule) << RULE_SHIFT
  }
  return mask === 0 ? undefined : { mask: mask >>> 0, facts: facts >>> 0 }
}

/** The part of a word that is of the closed fields: some dozens of them occur. */
export const kindOf = (facts: number): number => facts & ((1 << RULE_SHIFT) - 1)

/** Whether an entry of one of these kinds may have the wanted facts. */
export const mayBeAmong = (kinds: Uint16Array, { facts, mask }: WantedFacts): boolean =>
  kinds.some((kind) => (kind & mask) === kindOf(facts))

/** Which values occur in a chunk: a bit for each value of each closed field, and 32 for the rules. */
export const SEEN_WORDS = 3
const SEEN_RULES = 64
const SEEN_RULE_BITS = 5

/** Calls `each` with the place of each field's value among the bits of what was seen. */
function placesIn(facts: number, mask: number, each: (place: number) => void): void {
  let [first, shift] = [0, 0]
  for (const { bits } of CLOSED) {
    if (((mask >>> shift) & 1) === 1) each(first + ((facts >>> shift) & ((1 << bits) - 1)))
    first += 1 << bits
    shift += bits
  }
  if (mask >>> RULE_SHIFT !== 0) each(SEEN_RULES + (facts >>> (32 - SEEN_RULE_BITS)))
}

export function noteSeen(seen: Uint32Array, facts: number): void {
  placesIn(facts, NO_FACTS, (place) => (seen[place >>> 5] = (seen[place >>> 5] ?? 0) | (1 << (place & 31))))
}

/** Whether an entry with the wanted facts may be among those whose facts were noted. */
export function maySee(seen: ArrayLike<number>, { facts, mask }: WantedFacts): boolean {
  let all = true
  placesIn(facts, mask, (place) => (all &&= (((seen[place >>> 5] ?? 0) >>> (place & 31)) & 1) === 1))
  return all
}
