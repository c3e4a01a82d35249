import type { TextDatabase } from '../lmdb/environment'
import {
  isWanted,
  type JournalFilter,
  type JournalPage,
  type JournalQuery,
  type NumberedEntry,
} from './journal'
import { readEntry } from './stored'

/** Entries that one page looks at: some ten milliseconds. */
const MAX_LOOKED_AT = 10_000
/** Processes commit a little out of the order of their clocks, and a summary a minute after its case began. */
const CLOCK_SLACK_MS = 120_000

/** The newest entries below `before` that `query` asks for. */
export function searchPage(entries: TextDatabase, query: JournalQuery, before: number | null): JournalPage {
  const { sinceMs = -Infinity, limit } = query
  const texts = textsOf(query)
  const found: NumberedEntry[] = []
  let lookedAt = 0
  for (const { key, value } of entries.getRange({
    reverse: true,
    ...(before !== null && { start: before - 1 }),
  })) {
    const number = Number(key)
    lookedAt += 1
    const isLast = lookedAt >= MAX_LOOKED_AT
    // Most are told apart without reading them.
    const entry = isLast || texts.every((text) => value.includes(text)) ? readEntry(value) : undefined
    if (entry && entry.time < sinceMs - CLOCK_SLACK_MS) break
    if (entry && isWanted(entry, query) && found.push({ ...entry, number }) >= limit)
      return { entries: found, next: number, searchedTo: null }
    if (isLast && entry) return { entries: found, next: number, searchedTo: entry.time }
  }
  return { entries: found, next: null, searchedTo: null }
}

/** What the JSON text of each wanted entry has in it. */
const textsOf = ({
  user,
  device,
  rule,
  decision,
  reason,
  platform,
  outcome,
  protocol,
}: JournalFilter): string[] =>
  [user, device, rule, decision, reason, platform, outcome, protocol].flatMap((text) =>
    text === undefined ? [] : JSON.stringify(text),
  )
