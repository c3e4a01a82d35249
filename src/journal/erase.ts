import type { Environment, TextDatabase } from '../lmdb/environment'
import { overwriteFree } from '../lmdb/overwrite-free'
import type { JournalQuery, NumberedEntry } from './journal'
import type { JournalIndex } from './journal-index'
import type { TrafficRecord } from './traffic'

/** Entries taken out in one transaction. */
const AT_ONCE = 200
/** On the page before an entry may lie what was left of it when the page was split: a page has fewer than so many. */
const NEIGHBOURS = 24

interface Journal {
  query(query: JournalQuery): NumberedEntry[]
  readonly index: JournalIndex
  readonly traffic: TrafficRecord
}

/**
 * Takes out what the journal has of a user: entries, what the index has of them, and visits. An entry is overwritten in its
 * place, so that the numbers go on without a gap; then what the file still has of it where nothing refers to it.
 */
export async function eraseUser(
  journal: Journal,
  { environment, entries }: { readonly environment: Environment; readonly entries: TextDatabase },
  user: string,
): Promise<{ readonly entries: number; readonly visits: number }> {
  const numbers: number[] = []
  for (;;) {
    const found = journal.query({ user, limit: AT_ONCE })
    if (found.length === 0) break
    numbers.push(...found.map(({ number }) => number))
    await environment.write(() => blank(journal, entries, found))
  }
  const visits = await journal.traffic.erase(user)
  for (let i = 0; i < numbers.length; i += AT_ONCE) {
    const near = new Set(numbers.slice(i, i + AT_ONCE).flatMap(neighbours))
    await environment.write(() => {
      for (const number of near) {
        const value = entries.get(number)
        if (value !== undefined) void entries.put(number, value)
      }
    })
  }
  await overwriteFree(environment)
  return { entries: numbers.length, visits }
}

/** Blanks of the same length take the very place of the text. */
function blank(journal: Journal, entries: TextDatabase, found: readonly NumberedEntry[]): void {
  for (const { number } of found) {
    const value = entries.get(number)
    if (value !== undefined) void entries.put(number, ' '.repeat(Buffer.byteLength(value)))
  }
  journal.index.forget(found)
}

const neighbours = (number: number): number[] =>
  Array.from({ length: 2 * NEIGHBOURS + 1 }, (_, i) => number - NEIGHBOURS + i)
