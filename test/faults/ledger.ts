interface Write {
  readonly version: number
  readonly state: string
  /** open: nobody knows yet, or the writer was killed before it knew. */
  fate: 'open' | 'acknowledged' | 'maybe' | 'never' | 'lost'
  /** The entry of the store's log, and when it was acknowledged. */
  n: number
  at: number
}

/** Entries that hosts named as lost, of the history up to a moment. */
export interface LostRange {
  readonly from: number
  readonly to: number
  readonly before: number
}

/** Knows each write that was tried, and what the writer was told of it. */
export class Ledger {
  readonly #writes = new Map<string, Write[]>()
  readonly #byVersion = new Map<string, Write>()
  #counts = { acknowledged: 0, maybe: 0, never: 0 }

  /** A line that a writer told. */
  note(writer: string, line: string): void {
    const [word, version = '', ...rest] = line.split(' ')
    const key = `${writer} ${version}`
    if (word === 'try') {
      const [state = '', ...ids] = rest
      const write: Write = { version: Number(version), state, fate: 'open', n: 0, at: 0 }
      this.#byVersion.set(key, write)
      for (const id of ids) this.#writes.set(id, [...(this.#writes.get(id) ?? []), write])
      return
    }
    const write = this.#byVersion.get(key)
    if (!write) return
    this.#byVersion.delete(key)
    if (word === 'ack') {
      Object.assign(write, { fate: 'acknowledged', n: Number(rest[0]), at: Number(rest[1]) })
      this.#counts.acknowledged += 1
    } else if (word === 'maybe' || word === 'never') {
      write.fate = word
      this.#counts[word] += 1
    }
  }

  /** Since the last time. */
  takeCounts(): { readonly acknowledged: number; readonly maybe: number; readonly never: number } {
    const counts = this.#counts
    this.#counts = { acknowledged: 0, maybe: 0, never: 0 }
    return counts
  }

  /** Hosts named these as lost: nobody counts on them any more. */
  noteLost(ranges: readonly LostRange[]): void {
    const named = ({ n, at }: Write): boolean =>
      ranges.some(({ from, to, before }) => n >= from && n <= to && at <= before)
    for (const write of [...this.#writes.values()].flat())
      if (write.fate === 'acknowledged' && named(write)) write.fate = 'lost'
  }

  /** When a block of a device was acknowledged; undefined: it was not, or was lost. */
  blockedAt(id: string): number | undefined {
    return this.#writes
      .get(id)
      ?.find(({ state, fate }) => state === 'noncompliant' && fate === 'acknowledged')?.at
  }

  /** What contradicts what the writers were told, one line each; `stored` is device id → version and state. */
  contradictions(
    stored: ReadonlyMap<string, { readonly version: number; readonly state: string }>,
  ): string[] {
    return [...this.#writes].flatMap(([id, writes]) => {
      const newest = writes.filter(({ fate }) => fate === 'acknowledged').at(-1)
      const found = stored.get(id)
      if (newest && (!found || found.version < newest.version))
        return [`${id}: version ${newest.version} was acknowledged, there is ${found?.version ?? 'none'}`]
      if (!found) return []
      const tried = writes.find(({ version }) => version === found.version)
      if (!tried) return [`${id}: version ${found.version} was never written`]
      if (tried.fate === 'never') return [`${id}: version ${found.version} was refused, and is there`]
      return tried.state === found.state ? [] : [`${id}: version ${found.version} is there as ${found.state}`]
    })
  }

  /** What is settled need not be remembered but for its newest. */
  forget(): void {
    for (const [id, writes] of this.#writes) {
      const from = writes.findLastIndex(({ fate }) => fate === 'acknowledged')
      if (from > 0) this.#writes.set(id, writes.slice(from))
    }
  }
}
