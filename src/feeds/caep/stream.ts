import { randomBytes } from 'node:crypto'

import { FeedError } from '../feed-error'
import { ask, askJson } from '../http'
import type { FeedContext } from '../kind'
import { discover, type TransmitterMetadata } from './discovery'
import { receiverSettings } from './settings'

export const VERIFICATION = 'https://schemas.openid.net/secevent/ssf/event-type/verification'
export const STREAM_UPDATED = 'https://schemas.openid.net/secevent/ssf/event-type/stream-updated'
const WANTED = ['https://schemas.openid.net/secevent/caep/event-type/device-compliance-change']

export const PUSH = 'urn:ietf:rfc:8935'
export const POLL = 'urn:ietf:rfc:8936'

/** How often the transmitter is asked for a sign of life, and how long that may take. */
export const VERIFY_MS = 15 * 60_000
const VERIFIED_WITHIN_MS = 5 * 60_000

/** How a stream is to be delivered: to us, or from where we fetch it. */
export type Delivery =
  | { readonly method: typeof PUSH; readonly endpoint_url: string; readonly authorization_header?: string }
  | { readonly method: typeof POLL }

export interface Stream {
  readonly id: string
  /** Where events are fetched; of a pushed stream, where they are sent. */
  readonly endpointUrl: string | undefined
  readonly metadata: TransmitterMetadata
}

/** The stream of this receiver: the one that was made before, or a new one. */
export async function ensureStream(context: FeedContext, delivery: Delivery): Promise<Stream> {
  const { issuer } = receiverSettings(context)
  const metadata = await discover(context, issuer)
  const url = configurationEndpoint(context, metadata)
  const known = context.state('stream')
  const found = known === undefined ? undefined : await readStream(context, url, known)
  if (found) return { ...found, metadata }
  const created = streamOf(
    await askJson(context, url, {
      method: 'POST',
      headers: { ...authorization(context), 'content-type': 'application/json' },
      body: JSON.stringify({
        delivery,
        events_requested: WANTED,
        description: `Device Gate, feed ${context.name}`,
      }),
    }),
  )
  if (!created) throw new FeedError('answer', `${issuer} makes a stream and does not name it`)
  await context.keep('stream', created.id)
  return { ...created, metadata }
}

/** Whether the transmitter lets us ask for our streams; none is made. */
export async function tryStreams(context: FeedContext): Promise<string> {
  const url = configurationEndpoint(context, await discover(context, receiverSettings(context).issuer))
  const answer = await ask(context, url, { headers: authorization(context) }, [404])
  await answer.text()
  return `may ask for streams at ${new URL(url).host}`
}

function configurationEndpoint(
  context: FeedContext,
  { configurationEndpoint: url }: TransmitterMetadata,
): string {
  if (url !== undefined) return url
  throw new FeedError('answer', `${receiverSettings(context).issuer} lets nobody make streams`)
}

/** undefined: the transmitter has it no more. */
async function readStream(
  context: FeedContext,
  endpoint: string,
  id: string,
): Promise<Omit<Stream, 'metadata'> | undefined> {
  const answer = await ask(context, withStream(endpoint, id), { headers: authorization(context) }, [404])
  if (answer.status === 404) {
    await answer.text()
    return undefined
  }
  return streamOf(await answer.json())
}

function streamOf(value: unknown): Omit<Stream, 'metadata'> | undefined {
  const { stream_id: id, delivery } = (value ?? {}) as Record<string, unknown>
  const { endpoint_url: endpointUrl } = (delivery ?? {}) as Record<string, unknown>
  if (typeof id !== 'string') return undefined
  return { id, endpointUrl: typeof endpointUrl === 'string' ? endpointUrl : undefined }
}

/** Throws FeedError for a stream that is paused or disabled. */
export async function checkStatus(context: FeedContext, { id, metadata }: Stream): Promise<string> {
  const { statusEndpoint: url } = metadata
  if (url === undefined) return 'not told'
  const value = await askJson(context, withStream(url, id), { headers: authorization(context) })
  const { status, reason } = (value ?? {}) as Record<string, unknown>
  if (status === 'paused' || status === 'disabled')
    throw new FeedError(
      'answer',
      `the stream is ${status}: ${typeof reason === 'string' ? reason.slice(0, 200) : 'no reason given'}`,
    )
  return String(status).slice(0, 64)
}

/** Asks for a verification event, which comes as any other event does; `noteVerified` sees it come. */
export async function askForVerification(context: FeedContext, { id, metadata }: Stream): Promise<void> {
  const { verificationEndpoint: url } = metadata
  if (url === undefined) return
  const state = randomBytes(16).toString('base64url')
  await context.keep('verification', JSON.stringify({ state, askedAt: context.now(), verifiedAt: null }))
  const answer = await ask(context, url, {
    method: 'POST',
    headers: { ...authorization(context), 'content-type': 'application/json' },
    body: JSON.stringify({ stream_id: id, state }),
  })
  await answer.text()
}

interface Verification {
  readonly state: string
  readonly askedAt: number
  readonly verifiedAt: number | null
}

const verificationOf = (context: FeedContext): Verification | undefined => {
  const text = context.state('verification')
  return text === undefined ? undefined : (JSON.parse(text) as Verification)
}

/** One that was not asked for, or with another state, is no answer. */
export async function noteVerified(context: FeedContext, state: unknown): Promise<void> {
  const asked = verificationOf(context)
  if (asked?.state === state && asked !== undefined)
    await context.keep('verification', JSON.stringify({ ...asked, verifiedAt: context.now() }))
}

/** Throws FeedError when the last verification event that was asked for did not come in time. */
export function checkVerified(context: FeedContext): void {
  const asked = verificationOf(context)
  if (asked?.verifiedAt !== null || context.now() - asked.askedAt < VERIFIED_WITHIN_MS) return
  throw new FeedError(
    'unreachable',
    'the verification event that was asked for did not come: events do not reach this host',
  )
}

function withStream(endpoint: string, id: string): string {
  const url = new URL(endpoint)
  url.searchParams.set('stream_id', id)
  return url.href
}

export const authorization = (context: FeedContext): Record<string, string> =>
  context.hasSecret('api-token') ? { authorization: `Bearer ${context.secret('api-token')}` } : {}
