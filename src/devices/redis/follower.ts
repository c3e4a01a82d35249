import { ChainBreak } from './chain-break'
import type { RedisClient } from './connection'
import type { Cursor } from './cursor'
import type { FleetReplica } from './fleet-replica'
import type { StoreKeys } from './keys'
import { findParting } from './lost-entries'
import { StoreProblem } from './problem'
import { readEntries, readHead, type StoreHead } from './reading'
import { rejoin } from './rejoin'
import { takeSnapshot, type SnapshotProgress } from './snapshot'

/** What replication tells those who look after it. */
export interface ReplicationListener {
  /** The whole store is copied anew, and why. */
  onSnapshot(why: string): void
  onSnapshotProgress: SnapshotProgress
  onSnapshotDone(): void
  /** Changes that were acknowledged are no longer in the store. */
  onLost(lost: string): void
  /** Something under the prefix that no gate wrote. */
  onForeign(problem: string): void
}

const SNAPSHOT_TRIES = 3
/** Something foreign at the end of the log lets no read wait. */
const FOREIGN_PAUSE_MS = 100
const MAX_FOREIGN_KNOWN = 1000

/** Keeps one replica true to the store, a step at a time. */
export class Follower {
  readonly #foreign = new Set<string>()

  constructor(
    private readonly replica: FleetReplica,
    private readonly keys: StoreKeys,
    private readonly listener: ReplicationListener,
  ) {}

  /**
   * Takes in what is new and gives where the store stood before; waits for something new when `blockMs` is
   * given. A replica that is no longer a part of the store's history takes a new snapshot.
   */
  async step(client: RedisClient, blockMs?: number): Promise<StoreHead> {
    const cursor = this.replica.cursor()
    // On one connection: what was written before the head was read is among the entries.
    const [head, { entries, foreign }] = await Promise.all([
      readHead(client, this.keys),
      readEntries(client, this.keys, cursor?.n ?? 0, blockMs),
    ])
    this.#tellForeign(foreign)
    if (head.epoch === null) {
      if (cursor) throw lostStore(this.keys, cursor)
      return head
    }
    try {
      if (entries.length > 0) await this.replica.apply(entries)
      else if (!isAt(head, cursor))
        throw new ChainBreak(cursor ? difference(head, cursor) : 'there is none yet')
      else if (foreign.length > 0) await pause(FOREIGN_PAUSE_MS)
    } catch (error) {
      if (!(error instanceof ChainBreak)) throw error
      await this.#join(client, head, cursor, error)
    }
    return head
  }

  /** Makes the replica a part of the store's history again: by what differs where that is known, else as a whole. */
  async #join(
    client: RedisClient,
    head: StoreHead,
    cursor: Cursor | undefined,
    why: ChainBreak,
  ): Promise<void> {
    if (cursor) {
      const { common, lost } = await findParting(client, this.keys, this.replica, head, cursor)
      if (lost !== undefined) {
        this.listener.onLost(lost)
        if (common && (await rejoin(client, this.keys, this.replica, common))) return
      }
    }
    await this.#snapshot(client, why)
  }

  async #snapshot(client: RedisClient, why: ChainBreak): Promise<void> {
    let reason = why
    for (let tries = 1; ; tries += 1) {
      this.listener.onSnapshot(reason.message)
      try {
        await takeSnapshot(client, this.keys, this.replica, this.listener.onSnapshotProgress)
        this.listener.onSnapshotDone()
        return
      } catch (error) {
        if (!(error instanceof ChainBreak)) throw error
        if (tries >= SNAPSHOT_TRIES)
          throw new StoreProblem('unexpected', `no snapshot of the store can be taken: ${error.message}`)
        reason = error
      }
    }
  }

  #tellForeign(ids: readonly string[]): void {
    for (const id of ids) {
      if (this.#foreign.has(id)) continue
      if (this.#foreign.size >= MAX_FOREIGN_KNOWN) this.#foreign.clear()
      this.#foreign.add(id)
      this.listener.onForeign(`${this.keys.log} has an entry ${id} that no gate wrote; it is left out`)
    }
  }

  /** Entries of the log that no gate wrote. */
  get foreignSeen(): number {
    return this.#foreign.size
  }
}

const isAt = (head: StoreHead, cursor: Cursor | undefined): boolean =>
  cursor !== undefined && head.epoch === cursor.epoch && head.n === cursor.n && head.tip === cursor.tip

function difference(head: StoreHead, cursor: Cursor): string {
  if (head.epoch !== cursor.epoch) return 'the store was begun anew'
  if (head.n < cursor.n) return `the store is at ${head.n}, this host was at ${cursor.n} already`
  if (head.n === cursor.n) return `entry ${head.n} of the store is not the one that this host holds`
  return `entries ${cursor.n + 1} to ${head.n} are no longer in the log`
}

/** An empty Redis is no store: what this host holds stays in force. */
const lostStore = (keys: StoreKeys, { n }: Cursor): StoreProblem =>
  new StoreProblem(
    'store_lost',
    `${keys.meta} is gone: Redis was emptied, or lost its data. This host goes on with what it held (up to ${n}). ` +
      'Bring the data back with `device-gate store restore`, or restore a backup of Redis',
  )

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
