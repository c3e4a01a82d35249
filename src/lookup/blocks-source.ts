import os from 'node:os'

import { arrivedAt, type FleetJournal, type JournalRow } from '../devices/redis/fleet-journal'
import { isWanted, type JournalEntry, type JournalQuery, type JournalReader } from '../journal/journal'
import { readEntry } from '../journal/stored'

/** A line of the block log, and the host that wrote it. */
export interface Block extends JournalEntry {
  readonly host: string
}

/** The block log of this host, or of a fleet. Cursors are opaque to those who go on from them. */
export interface BlocksSource {
  /** Newest first, and the cursor behind what was there then. */
  query(query: JournalQuery): Promise<{ blocks: Block[]; cursor: string }>
  /** What came after `cursor`, in the order it came, and the cursor to go on from. */
  after(cursor: string, limit: number): Promise<{ blocks: Block[]; cursor: string }>
}

/** The fleet's journal where there is one that answers, else this host's own, which is told. */
export async function openBlocks(
  own: JournalReader,
  fleet: FleetJournal | undefined,
  tell: (text: string) => void,
): Promise<BlocksSource> {
  if (!fleet) return new HostBlocks(own)
  try {
    await fleet.newest()
    return new FleetBlocks(fleet)
  } catch (error) {
    tell(`${(error as Error).message}; these are the blocks of this host alone`)
    return new HostBlocks(own)
  }
}

class HostBlocks implements BlocksSource {
  constructor(private readonly journal: JournalReader) {}

  query(query: JournalQuery): Promise<{ blocks: Block[]; cursor: string }> {
    // Read in one turn, both are of one moment: nothing is left out in between, nothing told twice.
    const cursor = this.journal.newest() ?? '0'
    return Promise.resolve({ blocks: this.journal.query(query).map(ofThisHost), cursor })
  }

  after(cursor: string, limit: number): Promise<{ blocks: Block[]; cursor: string }> {
    const { entries, cursor: next } = this.journal.after(cursor, limit)
    return Promise.resolve({ blocks: entries.map(ofThisHost), cursor: next ?? cursor })
  }
}

const ofThisHost = (entry: JournalEntry): Block => ({ ...entry, host: os.hostname() })

const ROWS_AT_ONCE = 1000
/** How far the clocks of hosts and server may be apart. */
const CLOCK_SLACK_MS = 120_000

class FleetBlocks implements BlocksSource {
  constructor(private readonly journal: FleetJournal) {}

  /** In the journal entries lie as they arrived, a host's that was cut off hours late, but none before its time. */
  async query(query: JournalQuery): Promise<{ blocks: Block[]; cursor: string }> {
    const { sinceMs = -Infinity, limit } = query
    const cursor = await this.journal.newest()
    let blocks: Block[] = []
    for (let from = cursor, first = true; ; first = false) {
      const rows = await this.journal.backFrom(from, first, ROWS_AT_ONCE)
      for (const block of rows.flatMap(blockOf))
        if (block.time >= sinceMs && isWanted(block, query)) blocks.push(block)
      blocks = blocks.sort((a, b) => b.time - a.time).slice(0, limit)
      const last = rows.at(-1)
      if (!last || rows.length < ROWS_AT_ONCE) break
      const oldestWanted = blocks.length < limit ? sinceMs : (blocks.at(-1)?.time ?? sinceMs)
      if (arrivedAt(last) < oldestWanted - CLOCK_SLACK_MS) break
      from = last.id
    }
    return { blocks, cursor }
  }

  async after(cursor: string, limit: number): Promise<{ blocks: Block[]; cursor: string }> {
    const rows = await this.journal.after(cursor, limit)
    return { blocks: rows.flatMap(blockOf), cursor: rows.at(-1)?.id ?? cursor }
  }
}

/** Nothing for a row that no gate wrote. */
function blockOf({ host, text }: JournalRow): Block[] {
  const entry = readEntry(text)
  return entry ? [{ ...entry, host }] : []
}
