import { KeySet } from '../../net/jwks'
import { FeedError } from '../feed-error'
import { feedErrorOf } from '../http'
import type { FeedContext, FeedEvents } from '../kind'
import type { FeedReading } from '../reading'
import { discover } from './discovery'
import { receiverSettings } from './settings'
import { verifySet, type SecurityEvent } from './set'
import { SetError } from './set-error'
import { noteVerified, STREAM_UPDATED, VERIFICATION } from './stream'
import { deviceIdsOf } from './subject'

export const COMPLIANCE_CHANGE =
  'https://schemas.openid.net/secevent/caep/event-type/device-compliance-change'

const STATES: Readonly<Record<string, 'compliant' | 'noncompliant'>> = {
  compliant: 'compliant',
  'not-compliant': 'noncompliant',
}
const AHEAD_MS = 300_000

const keySets = new WeakMap<FeedContext, Promise<KeySet>>()

/** One key set a feed, for as long as it runs. */
async function keysOf(context: FeedContext): Promise<KeySet> {
  const known = keySets.get(context) ?? makeKeys(context)
  keySets.set(context, known)
  known.catch(() => keySets.delete(context))
  return known
}

async function makeKeys(context: FeedContext): Promise<KeySet> {
  const { issuer, jwks_uri: configured } = receiverSettings(context)
  const url = configured ?? (await discover(context, issuer)).jwksUri
  return new KeySet(url, context.fetch, context.now)
}

/**
 * What a SET brings. Rejects with SetError for one that is refused for good, with FeedError when it cannot be told now:
 * then it is to come again.
 */
export async function takeSet(
  context: FeedContext,
  token: string,
): Promise<FeedEvents & { readonly jti: string }> {
  const { issuer, audience } = receiverSettings(context)
  let set: SecurityEvent
  try {
    set = await verifySet(token, { issuer, audience, keys: await keysOf(context), now: context.now })
  } catch (error) {
    throw error instanceof SetError ? error : feedErrorOf(error)
  }
  const { jti } = set
  if (context.isKnown(jti)) return { jti, readings: [], events: [] }
  return { jti, readings: await readingsOf(context, set), events: [jti] }
}

async function readingsOf(context: FeedContext, set: SecurityEvent): Promise<FeedReading[]> {
  switch (set.eventType) {
    case COMPLIANCE_CHANGE:
      return changes(set, context.now())
    case VERIFICATION:
      await noteVerified(context, set.event['state'])
      return []
    case STREAM_UPDATED:
      await context.keep('status', String(set.event['status']).slice(0, 64))
      return []
    default:
      // Streams carry other events too; they are none of ours.
      return []
  }
}

function changes({ jti, issuedAt, event, subject }: SecurityEvent, now: number): FeedReading[] {
  const { previous_status: before, current_status: after, event_timestamp: seconds } = event
  const state = typeof after === 'string' ? STATES[after] : undefined
  if (!state || typeof before !== 'string' || !STATES[before])
    throw new SetError('invalid_request', 'previous_status and current_status are compliant or not-compliant')
  if (seconds !== undefined && typeof seconds !== 'number')
    throw new SetError('invalid_request', 'event_timestamp is a number of seconds')
  const at = seconds === undefined ? issuedAt : Math.round(seconds * 1000)
  if (!(at >= 0 && at <= now + AHEAD_MS))
    throw new SetError('invalid_request', 'event_timestamp is in the future')
  const ids = deviceIdsOf(subject)
  if (!ids) throw new SetError('invalid_request', 'the subject is of a format that is not known here')
  if (ids.length === 0) throw new SetError('invalid_request', 'the subject names no device')
  return ids.map((id) => ({ place: `event ${jti.slice(0, 64)}`, change: { id, state, at } }))
}

/** The keys can be had. */
export async function tryKeys(context: FeedContext): Promise<string> {
  try {
    const { keys } = await (await keysOf(context)).current()
    return `${keys.length} keys of ${receiverSettings(context).issuer}`
  } catch (error) {
    if (error instanceof FeedError) throw error
    throw feedErrorOf(error)
  }
}
