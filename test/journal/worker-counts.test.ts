import assert from 'node:assert/strict'

import { JournalStore } from '../../src/journal/journal-store'
import { openEnvironment } from '../../src/lmdb/environment'
import { tempDirs } from '../support/temp-dir'

describe('what the workers of a host counted', () => {
  const tempDir = tempDirs()
  let dir: string
  let journal: JournalStore

  beforeEach(() => {
    dir = tempDir()
    journal = JournalStore.open(dir, { now: Date.now, onFault: assert.ifError })
  })
  afterEach(() => journal.close())

  const first = { pid: 17, startedAt: 1000, counted: { logins: 3, 'seconds sum': 0.25 } }
  const second = { pid: 17, startedAt: 2000, counted: { logins: 1 } }
  const other = { pid: 18, startedAt: 1000, counted: {} }

  it('is what each told last', async () => {
    assert.deepEqual(journal.counts.all(), [])
    for (const count of [{ ...first, counted: { logins: 2 } }, second, other, first])
      await journal.counts.tell(count)
    assert.deepEqual(journal.counts.all(), [first, second, other])
  })

  it('is taken away one by one, or all', async () => {
    for (const count of [first, second, other]) await journal.counts.tell(count)
    await journal.counts.remove([first])
    assert.deepEqual(journal.counts.all(), [second, other])
    await journal.counts.removeAll()
    assert.deepEqual(journal.counts.all(), [])
  })

  for (const damaged of ['{"logins":', 'null', '7'])
    it(`is nothing where it is damaged (${damaged}), and does not hide the others`, async () => {
      for (const count of [first, other]) await journal.counts.tell(count)
      await journal.close()
      const environment = openEnvironment(`${dir}/journal`, { schema: 1 })
      const counts = environment.database('counts')
      await environment.write(() => void counts.put([17, 1000], damaged))
      await environment.close()
      journal = JournalStore.open(dir, { now: Date.now, onFault: assert.ifError })
      assert.deepEqual(journal.counts.all(), [other])
    })

  it('has no value that is no number', async () => {
    await journal.counts.tell({ ...first, counted: { logins: 3, sent: '<b>' as never, lost: NaN } })
    assert.deepEqual(journal.counts.all(), [{ ...first, counted: { logins: 3 } }])
  })
})
