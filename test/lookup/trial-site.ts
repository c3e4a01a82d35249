import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'

import { readConfigOrInForce } from '../../src/config/host-config-source'
import { LmdbStore } from '../../src/devices/lmdb-store'
import { JournalStore } from '../../src/journal/journal-store'
import type { LookupSite } from '../../src/lookup/site'

/** A site without a running gate, as look-ups see it. */
export class TrialSite {
  readonly store: LmdbStore
  readonly journal: JournalStore
  readonly told: string[] = []
  now = Date.now()
  readonly lookup: LookupSite

  constructor(dir: string) {
    fs.mkdirSync(path.join(dir, 'config'))
    const { config } = readConfigOrInForce(dir)
    this.store = LmdbStore.open(config.stateDir)
    this.journal = JournalStore.open(config.stateDir, {
      now: () => this.now,
      limits: () => config.journal,
      onFault: assert.ifError,
    })
    this.lookup = {
      harakaDir: dir,
      config: () => config,
      configProblems: () => [],
      store: () => this.store,
      fleet: () => undefined,
      feeds: () => [],
      journal: () => this.journal,
      traffic: (since) => this.journal.traffic.since(since),
      served: (since) => this.journal.traffic.servedSince(since),
      visitsOf: (user, since) => this.journal.traffic.of(user, since),
      workers: () => [],
      sessionsOf: () => Promise.resolve([]),
      now: () => this.now,
      tell: (text) => this.told.push(text),
    }
  }

  async close(): Promise<void> {
    await this.journal.close()
    await this.store.close()
  }
}
