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
  /** How many further decisions with the same user, device, protocol and reason this line stands for. */
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

/** Whether a query for users, devices and decisions asks for it. */
export const isWanted = (
  entry: JournalEntry,
  { user, device, decision }: Omit<JournalQuery, 'sinceMs' | 'limit'>,
): boolean =>
  (user === undefined || entry.user === user) &&
  (device === undefined || entry.device === device) &&
  (decision === undefined || entry.decision === decision)

/** A place in the journal; opaque to those who go on from it. */
export type JournalCursor = string

/** The queryable journal, readable by any process on the host. */
export interface JournalReader {
  /** Newest first. */
  query(query: JournalQuery): JournalEntry[]
  /** Entries after `cursor` (null: from the start) in the order they came, and the cursor to go on from. */
  after(
    cursor: JournalCursor | null,
    limit: number,
  ): { entries: JournalEntry[]; cursor: JournalCursor | null }
  /** The cursor behind the newest entry; null when there is none. */
  newest(): JournalCursor | null
}

/** The published form: the contract's field names, RFC 3339 time. */
export const formatEntry = (entry: JournalEntry): Record<string, unknown> => ({
  time: new Date(entry.time).toISOString(),
  decision: entry.decision,
  protocol: entry.protocol,
  user: entry.user,
  device: entry.device,
  platform: entry.platform,
  proof: entry.proof,
  outcome: entry.outcome,
  enforced: entry.enforced,
  reason: entry.reason,
  rule: entry.rule,
  policy: entry.policy,
  evidence_age_s: entry.evidenceAgeS,
  remote: entry.remote,
  repeats: entry.repeats,
})
