import type { Environment, TextDatabase } from '../lmdb/environment'

/** How far a deciding process has come. */
export interface WorkerNote {
  readonly pid: number
  /** Of the replica: every change up to here is in force in it. */
  readonly sequence: number
  /** Open IMAP sessions, some seconds ago. */
  readonly sessions: number
  /** When it had taken in the newest of what people ordered. Epoch milliseconds. */
  readonly orderedAt: number
  /** When an OAuth token last came of a key that it does not know; 0: never. Epoch milliseconds. */
  readonly unknownKeyAt: number
}

/** Of all of them together. */
export const openSessionsIn = (notes: readonly Pick<WorkerNote, 'sessions'>[]): number =>
  notes.reduce((sum, { sessions }) => sum + sessions, 0)

/**
 * What each worker of the host has taken in, so that it can be proven that an order is in force everywhere.
 * A worker writes once for what people order, which is rare, at most once a second for what feeds change, and
 * when its number of sessions changed, or a key of OAuth tokens was missing, within some seconds.
 */
export class WorkerNotes {
  readonly #notes: TextDatabase

  constructor(private readonly environment: Environment) {
    this.#notes = environment.database('workers')
  }

  async note({ pid, sequence, sessions, orderedAt, unknownKeyAt }: WorkerNote): Promise<void> {
    const text = `${sequence} ${sessions} ${orderedAt} ${unknownKeyAt}`
    await this.environment.write(() => void this.#notes.put(pid, text))
  }

  /** A process that ends orderly leaves no note. */
  async remove(pid: number): Promise<void> {
    await this.environment.write(() => void this.#notes.remove(pid))
  }

  /** Of the processes in `pids` those that decide already. */
  of(pids: readonly number[]): WorkerNote[] {
    this.environment.refresh()
    return pids.flatMap((pid) => {
      const [sequence, sessions = 0, orderedAt = 0, unknownKeyAt = 0] =
        this.#notes.get(pid)?.split(' ').map(Number) ?? []
      return sequence === undefined ? [] : { pid, sequence, sessions, orderedAt, unknownKeyAt }
    })
  }

  all(): WorkerNote[] {
    this.environment.refresh()
    return this.of([...this.#notes.getKeys({})].map(Number))
  }

  /** Takes away what processes left that are no more. */
  async keepOnly(pids: readonly number[]): Promise<void> {
    const gone = this.all().filter(({ pid }) => !pids.includes(pid))
    if (gone.length > 0)
      await this.environment.write(() => gone.forEach(({ pid }) => void this.#notes.remove(pid)))
  }
}
