import { randomBytes } from 'node:crypto'

import type { TextDatabase } from '../../lmdb/environment'
import type { ActivePolicy } from '../../policy/policy'
import type { NewChange } from '../change-log'
import { LmdbReplica } from '../lmdb-replica'
import { ReplicaDatabase } from '../replica-database'
import type { Authorship, PolicyVersion } from '../store'
import { applyOperation, replayOperation } from './apply'
import { ChainBreak } from './chain-break'
import type { Cursor } from './cursor'
import type { LogEntry } from './log-entry'
import { NextGeneration } from './next-generation'
import { readSetAside, type SetAside } from './set-aside'
import { putStored, type StoredParts } from './stored-parts'

/** The cursor goes with the changes: what a crash of the machine undoes is read from the store again. */
export const openReplica = (stateDir: string): ReplicaDatabase =>
  ReplicaDatabase.open(stateDir, { mayLoseNewest: true })

/** What is remembered of an entry that was applied, to tell later which were lost. */
export interface AppliedEntry {
  readonly n: number
  readonly tip: string
  readonly by: string
  /** The newest change of this host's change log that it made. */
  readonly sequence: number
}

/** A recall that the store may not know of yet. */
export interface RecallHere extends Authorship {
  /** The version it takes back. */
  readonly from: number
  readonly target: PolicyVersion
}

/** A clock may be set back by as much without ending a lease that has just begun. */
const CLOCK_SLACK_MS = 2000
const MAX_REMEMBERED = 10_000

/** The host's copy of the fleet's store. Decisions and commands read it; only replication writes it. */
export class FleetReplica extends LmdbReplica {
  readonly #entries: TextDatabase

  protected constructor(
    database: ReplicaDatabase,
    private readonly leaseMs: number,
  ) {
    super(database)
    this.#entries = database.environment.database('entries')
  }

  /** Opens or makes it; throws EnvironmentError when it cannot or may not. */
  static open(stateDir: string, options: { readonly leaseMs: number }): FleetReplica {
    return new FleetReplica(openReplica(stateDir), options.leaseMs)
  }

  /** undefined: it holds nothing of a fleet's store, or what it holds was changed apart from it. */
  cursor(): Cursor | undefined {
    this.database.environment.refresh()
    return this.#cursor()
  }

