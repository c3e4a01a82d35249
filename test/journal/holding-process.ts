/** Holds back what it took in of the user `argv[3]` before the moment `argv[4]`, until it is told to go on. */
import assert from 'node:assert/strict'

import { JournalStore } from '../../src/journal/journal-store'
import { bucketOf } from '../../src/journal/traffic'
import { entry } from './samples'

const [dir = '', user = '', moment = ''] = process.argv.slice(2)
const at = Number(moment)
const journal = JournalStore.open(dir, { now: () => at, onFault: assert.ifError })
// A case is open and folds; what it holds of it is not written.
for (let i = 0; i < 3; i += 1) journal.append(entry({ user, decision: 'BEFORE', time: at - 10 + i }))
const waiting = setInterval(() => undefined, 1000)
process.once('SIGUSR2', () => {
  clearInterval(waiting)
  void (async () => {
    const visit = {
      bucket: bucketOf(at),
      protocol: 'imap',
      user,
      device: null,
      proof: 'none',
      platformHint: null,
    } as const
    journal.traffic.note(visit, null)
    journal.append(entry({ user, decision: 'BEFORE', time: at - 1 }))
    journal.append(entry({ user, decision: 'AFTER', time: at + 1, reason: 'locked' }))
    await journal.close()
  })()
})
process.stdout.write('holding\n')
