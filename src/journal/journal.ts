import type { Outcome, Platform, Proof, Protocol, Reason } from '../policy/vocabulary'

/** One line of the block log: a decision that was not a plain allow. Times are epoch milliseconds. */
export interface JournalEntry {
  readonly time: number
  readonly decision: string
  readonly protocol: Protocol
  readonly user: string
  readonly device: string | null
  readonly platform: Platform | null
  readonly proof: Proof
  readonly outcome: Outcome
  readonly enforced: boolean
  readonly reason: Reason
  readonly rule: string | null
  readonly policy: number
  readonly evidenceAgeS: number | null
  readonly remote: string
  /** How many further decisions with the same device, user, protocol and reason this line stands for. */
  readonly repeats: number
}

/** Where the data plane puts entries: returns at once, never throws, bounded in memory. */
export interface JournalSink {
  append(entry: JournalEntry): void
}

export interface JournalQuery {
  readonly sinceMs?: number
  readonly user?: string
  readonly device?: string
  readonly decision?: string
  readonly limit: number
}

/** The queryable journal, readable by any process on the host. */
export interface JournalReader {
  /** Newest first. */
  query(query: JournalQuery): JournalEntry[]
  /** Entries after `cursor` in the order they came, and the cursor to go on from. */
  after(cursor: string | null, limit: number): { entries: JournalEntry[]; cursor: string | null }
}
