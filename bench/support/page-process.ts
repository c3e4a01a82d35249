/** Asks the journal at `argv[2]` for the page of the query `argv[3]` (JSON), `argv[4]` times; prints each time it took. */
import type { JournalQuery } from '../../src/journal/journal'
import { JournalStore } from '../../src/journal/journal-store'

const [dir = '', query = '', times = '1'] = process.argv.slice(2)
const journal = JournalStore.open(dir, { now: Date.now, onFault: console.error })
const took: number[] = []
let found = 0
let isWhole = true
for (let i = 0; i < Number(times); i += 1) {
  const started = performance.now()
  const page = journal.page(JSON.parse(query) as JournalQuery, null)
  took.push(performance.now() - started)
  found = page.entries.length
  isWhole = page.searchedTo === null
}
process.stdout.write(JSON.stringify({ took, found, isWhole }))
