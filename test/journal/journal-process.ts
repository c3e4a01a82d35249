/** Appends `argv[4]` entries named `argv[3]` to the journal at `argv[2]`; prints its faults and what it can read. */
import { JournalStore } from '../../src/journal/journal-store'
import { entries } from './samples'

async function main(): Promise<void> {
  const [dir = '', name = '', count = '0'] = process.argv.slice(2)
  const faults: string[] = []
  const journal = JournalStore.open(dir, { now: Date.now, onFault: (error) => faults.push(String(error)) })
  for (const entry of entries(Number(count), name)) {
    journal.append({ ...entry, time: Date.now() })
    // Batches of several sizes.
    if (Math.random() < 0.02) await journal.drain()
  }
  await journal.drain()
  const read = journal.query({ limit: Number(count) }).length
  await journal.close()
  process.stdout.write(`${JSON.stringify({ faults, read })}\n`)
}

void main()
