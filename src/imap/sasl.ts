import type { Credential } from './credential'

export const MECHANISMS = ['PLAIN', 'LOGIN', 'XOAUTH2', 'OAUTHBEARER', 'EXTERNAL'] as const
export type SaslMechanism = (typeof MECHANISMS)[number]

export const saslMechanism = (name: string): SaslMechanism | undefined =>
  MECHANISMS.find((known) => known === name.toUpperCase())

const MAX_USER_NAME = 1024
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/

/** Strict base64; `=` alone is the empty response (RFC 4959). undefined: malformed. */
export function decodeResponse(line: Buffer): Buffer | undefined {
  if (line.length === 1 && line[0] === 61) return Buffer.alloc(0)
  const text = line.toString('latin1')
  return BASE64.test(text) ? Buffer.from(text, 'base64') : undefined
}

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

/** The response of a one-step mechanism as a credential; undefined: not of its form. */
export function parseResponse(
  mechanism: 'PLAIN' | 'XOAUTH2' | 'OAUTHBEARER',
  response: Buffer,
): Credential | undefined {
  switch (mechanism) {
    case 'PLAIN':
      return parsePlain(response)
    case 'XOAUTH2':
      return parseBearer(mechanism, response, 0)
    case 'OAUTHBEARER': {
      // RFC 7628 3.1: gs2-header "n,a=user," then key=value pairs, each after ^A.
      const first = response.indexOf(1)
      return first < 0 ? undefined : parseBearer(mechanism, response, first)
    }
  }
}

/** RFC 4616: authzid NUL authcid NUL password. An authzid asks to act as another user: nobody may. */
function parsePlain(response: Buffer): Credential | undefined {
  const first = response.indexOf(0)
  const second = response.indexOf(0, first + 1)
  if (first < 0 || second < 0 || response.indexOf(0, second + 1) >= 0) return undefined
  const authzid = response.subarray(0, first)
  const authcid = response.subarray(first + 1, second)
  if (authzid.length > 0 && !authzid.equals(authcid)) return undefined
  const user = userName(authcid)
  const password = response.subarray(second + 1)
  return user === undefined || password.length === 0 ? undefined : { kind: 'password', user, password }
}

const BEARER = /^bearer +([A-Za-z0-9._~+/-]+=*)$/i

function parseBearer(
  mechanism: 'XOAUTH2' | 'OAUTHBEARER',
  response: Buffer,
  from: number,
): Credential | undefined {
  const fields = response.toString('utf8', from).split('\x01')
  const token = BEARER.exec(valueOf(fields, 'auth') ?? '')?.[1]
  const name = mechanism === 'XOAUTH2' ? valueOf(fields, 'user') : gs2User(response.toString('utf8', 0, from))
  const user = name === undefined ? undefined : userName(Buffer.from(name))
  return token === undefined || user === undefined
    ? undefined
    : { kind: 'bearer', mechanism, user, token: Buffer.from(token) }
}

const valueOf = (fields: readonly string[], key: string): string | undefined =>
  fields.find((field) => field.toLowerCase().startsWith(`${key}=`))?.slice(key.length + 1)

/** `n,a=anna@example.com,`: a saslname with "," and "=" written as =2C and =3D (RFC 5801 4). */
function gs2User(header: string): string | undefined {
  const name = /^n,a=((?:[^,=]|=2C|=3D)+),$/.exec(header)?.[1]
  return name?.replace(/=2C/g, ',').replace(/=3D/g, '=')
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
