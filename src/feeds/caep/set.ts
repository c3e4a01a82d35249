import type * as Jose from 'jose' with { 'resolution-mode': 'import' }

import type { KeySet } from '../../net/jwks'
import { EVENT_MS } from '../feeds-database'
import { fieldsOf } from '../fields'
import { SetError } from './set-error'

/** A Security Event Token (RFC 8417) that is what it says: signed by the issuer, for us, of now. */
export interface SecurityEvent {
  readonly jti: string
  /** Epoch milliseconds. */
  readonly issuedAt: number
  readonly eventType: string
  readonly event: Readonly<Record<string, unknown>>
  /** `sub_id`, or what stood in its place before there was one; undefined: there is none. */
  readonly subject: unknown
}

export interface Expected {
  readonly issuer: string
  readonly audience: string
  readonly keys: KeySet
  readonly now: () => number
}

/** Many times what an event takes. */
export const MAX_SET_OCTETS = 64 * 1024
const MAX_JTI_CHARS = 512
/** Clocks differ. */
const AHEAD_MS = 300_000
const ALGORITHMS = ['RS256', 'ES256']

/** Rejects with SetError for a token that is refused, with FetchError when the issuer's keys cannot be had. */
export async function verifySet(token: string, expected: Expected): Promise<SecurityEvent> {
  if (token.length > MAX_SET_OCTETS)
    throw new SetError('invalid_request', `a SET is at most ${MAX_SET_OCTETS} octets`)
  const payload = await verifiedPayload(token, expected)
  const { jti, iat, exp, sub, events } = payload
  if (typeof jti !== 'string' || jti === '' || jti.length > MAX_JTI_CHARS)
    throw new SetError('invalid_request', 'jti is missing or longer than 512 characters')
  if (typeof iat !== 'number') throw new SetError('invalid_request', 'iat is missing')
  const issuedAt = iat * 1000
  if (issuedAt > expected.now() + AHEAD_MS) throw new SetError('invalid_request', 'iat is in the future')
  // Older ones could be played again: their ids are no longer known.
  if (issuedAt < expected.now() - EVENT_MS)
    throw new SetError('invalid_request', 'iat is more than a week ago')
  if (exp !== undefined || sub !== undefined)
    throw new SetError('invalid_request', 'a SET has neither exp nor sub: this is another kind of token')
  const [entry, more] = Object.entries(fieldsOf(events) ?? {})
  const [eventType, content] = entry ?? []
  const event = fieldsOf(content)
  if (eventType === undefined || more || !event)
    throw new SetError('invalid_request', 'events has not one event')
  return { jti, issuedAt, eventType, event, subject: payload['sub_id'] ?? event['subject'] }
}

type KeyFinder = ReturnType<typeof Jose.createLocalJWKSet>

/** Of a key set as it was fetched: each key is taken in once, not once a token. */
const finders = new WeakMap<Jose.JSONWebKeySet, KeyFinder>()

function keyFinder(create: typeof Jose.createLocalJWKSet, keys: Jose.JSONWebKeySet): KeyFinder {
  const finder = finders.get(keys) ?? create(keys)
  finders.set(keys, finder)
  return finder
}

let loaded: Promise<typeof Jose> | undefined
/** Loaded when it is first needed, since it is an ES module; once, since to look it up costs a tenth of a verification. */
const jose = (): Promise<typeof Jose> => (loaded ??= import('jose'))

async function verifiedPayload(token: string, expected: Expected, again = true): Promise<Jose.JWTPayload> {
  const { jwtVerify, createLocalJWKSet, errors } = await jose()
  const { issuer, audience, keys, now } = expected
  try {
    const keySet = keyFinder(createLocalJWKSet, await keys.current())
    const { payload } = await jwtVerify(token, keySet, {
      issuer,
      audience,
      typ: 'secevent+jwt',
      algorithms: ALGORITHMS,
      currentDate: new Date(now()),
    })
    return payload
  } catch (error) {
    if (error instanceof errors.JWKSNoMatchingKey) {
      if (again && (await keys.lookAgain())) return verifiedPayload(token, expected, false)
      throw new SetError('invalid_key', 'no key of the issuer has this key id')
    }
    if (error instanceof errors.JWTClaimValidationFailed || error instanceof errors.JWTExpired)
      throw claimError(error.claim)
    if (error instanceof errors.JOSEAlgNotAllowed || error instanceof errors.JOSENotSupported)
      throw new SetError('invalid_key', `a SET is signed by ${ALGORITHMS.join(' or ')}`)
    if (error instanceof errors.JWKSMultipleMatchingKeys)
      throw new SetError('invalid_key', 'the header names none of the keys of the issuer')
    if (error instanceof errors.JWSSignatureVerificationFailed)
      throw new SetError('authentication_failed', 'the signature is not of this token')
    if (error instanceof errors.JOSEError) throw new SetError('invalid_request', 'not a SET in compact form')
    // A key of the set that cannot be used for what it says.
    if (error instanceof TypeError) throw new SetError('invalid_key', 'the key of the issuer cannot be used')
    throw error
  }
}

function claimError(claim: string): SetError {
  switch (claim) {
    case 'iss':
      return new SetError('invalid_issuer', 'iss is another issuer')
    case 'aud':
      return new SetError('invalid_audience', 'aud does not name this receiver')
    case 'typ':
      return new SetError('invalid_request', 'typ is not secevent+jwt')
    default:
      return new SetError('invalid_request', `${claim} is not valid`)
  }
}
