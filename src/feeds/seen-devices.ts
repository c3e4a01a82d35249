import { hash } from 'node:crypto'

const FIRST_SLOTS = 1 << 12
const WORDS = 3
const NO_SWEEP = 1

/**
 * What a source said last of each of its devices, and in which sweep: by hashes instead of ids, in 20 octets a slot,
 * at most half of them used. A million devices take 80 MB at most; 64 bits of SHA-1 make a mistake among them a 1 in 30
 * million chance, which would take one gone device for present.
 */
export class SeenDevices {
  /** [hash, hash, sweep] a slot; sweep 0 is a free one, 1 none that runs. */
  #slots = new Uint32Array(FIRST_SLOTS * WORDS)
  #versions = new Float64Array(FIRST_SLOTS)
  #count = 0
  #sweep = 2
  #inSweep = 0

  /** From now on devices belong to a new sweep. */
  begin(): void {
    this.#sweep += 1
    this.#inSweep = 0
  }

  /** How many devices the running sweep has brought. */
  get inSweep(): number {
    return this.#inSweep
  }

  /** The sweep has brought the device, or the source has told it in full. */
  note(id: string, version: number): void {
    this.#put(id, version, this.#sweep)
  }

  /** The source has told something about the device; whether a sweep brings it is another matter. */
  hear(id: string, version: number): void {
    this.#put(id, version, undefined)
  }

  #put(id: string, version: number, sweep: number | undefined): void {
    const { high, low } = digest(id)
    const slot = find(this.#slots, high, low)
    const at = slot * WORDS
    const known = this.#slots[at + 2] ?? 0
    if (sweep !== undefined && known !== sweep) this.#inSweep += 1
    this.#slots.set([high, low, sweep ?? (known === 0 ? NO_SWEEP : known)], at)
    this.#versions[slot] = known === 0 ? version : Math.max(version, this.#versions[slot] ?? 0)
    if (known === 0) this.#count += 1
    if (this.#count * 2 > this.#versions.length) this.#grow()
  }

  /** The newest version that was noted; undefined: none. */
  version(id: string): number | undefined {
    const slot = this.#slotOf(id)
    return this.#slots[slot * WORDS + 2] === 0 ? undefined : this.#versions[slot]
  }

  isInSweep(id: string): boolean {
    return this.#slots[this.#slotOf(id) * WORDS + 2] === this.#sweep
  }

  #slotOf(id: string): number {
    const { high, low } = digest(id)
    return find(this.#slots, high, low)
  }

  #grow(): void {
    const [slots, versions] = [this.#slots, this.#versions]
    this.#slots = new Uint32Array(slots.length * 2)
    this.#versions = new Float64Array(versions.length * 2)
    for (let slot = 0; slot < versions.length; slot += 1) {
      const entry = slots.subarray(slot * WORDS, (slot + 1) * WORDS)
      const [high = 0, low = 0, sweep = 0] = entry
      if (sweep === 0) continue
      const to = find(this.#slots, high, low)
      this.#slots.set(entry, to * WORDS)
      this.#versions[to] = versions[slot] ?? 0
    }
  }
}

function digest(id: string): { readonly high: number; readonly low: number } {
  const octets = hash('sha1', id, 'buffer')
  return { high: octets.readUInt32LE(0), low: octets.readUInt32LE(4) }
}

/** The entry's slot, or the free one where it belongs. */
function find(slots: Uint32Array, high: number, low: number): number {
  const count = slots.length / WORDS
  for (let slot = low % count; ; slot = (slot + 1) % count) {
    const at = slot * WORDS
    if (slots[at + 2] === 0 || (slots[at] === high && slots[at + 1] === low)) return slot
  }
}
