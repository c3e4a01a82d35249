import { urlSetting } from '../../config/settings'
import { takeSet, tryKeys } from '../caep/receiver'
import { RECEIVER_SETTINGS } from '../caep/settings'
import { MAX_SET_OCTETS } from '../caep/set'
import { SetError, type SetErrorCode } from '../caep/set-error'
import {
  askForVerification,
  checkStatus,
  checkVerified,
  ensureStream,
  PUSH,
  tryStreams,
  VERIFY_MS,
} from '../caep/stream'
import type { FeedContext, FeedKind, FeedRequest, Received } from '../kind'
import { isBearer } from '../shared-secret'

/** How soon it is seen that a verification event did not come. */
const LOOK_MS = 60_000

/** A transmitter of Shared Signals sends events here (RFC 8935). */
export const caepPushKind: FeedKind = {
  kind: 'caep-push',
  description: 'CAEP device-compliance-change events that a transmitter sends to POST /feeds/NAME/events',
  settingsSchema: {
    type: 'object',
    additionalProperties: false,
    required: ['issuer', 'audience'],
    properties: {
      ...RECEIVER_SETTINGS,
      delivery_url: urlSetting(
        'the URL by which the transmitter reaches POST /feeds/NAME/events; with it the stream is made here',
      ),
    },
  },
  secrets: ['push-token?', 'api-token?'],
  everyS: 0,
  test: async (context) => ({
    facts: [
      await tryKeys(context),
      ...(context.settings['delivery_url'] === undefined ? [] : [await tryStreams(context)]),
    ],
  }),
  receive: async (context, request) => {
    const refusal = refusalOf(context, request)
    if (refusal) return refusal
    try {
      const { readings, events } = await takeSet(context, Buffer.from(request.body).toString('latin1').trim())
      return { readings, events, answer: { status: 202, headers: {}, body: '' } }
    } catch (error) {
      if (error instanceof SetError) return refused(400, error.code, error.message)
      throw error
    }
  },
  poll: async function* (context) {
    const { delivery_url: endpointUrl } = context.settings as { delivery_url?: string }
    if (endpointUrl === undefined) {
      for (;;) await context.wait(VERIFY_MS)
    }
    const token = context.hasSecret('push-token') ? context.secret('push-token') : undefined
    const stream = await ensureStream(context, {
      method: PUSH,
      endpoint_url: endpointUrl,
      ...(token !== undefined && { authorization_header: `Bearer ${token}` }),
    })
    let askedAt = -Infinity
    for (;;) {
      await checkStatus(context, stream)
      if (context.now() - askedAt >= VERIFY_MS) {
        await askForVerification(context, stream)
        askedAt = context.now()
      }
      checkVerified(context)
      yield { readings: [], events: [] }
      await context.wait(LOOK_MS)
    }
  },
}

function refusalOf(context: FeedContext, { method, headers, body }: FeedRequest): Received | undefined {
  if (method !== 'POST') {
    const answer = { status: 405, headers: { allow: 'POST' }, body: '' }
    return { readings: [], events: [], refused: ['other'], answer }
  }
  if (context.hasSecret('push-token') && !isBearer(headers['authorization'], context.secret('push-token'))) {
    const problem = 'the authorization header is not the one agreed on'
    return refused(401, 'authentication_failed', problem, { 'www-authenticate': 'Bearer' })
  }
  if (!/^application\/secevent\+jwt *(;|$)/i.test(headers['content-type'] ?? ''))
    return refused(400, 'invalid_request', 'the content type is not application/secevent+jwt')
  if (body.length > MAX_SET_OCTETS)
    return refused(400, 'invalid_request', `a SET is at most ${MAX_SET_OCTETS} octets`)
  return undefined
}

const refused = (
  status: number,
  err: SetErrorCode,
  description: string,
  headers: Readonly<Record<string, string>> = {},
): Received => ({
  readings: [],
  events: [],
  refused: [err],
  answer: {
    status,
    headers: { 'content-type': 'application/json', 'content-language': 'en', ...headers },
    body: JSON.stringify({ err, description }),
  },
})
