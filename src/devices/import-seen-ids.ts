import { hash } from 'node:crypto'

const FIRST_SLOTS = 1 << 16
const WORDS = 3

/**
 * Remembers on which line each id came first, in 12 octets a slot: hashes instead of ids, so that a million
 * ids of any length take 24 MB. 64 bits of SHA-1 make a false alarm among a million ids a 1 in 30 million chance.
 */
export class SeenIds {
  /** Slots of [hash, hash, line]; line 0 is a free one. Open addressing, at most half full. */
  #slots = new Uint32Array(FIRST_SLOTS * WORDS)
  #count = 0

  /** The line `id` came on before, else undefined, and from now on it came on `line`. */
  firstLine(id: string, line: number): number | undefined {
    const digest = hash('sha1', id, 'buffer')
    const high = digest.readUInt32LE(0)
    const low = digest.readUInt32LE(4)
    const at = find(this.#slots, high, low)
    const known = this.#slots[at + 2]
    if (known !== undefined && known !== 0) return known
    this.#slots.set([high, low, line], at)
    this.#count += 1
    if (this.#count * 2 * WORDS > this.#slots.length) this.#grow()
    return undefined
  }

  get count(): number {
    return this.#count
  }

  #grow(): void {
    const former = this.#slots
    const slots = new Uint32Array(former.length * 2)
    for (let i = 0; i < former.length; i += WORDS) {
      const entry = former.subarray(i, i + WORDS)
      const [high = 0, low = 0, line = 0] = entry
      if (line !== 0) slots.set(entry, find(slots, high, low))
    }
    this.#slots = slots
  }
}

/** The index of the entry's slot, or of the free one where it belongs. */
function find(slots: Uint32Array, high: number, low: number): number {
  const count = slots.length / WORDS
  for (let slot = low % count; ; slot = (slot + 1) % count) {
    const at = slot * WORDS
    if (slots[at + 2] === 0 || (slots[at] === high && slots[at + 1] === low)) return at
  }
}
