import { createHmac, generateKeyPairSync, sign, type JsonWebKey, type KeyObject } from 'node:crypto'

import {
  parseStoredKeys,
  storedKeys,
  type OauthKeys,
  type TokenAlgorithm,
} from '../../src/identity/oauth-keys'
import type { OauthRules } from '../../src/identity/oauth-token'

type Claims = Readonly<Record<string, unknown>>

interface Key {
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
}

const encoded = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
const seconds = (ms: number): number => Math.floor(ms / 1000)

/** Issues OAuth access tokens (RFC 9068) for a mail site. */
export class TokenIssuer {
  readonly issuer = 'https://login.example.com/'
  readonly audience = 'https://mail.example.com'
  readonly #keys: Readonly<Record<TokenAlgorithm, Key>> = {
    RS256: generateKeyPairSync('rsa', { modulusLength: 2048 }),
    ES256: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  }

  /** Its key ids are `rs` and `es`; `change` goes into each. */
  jwks(change: Claims = {}): JsonWebKey[] {
    const { RS256, ES256 } = this.#keys
    return [
      { ...RS256.publicKey.export({ format: 'jwk' }), kid: 'rs', alg: 'RS256', use: 'sig', ...change },
      { ...ES256.publicKey.export({ format: 'jwk' }), kid: 'es', alg: 'ES256', use: 'sig', ...change },
    ]
  }

  /** As a server is given it that checks tokens itself. */
  publicPem(alg: TokenAlgorithm): string {
    return this.#keys[alg].publicKey.export({ format: 'pem', type: 'spki' }).toString()
  }

  rules(jwksUri = 'https://login.example.com/keys'): OauthRules {
    const { issuer, audience } = this
    return { issuer, audience, jwksUri, userClaim: 'sub', deviceClaim: 'device_id' }
  }

  /** As a host keeps them. */
  keys(fetchedAt = Date.now(), set = this.jwks()): OauthKeys {
    const keys = parseStoredKeys(storedKeys(this.rules().jwksUri, fetchedAt, set))
    if (!keys) throw new Error('the stored keys cannot be read')
    return keys
  }

  claims(user: string, deviceId: string | undefined, now = Date.now()): Record<string, unknown> {
    const { issuer: iss, audience: aud } = this
    const from = { iat: seconds(now), nbf: seconds(now), exp: seconds(now) + 3600 }
    return { iss, aud, sub: user, ...from, ...(deviceId !== undefined && { device_id: deviceId }) }
  }

  /** A claim or a parameter of undefined is left out. */
  sign(claims: unknown, header: Claims = {}): string {
    const whole = { alg: 'RS256', typ: 'JWT', ...header }
    const kid = whole.alg === 'ES256' ? 'es' : 'rs'
    const signed = `${encoded({ kid, ...whole })}.${encoded(claims)}`
    return `${signed}.${this.#signature(whole.alg, signed).toString('base64url')}`
  }

  token(user: string, deviceId?: string): string {
    return this.sign(this.claims(user, deviceId))
  }

  #signature(alg: string, signed: string): Buffer {
    const { privateKey, publicKey } = this.#keys[alg === 'ES256' ? 'ES256' : 'RS256']
    // What a careless checker takes for a secret that both sides have.
    if (alg === 'HS256')
      return createHmac('sha256', publicKey.export({ format: 'pem', type: 'spki' }))
        .update(signed)
        .digest()
    if (alg === 'none') return Buffer.alloc(0)
    return sign('sha256', Buffer.from(signed), { key: privateKey, dsaEncoding: 'ieee-p1363' })
  }
}

/** What a client sends to log in with a token, before base64. */
export const bearerResponse = {
  XOAUTH2: (user: string, token: string): string => `user=${user}\x01auth=Bearer ${token}\x01\x01`,
  OAUTHBEARER: (user: string, token: string): string => `n,a=${user},\x01auth=Bearer ${token}\x01\x01`,
} as const
