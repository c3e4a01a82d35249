import type { RedisTarget } from '../../config/redis-url'
import { placeName } from './connection'
import { FeedLeaseBook, feedHolders } from './feed-leases'
import { fillStore, type Filled } from './fill-store'
import { FleetJournal } from './fleet-journal'
import { FleetStore } from './fleet-store'
import { Follower, type ReplicationListener } from './follower'
import { readHosts, type HostReport, type KnownHost } from './host-report'
import { storeKeys, type StoreKeys } from './keys'
import { RedisLink } from './link'
import { readHead, type StoreHead } from './reading'
import { Replicator, type ReplicatorListener } from './replicator'
import { StoreWriter } from './writer'

export interface FleetOptions {
  readonly stateDir: string
  readonly target: RedisTarget
  readonly keyPrefix: string
  readonly leaseMs: number
  /** This host's name for people. */
  readonly hostName: string
  readonly now: () => number
  /** No other process of this host keeps the replica true to the store. */
  readonly alone: boolean
}

/** One process' part in a fleet: the store as this host sees it, and what keeps it so. */
export class Fleet {
  readonly store: FleetStore
  /** The block logs of all hosts. */
  readonly journal: FleetJournal
  /** The store's servers, for people. */
  readonly place: string
  readonly #keys: StoreKeys
  /** Writes, status and questions; a blocked read of the log never delays them. */
  readonly #commands: RedisLink
  readonly #tail: RedisLink

  private constructor(private readonly options: FleetOptions) {
    const { target, keyPrefix, hostName, stateDir, leaseMs, alone } = options
    this.place = placeName(target)
    this.#keys = storeKeys(keyPrefix)
    this.#commands = new RedisLink(target, `device-gate:${hostName}`)
    this.#tail = new RedisLink(target, `device-gate-replica:${hostName}`)
    this.journal = new FleetJournal(this.#commands, this.#keys, hostName)
    this.store = FleetStore.openStore(stateDir, {
      leaseMs,
      writer: (replica) =>
        new StoreWriter(this.#commands, this.#keys, hostName, () => replica.cursor()?.epoch),
      ...(alone && { catchUp: () => this.#catchUp(QUIET) }),
    })
  }

  /** Opens this host's replica; connects to nothing yet. Throws EnvironmentError when it cannot or may not. */
  static open(options: FleetOptions): Fleet {
    return new Fleet(options)
  }

  /** Keeps the replica true to the store from now on; for one process a host. */
  async follow(report: () => HostReport, listener: ReplicatorListener): Promise<Replicator> {
    const { target, leaseMs, now } = this.options
    const hostId = await this.store.hostId(this.options.hostName)
    const replicator = new Replicator({
      place: placeName(target),
      tail: this.#tail,
      commands: this.#commands,
      keys: this.#keys,
      replica: this.store,
      hostId,
      leaseMs,
      report,
      listener,
      now,
    })
    replicator.start()
    return replicator
  }

  /** Takes in what is new, once. Rejects with StoreProblem; then the replica stays as it was. */
  async catchUp(listener: ReplicationListener): Promise<void> {
    const at = this.options.now()
    await this.#catchUp(listener)
    await this.store.renewLease(at)
  }

  async #catchUp(listener: ReplicationListener): Promise<void> {
    const follower = new Follower(this.store, this.#keys, listener)
    await this.#tail.run(async (client) => {
      for (;;) {
        const { epoch, n } = await follower.step(client)
        const cursor = this.store.cursor()
        if (epoch === null || (cursor?.epoch === epoch && cursor.n >= n)) return
      }
    })
  }

  /** Every host that was heard of in the last week. Rejects with StoreProblem. */
  hosts(): Promise<KnownHost[]> {
    return this.#commands.run((client) => readHosts(client, this.#keys))
  }

  /** The hosts, and where the store stands. Rejects with StoreProblem. */
  look(): Promise<{ readonly head: StoreHead; readonly hosts: readonly KnownHost[] }> {
    return this.#commands.run(async (client) => ({
      head: await readHead(client, this.#keys),
      hosts: await readHosts(client, this.#keys),
    }))
  }

  /** By which this host takes its part of the feeds. */
  async feedLeases(): Promise<FeedLeaseBook> {
    return new FeedLeaseBook(this.#commands, this.#keys, await this.store.hostId(this.options.hostName))
  }

  /** The ids of the hosts that run these feeds now. Rejects with StoreProblem. */
  feedHolders(names: readonly string[]): Promise<Map<string, string>> {
    return feedHolders(this.#commands, this.#keys, names)
  }

  /** Makes a store of this host's data in a Redis that has none. Rejects with StoreProblem. */
  async fill(onProgress: (devices: number, of: number) => void): Promise<Filled> {
    const name = await this.store.hostId(this.options.hostName)
    const source = { store: this.store, cursor: this.store.cursor(), name }
    return this.#commands.run((client) => fillStore(client, this.#keys, source, onProgress))
  }

  /** How many devices this host holds, how many the store; and what keeps this host from holding it all. */
  compare(): Promise<{ readonly here: number; readonly there: number; readonly problem: string | null }> {
    return this.#commands.run(async (client) => {
      const head = await readHead(client, this.#keys)
      const there = await client.hlen(this.#keys.devices)
      const cursor = this.store.cursor()
      const here = this.store.counts().devices
      const same = head.epoch !== null && cursor?.epoch === head.epoch && cursor.n >= head.n
      const problem = !same
        ? `it is at ${cursor?.n ?? 0}, the store at ${head.n}`
        : here === there
          ? null
          : `it holds ${here} devices, the store ${there}`
      return { here, there, problem }
    })
  }

  async close(): Promise<void> {
    this.#commands.close()
    this.#tail.close()
    await this.store.close()
  }
}

const QUIET: ReplicationListener = {
  onSnapshot: () => undefined,
  onSnapshotProgress: () => undefined,
  onSnapshotDone: () => undefined,
  onLost: () => undefined,
  onForeign: () => undefined,
}
