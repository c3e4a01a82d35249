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

/** How many decisions an entry stands for: a summary for as many as it says, the first line of a case for itself. */
export const decisionsIn = ({ repeats }: Pick<JournalEntry, 'repeats'>): number => Math.max(1, repeats)

/** Where the data plane puts entries: returns at once, never throws, bounded in memory. */
export interface JournalSink {
  append(entry: JournalEntry): void
}

/** What entries are asked for: all that is named must hold. Users are in the form that decisions compare. */
export interface JournalFilter {
  readonly user?: string
  readonly device?: string
  readonly platform?: Platform
  readonly reason?: Reason
  /** The mandate or override that decided. */
  readonly rule?: string
  readonly outcome?: Outcome
  readonly enforced?: boolean
  readonly protocol?: Protocol
  readonly decision?: string
  /** From this moment on. */
  readonly sinceMs?: number
  /** Before this moment. */
  readonly untilMs?: number
}

/** What was asked for, without what was not: two filters for the same are the same. */
export const filterOf = (asked: {
  readonly [F in keyof JournalFilter]: JournalFilter[F] | undefined
}): JournalFilter => Object.fromEntries(Object.entries(asked).filter(([, value]) => value !== undefined))

export interface JournalQuery extends JournalFilter {
  readonly limit: number
}

const FIELDS = [
  'user',
  'device',
  'platform',
  'reason',
  'rule',
  'outcome',
  'enforced',
  'protocol',
  'decision',
] as const satisfies readonly (keyof JournalFilter & keyof JournalEntry)[]

export const isWanted = (entry: JournalEntry, filter: JournalFilter): boolean =>
  FIELDS.every((field) => filter[field] === undefined || filter[field] === entry[field]) &&
  entry.time >= (filter.sinceMs ?? -Infinity) &&
  entry.time < (filter.untilMs ?? Infinity)

/** What the JSON text of each wanted entry has in it: most entries are told apart without reading them. */
export const wantedTexts = ({
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

/** An entry and its number in the journal: contiguous from 1 in the order of commit. */
export interface NumberedEntry extends JournalEntry {
  readonly number: number
}

export interface JournalPage {
  /** By their numbers, the newest first. */
  readonly entries: readonly NumberedEntry[]
  /** What to ask the next page with; null: there is nothing more. */
  readonly next: number | null
  /**
   * Where the page is not full since the work for one page was done: the time down to which all was looked through.
   * null: the page is full, or there is nothing more.
   */
  readonly searchedTo: number | null
}

/** A place in the journal; opaque to those who go on from it. */
export type JournalCursor = string

/** The queryable journal, readable by any process on the host. */
export interface JournalReader {
  /** The newest of those with a number below `before` (null: of all), after a bounded amount of work. */
  page(query: JournalQuery, before: number | null): JournalPage
  /** As many as asked for, newest first, however long it takes to find them. */
  query(query: JournalQuery): NumberedEntry[]
  /** Entries after `cursor` (null: from the start) in the order they came, and the cursor to go on from. */
  after(
    cursor: JournalCursor | null,
    limit: number,
  ): { entries: NumberedEntry[]; cursor: JournalCursor | null }
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
