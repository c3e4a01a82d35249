import type { BoundedAnswer, FetchOptions } from '../net/bounded-fetch'
import type { FeedReading } from './reading'
import type { Refusal } from './refusal'

export type Settings = Readonly<Record<string, unknown>>

/** What a feed's kind is given to work with. It knows no store: it yields readings, and the intake judges them. */
export interface FeedContext {
  /** The feed's name: the source of its records. */
  readonly name: string
  /** Valid by the kind's schema, with its defaults. */
  readonly settings: Settings
  /** A secret by its name, read now; throws FeedError when it is not there. */
  readonly secret: (name: string) => string
  readonly hasSecret: (name: string) => boolean
  /** Bounded, and kept from addresses that no feed may ask. Hosts in the settings' URLs may be private ones. */
  readonly fetch: (url: string, options?: FetchOptions) => Promise<BoundedAnswer>
  /** Aborted when the feed is to stop. */
  readonly signal: AbortSignal
  readonly now: () => number
  /** Resolves after so long; rejects when the feed is to stop. */
  readonly wait: (ms: number) => Promise<void>
  /** What the feed keeps over restarts (a delta token, a stream's id); small, no secrets. Undefined: nothing yet. */
  readonly state: (key: string) => string | undefined
  readonly keep: (key: string, value: string) => Promise<void>
  /** Whether an event was taken in before, in the last week. */
  readonly isKnown: (event: string) => boolean
}

/** What came in one go. It is written as a whole before the next is asked for. */
export type FeedPage = readonly FeedReading[]

/** How a sweep came to its end without error. */
export interface SweepEnd {
  /** The source says that nothing changed since the last complete sweep: no page was read. */
  readonly unchanged?: true
  /** Kept, when all that was read is written: e.g. an ETag. */
  readonly keep?: Readonly<Record<string, string>>
}

/** Events: written first, acknowledged then. */
export interface FeedEvents {
  readonly readings: FeedPage
  /** Ids of the events, by which a repeated one is known; noted once the readings are written. */
  readonly events: readonly string[]
  /** Why others that came with them do not count; left out: all do. */
  readonly refused?: readonly Refusal[]
}

/** A request that came in for a feed, in the form of no server in particular. */
export interface FeedRequest {
  readonly method: string
  /** By lower-case names. */
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly body: Uint8Array
}

export interface FeedAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** What a request brought: the answer is given when the readings are written. */
export interface Received extends FeedEvents {
  readonly answer: FeedAnswer
}

/** What a kind tells of itself to people who try it. */
export interface TrialReport {
  /** What was found out: who we are at the source, what we may do there. One line each. */
  readonly facts: readonly string[]
}

/**
 * One kind of feed: how a source is asked, and how what it says becomes device records. One file a kind under
 * kinds/, and a line in kinds/index.ts.
 */
export interface FeedKind {
  readonly kind: string
  /** One line for people. */
  readonly description: string
  /** JSON Schema of an object; values may be given as texts on the command line and are coerced. */
  readonly settingsSchema: object
  /** Names of secrets, those that it can do without with a `?` behind. */
  readonly secrets: readonly string[]
  /** How often it is swept unless its definition says otherwise; 0: it has no sweep. */
  readonly everyS: number
  /** Problems that the schema cannot see. */
  readonly check?: (settings: Settings) => readonly string[]
  /** The apps to look for, as far as its source can tell them, by their lower-case form; left out: it knows of no apps. */
  readonly apps?: (settings: Settings) => ReadonlyMap<string, string>
  /** Looks whether credentials and permissions are good; throws FeedError when they are not. Writes nothing. */
  readonly test?: (context: FeedContext) => Promise<TrialReport>
  /**
   * Yields all devices there are, page by page. It is complete when it returns; when it throws, only what it
   * yielded is known. A device may come twice: the newest version counts.
   */
  readonly sweep?: (context: FeedContext) => AsyncGenerator<FeedPage, SweepEnd | undefined>
  /** Calls `onChange` when a sweep would find something new. Gives what ends it. */
  readonly watch?: (context: FeedContext, onChange: () => void) => () => void
  /** Asks for events until it is to stop. What is yielded is written when the next is asked for. */
  readonly poll?: (context: FeedContext) => AsyncGenerator<FeedEvents, undefined>
  /** Takes in a request. Its readings are written before its answer is given. */
  readonly receive?: (context: FeedContext, request: FeedRequest) => Promise<Received>
}
