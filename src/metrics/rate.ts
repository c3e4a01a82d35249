import type { MetricName } from './catalogue'
import type { Counted } from './counts'

const OVER_MS = 10_000

/** How often something that is counted happens, lately. Times are of a clock that only goes forward. */
export class Rate {
  readonly #seen: { readonly atMs: number; readonly count: number }[] = []

  constructor(private readonly metric: MetricName) {}

  see(atMs: number, counted: Counted): void {
    const count = Object.entries(counted)
      .filter(([name]) => name.startsWith(`${this.metric} `))
      .reduce((sum, [, value]) => sum + value, 0)
    this.#seen.push({ atMs, count })
    while (this.#seen.length > 2 && (this.#seen[1]?.atMs ?? 0) <= atMs - OVER_MS) this.#seen.shift()
  }

  /** null: not known yet. */
  perS(): number | null {
    const [first, last] = [this.#seen[0], this.#seen.at(-1)]
    if (!first || !last || first === last) return null
    return ((last.count - first.count) / (last.atMs - first.atMs)) * 1000
  }
}
