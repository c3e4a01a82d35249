import type { TextDatabase } from '../../lmdb/environment'
import type { ReplicaDatabase, Tables } from '../replica-database'
import { putMode, putOverride, putRecord, replayOperation } from './apply'
import { ChainBreak } from './chain-break'
import type { Cursor } from './cursor'
import type { LogEntry } from './log-entry'
import { putOrders, type Orders } from './stored-parts'

/** What of the store is read whole and not record by record. */
export interface SmallParts extends Orders {
  /** Keys are kind, subject kind, subject id. */
  readonly overrides: readonly (readonly [key: readonly string[], text: string])[]
}

/**
 * A whole new set of data, made ready beside the one in force and then put in its place in one transaction:
 * no reader ever sees a part of it. One that is not finished is never seen.
 */
export class NextGeneration {
  readonly #tables: Tables
  /** Stands for the meta database, which only `finish` changes. */
  readonly #staged: { readonly meta: TextDatabase }
  #place: Cursor

  private constructor(
    private readonly database: ReplicaDatabase,
    private readonly remembered: TextDatabase,
    start: Cursor,
  ) {
    this.#place = start
    this.#tables = database.other()
    this.#staged = { meta: database.environment.database('staged') }
  }

  /** `start` is the place in the history that the records to come are at least as new as. */
  static async begin(
    database: ReplicaDatabase,
    remembered: TextDatabase,
    start: Cursor,
  ): Promise<NextGeneration> {
    const next = new NextGeneration(database, remembered, start)
    await next.#clear(next.#tables)
    await next.#staged.meta.clearAsync()
    return next
  }

  /** How far in the history it is. */
  get place(): Cursor {
    return this.#place
  }

  async #clear(tables: Tables): Promise<void> {
    for (const table of Object.values(tables) as TextDatabase[]) await table.clearAsync()
  }

  /** Records as they are in the store's hash; the same one may come twice. */
  putRecords(records: readonly (readonly [id: string, text: string])[]): Promise<void> {
    return this.database.write(() => {
      for (const [id, text] of records) putRecord(this.#staged, this.#tables, id, text)
    })
  }

  putSmallParts(parts: SmallParts): Promise<void> {
    return this.database.write(() => {
      putOrders(this.#staged, this.#tables, parts)
      for (const [key, text] of parts.overrides) putOverride(this.#staged, this.#tables, key, text)
      putMode(this.#staged, parts.mode)
    })
  }

  /** What was written since `start`, in order; records may be newer already, and end up the same. */
  replay(entries: readonly LogEntry[]): Promise<void> {
    return this.database.write(() => {
      for (const entry of entries) {
        const { epoch, n, prev, tip } = entry
        if (epoch !== this.#place.epoch || n !== this.#place.n + 1 || prev !== this.#place.tip)
          throw new ChainBreak(`the log does not go on from ${this.#place.n}: it was cut while it was read`)
        for (const operation of entry.operations) replayOperation(this.#staged, this.#tables, operation)
        this.#place = { epoch, n, tip }
      }
    })
  }

  /** Puts it in force, and takes the former one away. */
  async finish(): Promise<void> {
    const former = this.database.current()
    await this.database.write(() => {
      const { meta } = this.database
      this.database.swap()
      for (const name of ['modeOverride', 'setAside']) {
        const value = this.#staged.meta.get(name)
        if (value === undefined) void meta.remove(name)
        else void meta.put(name, value)
      }
      for (const n of this.remembered.getKeys({})) void this.remembered.remove(n)
      void meta.put('cursor', JSON.stringify(this.#place))
      this.database.log.append([{ kind: 'policy' }])
      const { n, tip } = this.#place
      void this.remembered.put(n, JSON.stringify([tip, '', this.database.log.newest()]))
    })
    await this.#clear(former)
  }
}
