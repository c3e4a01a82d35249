import fs from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'

import { LmdbStore } from '../../src/devices/lmdb-store'
import { storeContract } from './store-contract'

storeContract('LmdbStore', async () => {
  const dir = await fs.mkdtemp(path.join(os.tmpdir(), 'device-gate-'))
  return {
    open: () => Promise.resolve(LmdbStore.open(dir)),
    remove: () => fs.rm(dir, { recursive: true }),
  }
})
