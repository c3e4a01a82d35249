/**
 * Sweeps the URL `argv[3]` into the store at `argv[2]` again and again, and prints a line for each batch that is durable.
 */
import fs from 'node:fs'

import { LmdbStore } from '../../src/devices/lmdb-store'
import { FeedsDatabase } from '../../src/feeds/feeds-database'
import { Intake } from '../../src/feeds/intake'
import { sweepOnce } from '../../src/feeds/session'
import { definition, MDM } from './feed-site'

const STDOUT = 1

async function main(): Promise<void> {
  const [dir = '', url = ''] = process.argv.slice(2)
  const store = LmdbStore.open(dir)
  const database = FeedsDatabase.open(dir)
  const put = store.putDevices.bind(store)
  store.putDevices = async (records) => {
    const outcomes = await put(records)
    // At once, since a process that is killed writes nothing any more.
    fs.writeSync(STDOUT, `batch of ${records.length}\n`)
    return outcomes
  }
  const onTripped = (why: string): void => void fs.writeSync(STDOUT, `held: ${why}\n`)
  const bounds = { percent: 100, count: 1_000_000, windowS: 3600 }
  const intake = new Intake({ store, database, source: MDM, now: Date.now, onTripped }, bounds)
  const feed = definition({ kind: 'http', settings: { url }, breaker: bounds })
  const signal = new AbortController().signal
  for (;;) {
    const { error } = await sweepOnce(
      feed,
      { store, database, intake, now: Date.now },
      { signal, readAll: true },
    )
    if (error) throw error
  }
}

void main()
