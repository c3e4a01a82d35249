import { decodeBase64 } from '../identity/base64'
import type { Credential } from './credential'

export const MECHANISMS = ['PLAIN', 'LOGIN', 'XOAUTH2', 'OAUTHBEARER', 'EXTERNAL'] as const
export type SaslMechanism = (typeof MECHANISMS)[number]

export const saslMechanism = (name: string): SaslMechanism | undefined =>
  MECHANISMS.find((known) => known === name.toUpperCase())

const MAX_USER_NAME = 1024
const EQUALS = 61

/** Strict base64; `=` alone is the empty response (RFC 4959). undefined: malformed. */
export const decodeResponse = (line: Buffer): Buffer | undefined =>
  line.length === 1 && line[0] === EQUALS ? Buffer.alloc(0) : decodeBase64(line)

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** A user name a client may give: UTF-8, bounded, without control characters. */
export function userName(octets: Uint8Array): string | undefined {
  if (octets.length === 0 || octets.length > MAX_USER_NAME) return undefined
  try {
    const name = utf8.decode(octets)
    // eslint-disable-next-line no-control-regex -- a name with controls is no name
    return /[\u0000-\u001f\u007f]/.test(name) ? undefined : name
  } catch {
    return undefined
  }
}

/** `malformed`: not of the mechanism's form. `other_user`: asks to act as another than who is proven. */
export type ParsedResponse = Credential | 'malformed' | 'other_user'

/** The response of a one-step mechanism as a credential, with copies of the secrets in it. */
export function parseResponse(
  mechanism: 'PLAIN' | 'XOAUTH2' | 'OAUTHBEARER',
  response: Buffer,
): ParsedResponse {
  switch (mechanism) {
    case 'PLAIN':
      return parsePlain(response)
    case 'XOAUTH2': {
      const fields = keyValues(response)
      return bearer(mechanism, valueOf(fields, 'user='), valueOf(fields, 'auth='))
    }
    case 'OAUTHBEARER': {
      // RFC 7628 3.1: gs2-header "n,a=user," then key=value pairs, each after ^A.
      const [header, ...fields] = keyValues(response)
      return bearer(mechanism, header && gs2User(header.toString('latin1')), valueOf(fields, 'auth='))
    }
  }
}

/** RFC 4616: authzid NUL authcid NUL password. */
function parsePlain(response: Buffer): ParsedResponse {
  const first = response.indexOf(0)
  const second = response.indexOf(0, first + 1)
  if (first < 0 || second < 0 || response.indexOf(0, second + 1) >= 0) return 'malformed'
  const authzid = response.subarray(0, first)
  const authcid = response.subarray(first + 1, second)
  const password = response.subarray(second + 1)
  const user = userName(authcid)
  if (user === undefined || password.length === 0) return 'malformed'
  if (authzid.length > 0 && !authzid.equals(authcid)) return 'other_user'
  return { kind: 'password', user, password: Buffer.from(password) }
}

function bearer(
  mechanism: 'XOAUTH2' | 'OAUTHBEARER',
  name: Buffer | undefined,
  auth: Buffer | undefined,
): ParsedResponse {
  const user = name && userName(name)
  const token = auth && bearerToken(auth)
  if (user === undefined || token === undefined) return 'malformed'
  return { kind: 'bearer', mechanism, user, token: Buffer.from(token) }
}

const SCHEME = 'bearer '

/** The b64token (RFC 6750 2.1) behind the scheme, whose case does not matter. */
function bearerToken(auth: Buffer): Buffer | undefined {
  if (auth.toString('latin1', 0, SCHEME.length).toLowerCase() !== SCHEME) return undefined
  let start = SCHEME.length
  while (auth[start] === 32) start += 1
  const token = auth.subarray(start)
  return token.length > 0 && token.every(isTokenChar) ? token : undefined
}

const TOKEN_CHARS = new Set(
  Buffer.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/='),
)
const isTokenChar = (octet: number): boolean => TOKEN_CHARS.has(octet)

/** The pieces between ^A octets. */
function keyValues(response: Buffer): Buffer[] {
  const pieces: Buffer[] = []
  let start = 0
  for (let end = response.indexOf(1); end >= 0; end = response.indexOf(1, start)) {
    pieces.push(response.subarray(start, end))
    start = end + 1
  }
  pieces.push(response.subarray(start))
  return pieces
}

/** `key` with its "=", in lower case. */
const valueOf = (fields: readonly Buffer[], key: string): Buffer | undefined =>
  fields.find((field) => field.toString('latin1', 0, key.length).toLowerCase() === key)?.subarray(key.length)

/** `n,a=anna@example.com,`: a saslname with "," and "=" written as =2C and =3D (RFC 5801 4). */
function gs2User(header: string): Buffer | undefined {
  const name = /^[ny],a=((?:[^,=]|=2C|=3D)+),$/.exec(header)?.[1]
  return name === undefined
    ? undefined
    : Buffer.from(name.replace(/=2C/g, ',').replace(/=3D/g, '='), 'latin1')
}

/** The response that goes upstream, made anew from the credential's parts. */
export function encodeResponse(credential: Credential): Buffer {
  switch (credential.kind) {
    case 'password':
      return Buffer.concat([Buffer.from(`\0${credential.user}\0`), credential.password])
    case 'external':
      return Buffer.from(credential.user)
    case 'bearer': {
      const { user, token } = credential
      const saslname = user.replace(/=/g, '=3D').replace(/,/g, '=2C')
      const head =
        credential.mechanism === 'XOAUTH2'
          ? `user=${user}\x01auth=Bearer `
          : `n,a=${saslname},\x01auth=Bearer `
      return Buffer.concat([Buffer.from(head), token, Buffer.from('\x01\x01')])
    }
  }
}
