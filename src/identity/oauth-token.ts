import { verify, type KeyObject } from 'node:crypto'

import { normaliseUser } from '../policy/user-name'
import { decodeBase64Url } from './base64'
import type { TokenFault, TokenReader, TokenReading } from './claim'
import { deviceIdOf } from './device-id'
import { TOKEN_ALGORITHMS, type OauthKeys, type TokenAlgorithm } from './oauth-keys'

/** Which tokens prove a device, and how they say whose and which. */
export interface OauthRules {
  readonly issuer: string
  readonly audience: string
  readonly jwksUri: string
  /** The claim that must be the user of the login. */
  readonly userClaim: string
  /** The claim that names the device. */
  readonly deviceClaim: string
}

/** Twice what issuers give out when a person is in many groups. */
const MAX_TOKEN_OCTETS = 16_384
const MAX_HEADER_OCTETS = 2048
/** Clocks differ. */
const LEEWAY_MS = 60_000
/** Keys that were not confirmed for so long do not count: withdrawn ones must not do so for ever. */
export const MAX_KEY_AGE_MS = 86_400_000
/** Those of access tokens (RFC 9068), and the one that says no more than JWT. */
const TYPES = ['jwt', 'at+jwt', 'application/at+jwt']
const DOT = 46

type Json = Readonly<Record<string, unknown>>

interface Header {
  readonly algorithm: TokenAlgorithm
  readonly keyId: string
}

const wrong = (fault: TokenFault): TokenReading => ({ status: 'wrong', fault })

/**
 * Checks tokens under the keys that are here (RFC 7519, RFC 8725). Synchronous: a signature costs less than handing
 * it to another thread. Of the token only header and claims become strings, which are worth nothing without
 * the signature.
 */
export const createTokenReader = (rules: OauthRules, keys: OauthKeys | undefined): TokenReader => ({
  read: (user, token, now) => readToken(rules, keys, user, token, now),
})

function readToken(
  rules: OauthRules,
  keys: OauthKeys | undefined,
  user: string,
  token: Buffer,
  now: number,
): TokenReading {
  const first = token.indexOf(DOT)
  const second = token.indexOf(DOT, first + 1)
  if (token.length > MAX_TOKEN_OCTETS || first < 1 || first > MAX_HEADER_OCTETS || second < 0)
    return wrong('form')
  const header = readHeader(token.subarray(0, first))
  if (typeof header === 'string') return wrong(header)
  if (!believed(keys, rules, now)) return { status: 'unchecked', lacks: 'keys' }
  const key = keys.find(header.algorithm, header.keyId)
  if (!key) return { status: 'unchecked', lacks: 'key' }
  if (!isSigned(token.subarray(0, second), token.subarray(second + 1), key)) return wrong('signature')
  const claims = jsonIn(token.subarray(first + 1, second))
  if (!claims) return wrong('form')
  const fault = faultIn(claims, rules, user, now)
  if (fault) return wrong(fault)
  const deviceId = deviceIdOf(claims[rules.deviceClaim])
  return { status: 'valid', claim: deviceId === null ? null : { deviceId, proof: 'oauth' } }
}

function readHeader(octets: Buffer): Header | TokenFault {
  const { alg, kid, typ, crit } = jsonIn(octets) ?? {}
  const algorithm = TOKEN_ALGORITHMS.find((known) => known === alg)
  if (algorithm === undefined) return 'algorithm'
  if (typ !== undefined && !(typeof typ === 'string' && TYPES.includes(typ.toLowerCase()))) return 'type'
  // An extension that must be understood: there is none that is.
  if (crit !== undefined || typeof kid !== 'string' || kid === '') return 'form'
  return { algorithm, keyId: kid }
}

/** Keys of the future are those of a clock that was set back: how old they are is not known. */
const believed = (keys: OauthKeys | undefined, rules: OauthRules, now: number): keys is OauthKeys =>
  keys?.jwksUri === rules.jwksUri &&
  now - keys.fetchedAt < MAX_KEY_AGE_MS &&
  keys.fetchedAt - now <= LEEWAY_MS

function isSigned(signed: Buffer, encoded: Buffer, key: KeyObject): boolean {
  const signature = decodeBase64Url(encoded)
  if (!signature) return false
  // RFC 7518 3.4: an ES256 signature is the two numbers, without the structure around them.
  const good = verify('sha256', signed, { key, dsaEncoding: 'ieee-p1363' }, signature)
  signature.fill(0)
  return good
}

function faultIn(claims: Json, rules: OauthRules, user: string, now: number): TokenFault | undefined {
  const { iss, aud, exp, nbf, iat } = claims
  if (iss !== rules.issuer) return 'issuer'
  if (!(Array.isArray(aud) ? aud : [aud]).includes(rules.audience)) return 'audience'
  if (typeof exp !== 'number' || now >= exp * 1000 + LEEWAY_MS) return 'expired'
  if (![nbf, iat].every((from) => from === undefined || hasBegun(from, now))) return 'not_yet'
  const owner = claims[rules.userClaim]
  return typeof owner === 'string' && normaliseUser(owner) === normaliseUser(user) ? undefined : 'user'
}

const hasBegun = (from: unknown, now: number): boolean =>
  typeof from === 'number' && from * 1000 <= now + LEEWAY_MS

const utf8 = new TextDecoder('utf-8', { fatal: true })

function jsonIn(encoded: Buffer): Json | undefined {
  const octets = decodeBase64Url(encoded)
  if (!octets) return undefined
  try {
    const value: unknown = JSON.parse(utf8.decode(octets))
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : undefined
  } catch {
    return undefined
  }
}
