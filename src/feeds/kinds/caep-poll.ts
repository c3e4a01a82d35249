import { urlSetting } from '../../config/settings'
import type { FetchOptions } from '../../net/bounded-fetch'
import { takeSet, tryKeys } from '../caep/receiver'
import { RECEIVER_SETTINGS } from '../caep/settings'
import { SetError } from '../caep/set-error'
import {
  askForVerification,
  authorization,
  checkStatus,
  checkVerified,
  ensureStream,
  POLL,
  tryStreams,
  VERIFY_MS,
  type Stream,
} from '../caep/stream'
import { FeedError } from '../feed-error'
import { askJson } from '../http'
import type { FeedContext, FeedEvents, FeedKind } from '../kind'
import type { FeedReading } from '../reading'
import type { Refusal } from '../refusal'

const MAX_EVENTS = 100
/** A transmitter may let a request wait for the next event. */
const LONG_POLL_MS = 90_000
/** For one that answers at once though there is nothing. */
const QUIET_MS = 2000

/** Events are fetched from a transmitter of Shared Signals (RFC 8936). */
export const caepPollKind: FeedKind = {
  kind: 'caep-poll',
  description: 'CAEP device-compliance-change events, fetched from a transmitter',
  settingsSchema: {
    type: 'object',
    additionalProperties: false,
    required: ['issuer', 'audience'],
    properties: {
      ...RECEIVER_SETTINGS,
      endpoint: urlSetting('the https URL to poll; default: that of a stream which is made here'),
    },
  },
  secrets: ['api-token'],
  everyS: 0,
  test: async (context) => {
    const { endpoint } = context.settings as { endpoint?: string }
    const keys = await tryKeys(context)
    return {
      facts: [keys, endpoint === undefined ? await tryStreams(context) : await tryPoll(context, endpoint)],
    }
  },
  poll: async function* (context) {
    const { endpoint: configured } = context.settings as { endpoint?: string }
    const stream = configured === undefined ? await ensureStream(context, { method: POLL }) : undefined
    const endpoint = configured ?? stream?.endpointUrl
    if (endpoint === undefined) throw new FeedError('answer', 'the stream does not say where it is polled')
    let ack: readonly string[] = []
    let setErrs: Readonly<Record<string, object>> = {}
    let verifyAt = -Infinity
    for (;;) {
      if (stream && context.now() - verifyAt >= VERIFY_MS) verifyAt = await verify(context, stream)
      const before = context.now()
      const { sets, moreAvailable } = answerOf(
        await askJson(
          context,
          endpoint,
          pollRequest(context, { maxEvents: MAX_EVENTS, returnImmediately: false, ack, setErrs }),
        ),
      )
      const taken = await takeAll(context, sets)
      // When it goes on, all of it is written: only now may the transmitter forget it.
      yield taken
      ack = taken.acknowledged
      setErrs = taken.setErrs
      if (stream) checkVerified(context)
      if (sets.length === 0 && !moreAvailable && context.now() - before < QUIET_MS)
        await context.wait(QUIET_MS)
    }
  },
}

/** Asks for no event (RFC 8936 section 2.2), and acknowledges none. */
async function tryPoll(context: FeedContext, endpoint: string): Promise<string> {
  const request = { maxEvents: 0, returnImmediately: true }
  answerOf(await askJson(context, endpoint, pollRequest(context, request)))
  return `may poll at ${new URL(endpoint).host}`
}

const pollRequest = (context: FeedContext, request: object): FetchOptions => ({
  method: 'POST',
  timeoutMs: LONG_POLL_MS,
  headers: { ...authorization(context), 'content-type': 'application/json' },
  body: JSON.stringify(request),
})

async function verify(context: FeedContext, stream: Stream): Promise<number> {
  await checkStatus(context, stream)
  await askForVerification(context, stream)
  return context.now()
}

interface Taken extends FeedEvents {
  readonly acknowledged: readonly string[]
  /** By jti, in the words of RFC 8935. */
  readonly setErrs: Readonly<Record<string, object>>
}

async function takeAll(context: FeedContext, sets: readonly (readonly [string, unknown])[]): Promise<Taken> {
  const readings: FeedReading[] = []
  const events: string[] = []
  const acknowledged: string[] = []
  const refused: Refusal[] = []
  const setErrs: Record<string, object> = {}
  for (const [key, token] of sets) {
    try {
      if (typeof token !== 'string') throw new SetError('invalid_request', 'a SET is a text')
      const taken = await takeSet(context, token)
      if (taken.jti !== key) throw new SetError('invalid_request', 'the SET stands under another jti')
      readings.push(...taken.readings)
      events.push(...taken.events)
      acknowledged.push(key)
    } catch (error) {
      if (!(error instanceof SetError)) throw error
      refused.push(error.code)
      setErrs[key] = { err: error.code, description: error.message }
    }
  }
  return { readings, events, acknowledged, refused, setErrs }
}

function answerOf(value: unknown): {
  readonly sets: readonly (readonly [string, unknown])[]
  readonly moreAvailable: boolean
} {
  const { sets, moreAvailable } = (value ?? {}) as Record<string, unknown>
  if (typeof sets !== 'object' || sets === null || Array.isArray(sets))
    throw new FeedError('answer', 'the answer to a poll has no sets')
  const entries = Object.entries(sets)
  if (entries.length > 10 * MAX_EVENTS)
    throw new FeedError(
      'answer',
      `the answer to a poll has ${entries.length} sets; ${MAX_EVENTS} were asked for`,
    )
  return { sets: entries, moreAvailable: moreAvailable === true }
}
