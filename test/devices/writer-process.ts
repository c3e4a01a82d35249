/**
 * Writes batches of devices into the store at `argv[2]` under the name `argv[3]`, `argv[4]` batches of
 * `argv[5]` records, and prints the number of each batch once it is acknowledged.
 */
import fs from 'node:fs'

import { LmdbStore } from '../../src/devices/lmdb-store'
import { batchOf } from './writer-batches'

const STDOUT = 1

async function main(): Promise<void> {
  const [dir = '', name = '', batches = '0', size = '0'] = process.argv.slice(2)
  const store = LmdbStore.open(dir)
  for (let batch = 0; batch < Number(batches); batch += 1) {
    await store.putDevices(batchOf(name, batch, Number(size)))
    // At once, since a process that is killed writes nothing any more.
    fs.writeSync(STDOUT, `done ${batch}\n`)
  }
  await store.close()
}

void main()
