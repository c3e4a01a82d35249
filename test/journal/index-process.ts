/** Takes the journal at `argv[2]` into its index, and says how far it is; it is killed in the midst of it. */
import { Indexer } from '../../src/journal/indexer'
import { JournalStore } from '../../src/journal/journal-store'

const journal = JournalStore.open(process.argv[2] ?? '', {
  now: Date.now,
  onFault: console.error,
  limits: () => ({ maxEntries: 1e8, maxAgeMs: Infinity }),
})
let told = -1
setInterval(() => {
  const position = journal.index.position()
  if (position !== told) process.stdout.write(`taken in ${position}\n`)
  told = position
}, 1)
new Indexer(journal, console.error)