  #cursor(): Cursor | undefined {
    const text = this.database.meta.get('cursor')
    return text === undefined ? undefined : (JSON.parse(text) as Cursor)
  }

  /** When the store was last known to hold just what the replica holds; epoch milliseconds. */
  leaseFrom(): number | undefined {
    const text = this.database.meta.get('leaseFrom')
    return text === undefined ? undefined : Number(text)
  }

  leaseValid(now: number): boolean {
    const age = now - (this.leaseFrom() ?? -Infinity)
    return age >= -CLOCK_SLACK_MS && age < this.leaseMs
  }

  async renewLease(from: number): Promise<void> {
    await this.database.write(() => void this.database.meta.put('leaseFrom', String(from)))
  }

  /**
   * The policy in force here: on top of what the store said last, a recall that this host alone knows of. Any newer
   * policy of the store ends that.
   */
  override activePolicy(): ActivePolicy | undefined {
    const active = super.activePolicy()
    const here = active && this.recalledHere()
    if (!here || here.from !== active.version) return active
    return { ...active, version: here.target.version, policy: here.target.policy }
  }

  recalledHere(): RecallHere | undefined {
    const text = this.database.meta.get('recallHere')
    return text === undefined ? undefined : (JSON.parse(text) as RecallHere)
  }

  /** Has it in force in all processes of this host, whether the store answers or not; null ends it. */
  async recallHere(recall: RecallHere | null): Promise<void> {
    await this.database.write(() => {
      if (recall) void this.database.meta.put('recallHere', JSON.stringify(recall))
      else void this.database.meta.remove('recallHere')
      this.database.log.append([{ kind: 'policy' }])
    })
    // This has no other home: the next commit waits for the disk to have the one before it.
    await this.database.write(() => void this.database.meta.put('recallKept', ''))
  }

  /** Entries of the store that cannot be read. */
  setAside(): SetAside {
    return readSetAside(this.database.meta)
  }

  /** A name of this host that stays the same, made at first use; a copy of another host's replica gets its own. */
  async hostId(hostName: string): Promise<string> {
    return this.database.write(() => {
      const known = this.database.meta.get('hostId')
      if (known?.slice(0, known.lastIndexOf('-')) === hostName) return known
      const fresh = `${hostName}-${randomBytes(3).toString('hex')}`
      void this.database.meta.put('hostId', fresh)
      return fresh
    })
  }

  /**
   * Applies entries in one transaction, with the cursor. Those that another process has applied already are
   * left out. Rejects with {@link ChainBreak} and nothing applied when they do not follow the cursor.
   */
  apply(entries: readonly LogEntry[]): Promise<void> {
    return this.database.write(() => {
      const start = this.#cursor() ?? this.#beginning(entries[0])
      const news = entries.filter(({ epoch, n }) => epoch !== start.epoch || n > start.n)
      this.#follow(start, news, [], applyOperation)
    })
  }

  /** Goes from `start` over `entries`; `changes` is what was changed before. Inside a write transaction. */
  #follow(
    start: Cursor,
    entries: readonly LogEntry[],
    changes: NewChange[],
    apply: typeof applyOperation,
  ): void {
    const tables = this.database.current()
    const sequence = this.database.log.newest()
    let cursor = start
    for (const entry of entries) {
      const problem = gapBefore(entry, cursor)
      if (problem !== undefined) throw new ChainBreak(problem)
      for (const operation of entry.operations) {
        const applied = apply(this.database, tables, operation)
        if (applied.kind !== 'nothing') changes.push(applied)
      }
      cursor = { epoch: entry.epoch, n: entry.n, tip: entry.tip }
      this.#remember(entry, sequence + changes.length)
    }
    this.database.log.append(changes)
    void this.database.meta.put('cursor', JSON.stringify(cursor))
  }

  /** An empty replica may follow a store from its first entry on. */
  #beginning(first: LogEntry | undefined): Cursor {
    const { devices, policies, overrides, attesters } = this.counts()
    if (first === undefined || devices + policies + overrides + attesters > 0)
      throw new ChainBreak('this host holds data that is not of this store')
    return { epoch: first.epoch, n: 0, tip: '' }
  }

  #remember({ n, tip, by }: LogEntry, sequence: number): void {
    void this.#entries.put(n, JSON.stringify([tip, by, sequence]))
    if (n > MAX_REMEMBERED) void this.#entries.remove(n - MAX_REMEMBERED)
  }

  /** The applied entry `n`, if it is not too long ago. */
  remembered(n: number): AppliedEntry | undefined {
    const text = this.#entries.get(n)
    if (text === undefined) return undefined
    const [tip, by, sequence] = JSON.parse(text) as [string, string, number]
    return { n, tip, by, sequence }
  }

  /** The newest entry that lies within the changes up to `sequence` of this host's change log. */
  entryAt(sequence: number): number {
    let n = this.cursor()?.n ?? 0
    if (sequence >= this.database.log.newest()) return n
    for (; n > 0; n -= 1) {
      const entry = this.remembered(n)
      if (!entry) return 0
      if (entry.sequence <= sequence) break
    }
    return n
  }

  /**
   * Leaves the history after `common`: `stored` is what the store has now of all that was changed since, `entries`
   * is its own history from there on, up to a moment after `stored` was read. All in one transaction.
   */
  leaveHistory(common: AppliedEntry, stored: StoredParts, entries: readonly LogEntry[]): Promise<void> {
    return this.database.write(() => {
      const changes = putStored(this.database, this.database.current(), stored)
      for (const n of [...this.#entries.getKeys({ start: common.n + 1 })]) void this.#entries.remove(n)
      const start = { epoch: this.#cursor()?.epoch ?? '', n: common.n, tip: common.tip }
      this.#follow(start, entries, changes, replayOperation)
    })
  }

  /** Begins a whole new set of data beside the one in force; one at a time on a host. */
  nextGeneration(start: Cursor): Promise<NextGeneration> {
    return NextGeneration.begin(this.database, this.#entries, start)
  }
}

function gapBefore(entry: LogEntry, cursor: Cursor): string | undefined {
  if (entry.epoch !== cursor.epoch) return 'the store was begun anew'
  if (entry.n !== cursor.n + 1) return `entries ${cursor.n + 1} to ${entry.n - 1} are no longer in the log`
  return entry.prev === cursor.tip ? undefined : `entry ${entry.n} does not follow the one this host holds`
}
