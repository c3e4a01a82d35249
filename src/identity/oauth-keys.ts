import { createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto'

/** What a token may be signed with (RFC 7518): never a secret that is shared, never nothing. */
export const TOKEN_ALGORITHMS = ['RS256', 'ES256'] as const
export type TokenAlgorithm = (typeof TOKEN_ALGORITHMS)[number]

/** The public keys of an issuer as the host keeps them. */
export interface OauthKeys {
  /** Where they came from: those of another place do not count. */
  readonly jwksUri: string
  /** When the issuer last said that they are its keys. Epoch milliseconds. */
  readonly fetchedAt: number
  find(algorithm: TokenAlgorithm, keyId: string): KeyObject | undefined
}

/** Only what verifies, so that nothing else of a key set gets to the disk. */
interface StoredKey {
  readonly kid: string
  readonly alg: TokenAlgorithm
  readonly jwk: JsonWebKey
}

const MAX_KEY_ID = 256
const MIN_RSA_BITS = 2048
/** A longer one takes its time at each login. */
const MAX_RSA_BITS = 4096

/** The keys of a set (RFC 7517) that can sign tokens, as a text to keep. */
export function storedKeys(jwksUri: string, fetchedAt: number, set: readonly JsonWebKey[]): string {
  const keys = set.flatMap((jwk) => storedKey(jwk) ?? [])
  return `${JSON.stringify({ jwksUri, fetchedAt, keys })}\n`
}

function storedKey(jwk: JsonWebKey): StoredKey | undefined {
  const { kid, use, key_ops: operations, alg, kty, crv } = jwk
  const algorithm = kty === 'RSA' ? 'RS256' : kty === 'EC' && crv === 'P-256' ? 'ES256' : undefined
  if (algorithm === undefined || (alg !== undefined && alg !== algorithm)) return undefined
  if (typeof kid !== 'string' || kid === '' || kid.length > MAX_KEY_ID) return undefined
  if (use !== undefined && use !== 'sig') return undefined
  if (operations !== undefined && !(Array.isArray(operations) && operations.includes('verify')))
    return undefined
  const key = keyOf(jwk)
  return key && { kid, alg: algorithm, jwk: key.export({ format: 'jwk' }) }
}

/** undefined: no such key is to be trusted. */
function keyOf(jwk: JsonWebKey): KeyObject | undefined {
  try {
    const key = createPublicKey({ key: jwk, format: 'jwk' })
    const { modulusLength = MIN_RSA_BITS } = key.asymmetricKeyDetails ?? {}
    return modulusLength >= MIN_RSA_BITS && modulusLength <= MAX_RSA_BITS ? key : undefined
  } catch {
    return undefined
  }
}

/** Reads what was kept; undefined: it is none of ours, or damaged. */
export function parseStoredKeys(text: string): OauthKeys | undefined {
  try {
    const read = JSON.parse(text) as { jwksUri: string; fetchedAt: number; keys: readonly StoredKey[] }
    const byName = new Map<string, KeyObject>()
    for (const { alg, kid, jwk } of read.keys) {
      const key = keyOf(jwk)
      const name = `${alg} ${kid}`
      // Of two with one name the first: the issuer is at fault, and no client can choose.
      if (key && !byName.has(name)) byName.set(name, key)
    }
    const find = (algorithm: TokenAlgorithm, keyId: string): KeyObject | undefined =>
      byName.get(`${algorithm} ${keyId}`)
    return { jwksUri: read.jwksUri, fetchedAt: read.fetchedAt, find }
  } catch {
    return undefined
  }
}
