import type { Logger } from '../journal/logger'

const WINDOW_MS = 60_000
/** Wrong tokens that one address may show in that time. */
const MAX_TRIES = 10
/** Addresses remembered in one window; beyond it all further ones share one count. */
const MAX_ADDRESSES = 10_000
const MAX_PROVEN = 1000

/** Guessing is made slow and is told, at most once a minute and never with what was tried. */
export class FailedTries {
  #began = -Infinity
  #tries = new Map<string, number>()
  #untold = 0
  /** Who came in from where before: a guesser beside them, as behind one proxy, does not shut them out. */
  readonly #proven = new Set<string>()

  constructor(
    private readonly logger: Logger,
    private readonly now: () => number,
  ) {}

  isShut(address: string): boolean {
    this.#turn()
    return (this.#tries.get(this.#key(address)) ?? 0) >= MAX_TRIES
  }

  failed(address: string): void {
    this.#turn()
    const key = this.#key(address)
    this.#tries.set(key, (this.#tries.get(key) ?? 0) + 1)
    this.#untold += 1
    if (this.#untold === 1) this.#tell()
  }

  succeeded(address: string, name: string): void {
    const key = `${address} ${name}`
    if (this.#proven.delete(key) || this.#proven.size < MAX_PROVEN) this.#proven.add(key)
  }

  wasProven(address: string, name: string): boolean {
    return this.#proven.has(`${address} ${name}`)
  }

  /** The first one is told at once, what came after it when its minute is over. */
  #turn(): void {
    const now = this.now()
    if (now >= this.#began && now - this.#began < WINDOW_MS) return
    if (this.#untold > 1) this.#tell()
    this.#began = now
    this.#tries = new Map()
    this.#untold = 0
  }

  #tell(): void {
    const addresses = [...this.#tries.keys()].slice(0, 10)
    this.logger.warn({ tries: this.#untold, addresses }, 'admin: tokens that are not valid were shown')
  }

  #key(address: string): string {
    return this.#tries.has(address) || this.#tries.size < MAX_ADDRESSES ? address : 'others'
  }
}
