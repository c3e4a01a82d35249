import type { Counted } from './counts'

/** One process' counts, and whose they are. */
export interface ProcessCount {
  readonly pid: number
  readonly startedAt: number
  readonly counted: Counted
}

export interface HostCountsDependencies {
  /** What all processes told last. */
  readonly all: () => readonly ProcessCount[]
  readonly remove: (counts: readonly ProcessCount[]) => Promise<void>
  readonly isAlive: (pid: number) => boolean
  readonly onFault: (error: unknown) => void
}

/** What all processes of a host counted: the sum goes on where one of them ends. */
export class HostCounts {
  /** Of processes that ended. */
  readonly #kept = new Map<string, number>()
  /** Those of them that may still be among all. */
  readonly #removed = new Set<string>()

  constructor(private readonly deps: HostCountsDependencies) {}

  sum(): Counted {
    // Asked first: who ends after it may have told something more by then.
    const ended = new Set(
      this.deps
        .all()
        .map(({ pid }) => pid)
        .filter((pid) => !this.deps.isAlive(pid)),
    )
    const counts = this.deps.all().filter((count) => !this.#removed.has(keyOf(count)))
    this.#keep(counts.filter(({ pid }) => ended.has(pid)))
    const sum = new Map(this.#kept)
    for (const { pid, counted } of counts) if (!ended.has(pid)) add(sum, counted)
    return Object.fromEntries(sum)
  }

  #keep(counts: readonly ProcessCount[]): void {
    if (counts.length === 0) return
    for (const count of counts) {
      add(this.#kept, count.counted)
      this.#removed.add(keyOf(count))
    }
    this.deps
      .remove(counts)
      .then(() => {
        for (const count of counts) this.#removed.delete(keyOf(count))
      })
      .catch(this.deps.onFault)
  }
}

const keyOf = ({ pid, startedAt }: ProcessCount): string => `${pid} ${startedAt}`

function add(sum: Map<string, number>, counted: Counted): void {
  for (const [name, value] of Object.entries(counted)) sum.set(name, (sum.get(name) ?? 0) + value)
}
