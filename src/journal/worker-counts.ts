import type { Environment, TextDatabase } from '../lmdb/environment'

/** What a process has counted since it started, by names that it chose. */
export interface WorkerCount {
  readonly pid: number
  /** Epoch milliseconds: another process may get the pid again. */
  readonly startedAt: number
  readonly counted: Readonly<Record<string, number>>
}

/** What each process of the host has counted, told by it once a second while there is something new. */
export class WorkerCounts {
  readonly #counts: TextDatabase

  constructor(private readonly environment: Environment) {
    this.#counts = environment.database('counts')
  }

  async tell({ pid, startedAt, counted }: WorkerCount): Promise<void> {
    await this.environment.write(() => void this.#counts.put([pid, startedAt], JSON.stringify(counted)))
  }

  /** Of all processes that told something, those that ended too, until they are removed. */
  all(): WorkerCount[] {
    this.environment.refresh()
    return [...this.#counts.getRange({})].flatMap(({ key, value }) => {
      const [pid, startedAt] = [key].flat().map(Number)
      const counted = readCounted(value)
      return pid === undefined || startedAt === undefined || !counted ? [] : { pid, startedAt, counted }
    })
  }

  async remove(counts: readonly Omit<WorkerCount, 'counted'>[]): Promise<void> {
    await this.environment.write(() => {
      for (const { pid, startedAt } of counts) void this.#counts.remove([pid, startedAt])
    })
  }

  /** Those of an earlier start. */
  async removeAll(): Promise<void> {
    await this.environment.write(() => {
      for (const key of [...this.#counts.getKeys({})]) void this.#counts.remove(key)
    })
  }
}

/** undefined: damaged. */
function readCounted(text: string): Readonly<Record<string, number>> | undefined {
  try {
    const value = JSON.parse(text) as unknown
    if (typeof value !== 'object' || value === null) return undefined
    return Object.fromEntries(Object.entries(value).filter(([, count]) => Number.isFinite(count)))
  } catch {
    return undefined
  }
}
