import os from 'node:os'

import { arrivedAt, type FleetJournal, type JournalRow } from '../devices/redis/fleet-journal'
import {
  isWanted,
  wantedTexts,
  type JournalEntry,
  type JournalQuery,
  type JournalReader,
  type NumberedEntry,
} from '../journal/journal'
import { readEntry } from '../journal/stored'

/** A line of the block log, the host that wrote it, and its place. */
export interface Block extends JournalEntry {
  readonly host: string
  /** Opaque; what comes `after` it, or stands in the page before it, is asked for with it. */
  readonly cursor: string
}

export interface BlockPage {
  /** The newest first. */
  readonly blocks: readonly Block[]
  /** What to ask the next page with; null: there is nothing more. */
  readonly next: string | null
  /** Where the page is not full since the work for one page was done: the time down to which all was looked through. */
  readonly searchedTo: number | null
}

/** Where people look for blocks: this host's journal, or the fleet's. */
export interface BlocksSource {
  /** The newest of those before a cursor (null: of all), after a bounded amount of work. */
  page(query: JournalQuery, before: string | null): Promise<BlockPage>
  /** As many as asked for, the newest decisions first, and the cursor behind what was there then. */
  query(query: JournalQuery): Promise<{ blocks: Block[]; cursor: string }>
  /** What came after `cursor`, in the order it came, and the cursor to go on from. */
  after(cursor: string, limit: number): Promise<{ blocks: Block[]; cursor: string }>
  /** The cursor behind all there is now. */
  newest(): Promise<string>
  /** One that nothing of `timeMs` or later is before. */
  cursorAt(timeMs: number): Promise<string>
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

/** How far the clocks of processes, hosts and server may be apart, and entries out of the order of their times. */
const CLOCK_SLACK_MS = 120_000

/** The blocks of this host alone. */
export class HostBlocks implements BlocksSource {
  constructor(private readonly journal: JournalReader) {}

  page(query: JournalQuery, before: string | null): Promise<BlockPage> {
    const { entries, next, searchedTo } = this.journal.page(query, before === null ? null : Number(before))
    const blocks = entries.map(ofThisHost)
    return Promise.resolve({ blocks, next: next === null ? null : String(next), searchedTo })
  }

  query(query: JournalQuery): Promise<{ blocks: Block[]; cursor: string }> {
    // Read in one turn, both are of one moment: nothing is left out in between, nothing told twice.
    const cursor = this.journal.newest() ?? '0'
    return Promise.resolve({ blocks: this.journal.query(query).map(ofThisHost), cursor })
  }

  after(cursor: string, limit: number): Promise<{ blocks: Block[]; cursor: string }> {
    const { entries, cursor: next } = this.journal.after(cursor, limit)
    return Promise.resolve({ blocks: entries.map(ofThisHost), cursor: next ?? cursor })
  }

  newest(): Promise<string> {
    return Promise.resolve(this.journal.newest() ?? '0')
  }

  /** Entries lie nearly in the order of time: where it is looked is halved again and again. */
  cursorAt(timeMs: number): Promise<string> {
    let before = 0
    let end = Number(this.journal.newest() ?? 0)
    while (before < end) {
      const middle = Math.floor((before + end) / 2)
      const [entry] = this.journal.after(String(middle), 1).entries
      if (entry && entry.time < timeMs - CLOCK_SLACK_MS) before = entry.number
      else end = middle
    }
    return Promise.resolve(String(before))
  }
}

function ofThisHost({ number, ...entry }: NumberedEntry): Block {
  return { ...entry, host: os.hostname(), cursor: String(number) }
}

const ROWS_AT_ONCE = 1000
/** Rows that one page looks at, of which each that is fetched counts for some: a tenth of a second, and Redis answers others in between. */
const MAX_COST = 50_000
const FETCHED_COST = 5

/** The blocks of all hosts, in the order they arrived: a host's that was cut off hours late, none before its time. */
export class FleetBlocks implements BlocksSource {
  constructor(private readonly journal: FleetJournal) {}

  async page(query: JournalQuery, before: string | null): Promise<BlockPage> {
    const { sinceMs = -Infinity, untilMs, limit } = query
    const wanted = { texts: wantedTexts(query), sinceMs: query.sinceMs, untilMs }
    const blocks: Block[] = []
    let from = before
    for (let cost = 0; cost < MAX_COST;) {
      const { rows, looked, last } = await this.journal.findBack(from, ROWS_AT_ONCE, wanted)
      cost += looked + FETCHED_COST * rows.length
      for (const row of rows) {
        const block = blockOf(row)
        if (block && isWanted(block, query) && blocks.push(block) >= limit)
          return { blocks, next: row.id, searchedTo: null }
      }
      if (last === null || looked < ROWS_AT_ONCE || arrivedAt(last) < sinceMs - CLOCK_SLACK_MS)
        return { blocks, next: null, searchedTo: null }
      from = last
    }
    return { blocks, next: from, searchedTo: arrivedAt(from ?? '') }
  }

  /** Goes on until no block that arrived before can be newer than those found. */
  async query(query: JournalQuery): Promise<{ blocks: Block[]; cursor: string }> {
    const { limit } = query
    const cursor = await this.journal.newest()
    let blocks: Block[] = []
    for (let before: string | null = null; ;) {
      const page = await this.page({ ...query, limit: ROWS_AT_ONCE }, before)
      blocks = [...blocks, ...page.blocks].sort((a, b) => b.time - a.time).slice(0, limit)
      const oldestWanted = blocks.length < limit ? -Infinity : (blocks.at(-1)?.time ?? -Infinity)
      if (page.next === null || arrivedAt(page.next) < oldestWanted - CLOCK_SLACK_MS)
        return { blocks, cursor }
      before = page.next
    }
  }

  async after(cursor: string, limit: number): Promise<{ blocks: Block[]; cursor: string }> {
    const rows = await this.journal.after(cursor, limit)
    return { blocks: rows.flatMap((row) => blockOf(row) ?? []), cursor: rows.at(-1)?.id ?? cursor }
  }

  newest(): Promise<string> {
    return this.journal.newest()
  }

  /** Ids are moments of arrival. */
  cursorAt(timeMs: number): Promise<string> {
    return Promise.resolve(`${Math.max(0, timeMs - CLOCK_SLACK_MS)}-0`)
  }
}

/** undefined for a row that no gate wrote. */
function blockOf({ id, host, text }: JournalRow): Block | undefined {
  const entry = readEntry(text)
  return entry && { ...entry, host, cursor: id }
}
