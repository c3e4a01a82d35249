import { FetchError, type BoundedAnswer, type FetchOptions } from '../net/bounded-fetch'
import { FeedError } from './feed-error'
import type { FeedContext } from './kind'

/** Tries of one request, the first included. */
const TRIES = 4
const FIRST_WAIT_MS = 500
/** A source that asks for more patience is left alone until the next sweep. */
const MAX_WAIT_MS = 120_000
/** A page of a thousand devices is a tenth of it. */
const MAX_JSON_OCTETS = 16 * 1024 * 1024

/**
 * Asks a source, and again for what passes by itself: throttling as long as it asks for, and 5xx and broken
 * connections a few times. Gives an answer below 400, or those of `accept`. Throws FeedError, which names the host and
 * the cause.
 */
export async function ask(
  context: FeedContext,
  url: string,
  options: FetchOptions = {},
  accept: readonly number[] = [],
): Promise<BoundedAnswer> {
  for (let tries = 1; ; tries += 1) {
    const outcome = await askOnce(context, url, options, accept)
    if (!(outcome instanceof FeedError)) return outcome
    const passes = outcome.kind === 'throttled' || outcome.kind === 'unreachable'
    const waitMs = outcome.retryAfterMs ?? FIRST_WAIT_MS * 2 ** (tries - 1)
    if (!passes || tries >= TRIES || waitMs > MAX_WAIT_MS || context.signal.aborted) throw outcome
    await context.wait(waitMs)
  }
}

/** The same for an answer in JSON; one that ends too early is asked for again. */
export async function askJson(
  context: FeedContext,
  url: string,
  options: FetchOptions = {},
): Promise<unknown> {
  for (let tries = 1; ; tries += 1) {
    const answer = await ask(context, url, { maxOctets: MAX_JSON_OCTETS, ...options })
    try {
      return await answer.json()
    } catch (error) {
      const problem = feedErrorOf(error)
      if (problem.kind !== 'unreachable' || tries >= TRIES) throw problem
      await context.wait(FIRST_WAIT_MS * 2 ** (tries - 1))
    }
  }
}

async function askOnce(
  context: FeedContext,
  url: string,
  options: FetchOptions,
  accept: readonly number[],
): Promise<BoundedAnswer | FeedError> {
  let answer: BoundedAnswer
  try {
    answer = await context.fetch(url, { signal: context.signal, ...options })
  } catch (error) {
    return feedErrorOf(error)
  }
  if (answer.status < 400 || accept.includes(answer.status)) return answer
  const problem = statusProblem(answer, context.now())
  // The connection is of use again only when the answer was read.
  await answer.text().catch(() => undefined)
  return problem
}

/** What a status from 400 on means for a feed. */
function statusProblem(answer: BoundedAnswer, now: number): FeedError {
  const { status } = answer
  const place = new URL(answer.url).host
  const retryAfterMs = retryAfter(answer.header('retry-after'), now)
  if (status === 401)
    return new FeedError(
      'credentials',
      `${place} answers 401: check the feed's secrets, they may have expired`,
    )
  if (status === 403)
    return new FeedError(
      'permission',
      `${place} answers 403: give the feed's account the permissions of docs/feeds.md`,
    )
  if (status === 429 || (status === 503 && retryAfterMs !== undefined))
    return new FeedError('throttled', `${place} answers ${status}: asked too often`, retryAfterMs)
  if (status >= 500 || status === 408)
    return new FeedError('unreachable', `${place} answers ${status}`, retryAfterMs)
  return new FeedError('answer', `${place} answers ${status}: check the feed's settings`)
}

/** Seconds or an HTTP date (RFC 9110 section 10.2.3), in milliseconds from now; undefined: none that can be read. */
export function retryAfter(value: string | undefined, now: number): number | undefined {
  if (value === undefined) return undefined
  const ms = /^\d{1,9}$/.test(value.trim()) ? Number(value) * 1000 : Date.parse(value) - now
  return Number.isNaN(ms) ? undefined : Math.max(0, ms)
}

export function feedErrorOf(error: unknown): FeedError {
  if (error instanceof FeedError) return error
  if (!(error instanceof FetchError)) throw error
  switch (error.kind) {
    case 'refused_url':
    case 'redirect':
      return new FeedError('refused_url', error.message)
    case 'not_json':
    case 'too_large':
      return new FeedError('answer', error.message)
    case 'timeout':
    case 'unreachable':
      return new FeedError('unreachable', error.message)
  }
}
