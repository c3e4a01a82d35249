import assert from 'node:assert/strict'
import { Readable } from 'node:stream'

import { importDevices, type ImportFormat } from '../../src/devices/import'
import { LmdbStore } from '../../src/devices/lmdb-store'
import { tempDirs } from '../support/temp-dir'

const NDJSON = `\ufeff{"id":"d-1","owners":["Anna@example.com"],"platform":"ios","state":"compliant","findings":["app:a","app:b"],"evidence_at":"2026-11-20T08:00:00Z","source":"mdm","version":7}\r
{"id":"d-2","owners":[],"platform":"other","state":"fine","evidence_at":"2026-11-20T08:00:00Z","source":"mdm","version":7}\r
{"id":"gerät","owners":["anna@example.com"],"platform":"macos","state":"grace","evidence_at":"2026-11-20T08:00:00Z","source":"mdm","version":1}\r
`
const CSV = `id,owners,platform,state,findings,evidence_at,source,version
gerät,anna@example.com,macos,grace,,2026-11-20T08:00:00Z,mdm,1
d-1,anna@example.com,ios,compliant,app:a;app:b,2026-11-20T08:00:00Z,mdm,7
`

describe('importing devices into an LmdbStore', () => {
  const tempDir = tempDirs()
  let store: LmdbStore
  beforeEach(() => {
    store = LmdbStore.open(tempDir())
  })
  afterEach(() => store.close())

  async function run(
    format: ImportFormat,
    text: string,
    options: { strict?: boolean; batchSize?: number } = {},
  ) {
    const source = (): Readable => Readable.from([Buffer.from(text)])
    const { lines, applied, unchanged, refused, bad } = await importDevices(
      source,
      format,
      (records) => store.putDevices(records),
      options,
    )
    return { lines, applied, unchanged, refused, bad }
  }

  it('stores the good lines, found by id and by owner', async () => {
    assert.deepEqual(await run('ndjson', NDJSON), { lines: 3, applied: 2, unchanged: 0, refused: 0, bad: 1 })
    assert.equal(store.device('d-1')?.state, 'compliant')
    assert.deepEqual(store.deviceIdsOf('anna@example.com', 10), ['d-1', 'gerät'])
    assert.equal(store.counts().devices, 2)
  })

  it('changes nothing when the same devices come again, in either form', async () => {
    await run('ndjson', NDJSON)
    const sequence = store.sequence()
    assert.deepEqual(await run('csv', CSV), { lines: 2, applied: 0, unchanged: 2, refused: 0, bad: 0 })
    assert.equal(store.sequence(), sequence)
  })

  it('keeps what is newer than the file', async () => {
    await run('csv', CSV)
    const older = CSV.replace('compliant', 'noncompliant').replace('mdm,7', 'mdm,6')
    assert.deepEqual(await run('csv', older), { lines: 2, applied: 0, unchanged: 1, refused: 1, bad: 0 })
    assert.equal(store.device('d-1')?.state, 'compliant')
  })

  it('strictly, stores nothing of a file with a bad line', async () => {
    assert.equal((await run('ndjson', NDJSON, { strict: true, batchSize: 1 })).bad, 1)
    assert.deepEqual([store.counts().devices, store.sequence()], [0, 0])
  })
})
