import { createHash } from 'node:crypto'

import { FeedError } from './feed-error'
import type { FeedAnswer, FeedContext, FeedRequest, Received } from './kind'
import type { FeedReading } from './reading'
import { isBasic, isBearer } from './shared-secret'

/** By it a source's webhook shows that it is one; without it none is taken. */
export const WEBHOOK_SECRET = 'webhook'

/** What a source may say at once; with a line about each device it is a few thousand of them. */
const MAX_OCTETS = 1024 * 1024
const MAX_DEVICES = 5000
/** Hints that are followed up at the same time; a source under stress sends many. */
const MAX_UNDER_WAY = 16
const RETRY_S = 30

/** Which devices a webhook's body names, and how the source is asked about them. */
export interface Hint {
  readonly ids: readonly string[]
  readonly reread: (ids: readonly string[]) => Promise<readonly FeedReading[]>
}

const underWay = new WeakMap<FeedContext, number>()

/**
 * Takes a webhook by which a source says that some devices changed. What it says of them is not believed: they are read
 * again at the source. So one that is repeated, late or made up by who knows the secret does no more than a look.
 */
export async function takeHint(
  context: FeedContext,
  request: FeedRequest,
  /** undefined: it is about nothing of ours. Throws FeedError for what is no such body. */
  read: (body: unknown) => Hint | undefined,
): Promise<Received> {
  const refusal = refusalOf(context, request)
  if (refusal) return answered(refusal)
  let hint: Hint | undefined
  try {
    hint = read(parsed(request.body))
  } catch (error) {
    if (!(error instanceof FeedError)) throw error
    return answered(refused(400, error.message))
  }
  if (!hint || hint.ids.length === 0) return answered(ACCEPTED)
  if (hint.ids.length > MAX_DEVICES)
    return answered(refused(413, `more than ${MAX_DEVICES} devices: the next sweep brings them`))
  const before = underWay.get(context) ?? 0
  if (before >= MAX_UNDER_WAY)
    return answered(refused(503, 'too many at once', { 'retry-after': String(RETRY_S) }))
  underWay.set(context, before + 1)
  try {
    const readings = await hint.reread([...new Set(hint.ids)])
    const event = createHash('sha256').update(request.body).digest('base64url')
    return { readings, events: [event], answer: ACCEPTED }
  } finally {
    underWay.set(context, (underWay.get(context) ?? 1) - 1)
  }
}

const ACCEPTED: FeedAnswer = { status: 202, headers: {}, body: '' }

const answered = (answer: FeedAnswer): Received => ({ readings: [], events: [], answer })

const refused = (status: number, error: string, headers: FeedAnswer['headers'] = {}): FeedAnswer => ({
  status,
  headers: { 'content-type': 'application/json', ...headers },
  body: JSON.stringify({ error }),
})

function refusalOf(context: FeedContext, { method, headers, body }: FeedRequest): FeedAnswer | undefined {
  if (method !== 'POST') return refused(405, 'send it by POST', { allow: 'POST' })
  if (!context.hasSecret(WEBHOOK_SECRET))
    return refused(403, `this feed takes no webhooks: it has no secret ${WEBHOOK_SECRET}`)
  const secret = context.secret(WEBHOOK_SECRET)
  const { authorization } = headers
  if (!isBearer(authorization, secret) && !isBasic(authorization, secret))
    return refused(401, 'the authorization header is not the one agreed on', { 'www-authenticate': 'Bearer' })
  if (body.length > MAX_OCTETS) return refused(413, `a webhook is at most ${MAX_OCTETS} octets`)
  return undefined
}

function parsed(body: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(body).toString('utf8')) as unknown
  } catch {
    throw new FeedError('answer', 'this is no JSON: set the webhook to JSON')
  }
}
