/** What may be wrong between a feed and its source; each has its own cure. */
export const FEED_PROBLEMS = [
  /** Settings or secrets of the feed itself. */
  'settings',
  /** 401: the source does not know who asks. */
  'credentials',
  /** 403: it knows, and does not permit it. */
  'permission',
  /** 429 or 503: asked too often; it may say when to come again. */
  'throttled',
  /** No connection, no answer in time, an answer cut off, 5xx. */
  'unreachable',
  /** The address is one that is never asked. */
  'refused_url',
  /** An answer that is not what the source documents. */
  'answer',
] as const
export type FeedProblemKind = (typeof FEED_PROBLEMS)[number]

/** A feed cannot do what was asked: says why and what to do, never a secret. */
export class FeedError extends Error {
  override readonly name = 'FeedError'
  readonly code = 'ERR_FEED'
  constructor(
    readonly kind: FeedProblemKind,
    message: string,
    /** How long the source asks to be left alone; undefined: it does not say. */
    readonly retryAfterMs?: number,
  ) {
    super(message)
  }
}
