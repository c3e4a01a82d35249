import assert from 'node:assert/strict'

import { LmdbStore } from '../../src/devices/lmdb-store'
import { CorruptRecordError } from '../../src/devices/store'
import { DEFAULT_BREAKER, type BreakerBounds } from '../../src/feeds/breaker'
import type { FeedDefinition } from '../../src/feeds/definition'
import { FeedsDatabase } from '../../src/feeds/feeds-database'
import { Intake } from '../../src/feeds/intake'
import type { FeedKind, FeedPage, Settings, SweepEnd } from '../../src/feeds/kind'
import { runSweep, type SweepReport } from '../../src/feeds/sweep'
import type { FetchOptions } from '../../src/net/bounded-fetch'
import type { DeviceRecord } from '../../src/policy/device'
import { AT, BY, record } from '../devices/samples'
import { trialContext, type TrialContext } from './trial-context'

export const MDM = 'mdm'

/** `id` as the feed `mdm` reports it. */
export const device = (id: string, change: Partial<DeviceRecord> = {}): DeviceRecord =>
  record({ id, source: MDM, ...change })

export const devices = (count: number, change: Partial<DeviceRecord> = {}): DeviceRecord[] =>
  Array.from({ length: count }, (_, i) => device(`d-${i}`, change))

export const pageOf = (records: readonly DeviceRecord[]): FeedPage =>
  records.map((one) => ({ place: one.id, record: one }))

export const definition = (change: Partial<FeedDefinition> = {}): FeedDefinition => ({
  name: MDM,
  kind: 'scripted',
  settings: {},
  secrets: {},
  everyS: 3600,
  breaker: DEFAULT_BREAKER,
  gone: 'unknown',
  of: null,
  author: BY.author,
  created: AT,
  ...change,
})

/** A source that gives these pages; an error among them is where it breaks off. */
export const scripted = (pages: Iterable<FeedPage | Error>, end?: SweepEnd): FeedKind => ({
  kind: 'scripted',
  description: 'what a test says',
  settingsSchema: {},
  secrets: [],
  everyS: 3600,
  // eslint-disable-next-line @typescript-eslint/require-await -- a source is asked asynchronously
  sweep: async function* () {
    for (const page of pages) {
      if (page instanceof Error) throw page
      yield page
    }
    return end
  },
})

/** A store, and the intake of one feed into it. */
export class FeedSite {
  readonly store: LmdbStore
  readonly database: FeedsDatabase
  intake: Intake
  /** Why the feed came to be held, each time. */
  readonly trips: string[] = []
  now = AT
  /** How long a real kind waits for an answer; short where none is to come. */
  answerMs = 30_000

  constructor(
    readonly dir: string,
    private readonly bounds: BreakerBounds = DEFAULT_BREAKER,
  ) {
    this.store = LmdbStore.open(dir)
    this.database = FeedsDatabase.open(dir)
    this.intake = this.#newIntake()
  }

  /** As after a restart of the process: what was only in memory is gone. */
  restart(): void {
    this.intake = this.#newIntake()
  }

  /** What another process would take in by. */
  otherProcess(): Intake {
    return this.#newIntake()
  }

  #newIntake(): Intake {
    const onTripped = (why: string): void => void this.trips.push(why)
    const parts = { store: this.store, database: this.database, source: MDM, now: () => this.now, onTripped }
    return new Intake(parts, this.bounds)
  }

  sweep(
    pages: Iterable<FeedPage | Error>,
    change: Partial<FeedDefinition> = {},
    end?: SweepEnd,
    intake = this.intake,
  ): Promise<SweepReport> {
    const { store, database } = this
    const context = trialContext({}, {}, () => this.now)
    const parts = { definition: definition(change), kind: scripted(pages, end), context }
    return runSweep({ ...parts, store, database, intake })
  }

  /** For a real kind. A wait passes at once and is noted. */
  contextFor(settings: Settings, secrets: Readonly<Record<string, string>> = {}): TrialContext {
    const trial = trialContext(settings, secrets, () => this.now)
    return {
      ...trial,
      name: MDM,
      state: (key: string) => this.database.state(MDM, key),
      fetch: (url: string, options: FetchOptions = {}) =>
        trial.fetch(url, { ...options, timeoutMs: this.answerMs }),
    }
  }

  async sweepBy(
    kind: FeedKind,
    settings: Settings,
    secrets: Readonly<Record<string, string>> = {},
  ): Promise<SweepReport & { readonly waits: readonly number[] }> {
    const { store, database, intake } = this
    const context = this.contextFor(settings, secrets)
    const report = await runSweep({ definition: definition(), kind, context, store, database, intake })
    return { ...report, waits: context.waits }
  }

  /** Every device of the store, by its id. */
  replica(): Map<string, DeviceRecord> {
    this.store.sequence()
    const all = this.store.listDevices({ limit: 100_000 })
    return new Map(
      all.map((one) => {
        if (one instanceof CorruptRecordError) throw one
        return [one.id, one]
      }),
    )
  }

  /** Device by device, and no other. */
  assertReplica(records: readonly DeviceRecord[]): void {
    const replica = this.replica()
    for (const one of records) assert.deepEqual(replica.get(one.id), one, one.id)
    assert.equal(replica.size, records.length)
  }

  /** The state of every device, by its id. */
  states(): Record<string, string> {
    return Object.fromEntries([...this.replica()].map(([id, { state }]) => [id, state]))
  }

  async close(): Promise<void> {
    await this.database.close()
    await this.store.close()
  }
}
