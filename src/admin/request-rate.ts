const WINDOW_MS = 60_000
const MAX_ADDRESSES = 10_000

/** How many requests each address sent within the minute; those of more addresses than it can hold count as one's. */
export class RequestRate {
  #began = -Infinity
  #counts = new Map<string, number>()

  constructor(
    private readonly most: number,
    private readonly now: () => number,
  ) {}

  /** Counts one; false: it is more than may be. */
  take(address: string): boolean {
    const now = this.now()
    if (now < this.#began || now - this.#began >= WINDOW_MS) {
      this.#began = now
      this.#counts = new Map()
    }
    const key = this.#counts.has(address) || this.#counts.size < MAX_ADDRESSES ? address : 'others'
    const count = (this.#counts.get(key) ?? 0) + 1
    this.#counts.set(key, count)
    return count <= this.most
  }
}
