import type { TagReader, TagReading } from '../identity/claim'

/** RFC 4954 4: an AUTH line may be 12,288 octets; nothing here needs so many. */
const MAX_RESPONSE = 4096
const MAX_USER_NAME = 1024

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/

/** What to do with one line of a SASL exchange before the site's auth plugin sees it. */
export type ExchangeStep =
  /** Hand `line` on; `reading` is what the user name told. */
  | { readonly status: 'pass'; readonly line: string; readonly reading: TagReading }
  /** Not base64, not UTF-8, too long, or not of the mechanism's form (RFC 4954 4: 501). */
  | { readonly status: 'malformed' }

/** The mechanisms that carry a user name, and where in the exchange. */
export type Mechanism = 'PLAIN' | 'LOGIN' | 'CRAM-MD5'

export const mechanismOf = (name: string): Mechanism | undefined =>
  (['PLAIN', 'LOGIN', 'CRAM-MD5'] as const).find((known) => known === name.toUpperCase())

/**
 * Takes the device tag off the user name in a client's response and encodes it anew. In CRAM-MD5 the digest
 * covers challenge and password only (RFC 2195), so the name can be changed there too. Where the tag does
 * not verify, `wrongPassword` stands in for the proof that came with it.
 */
export function rewriteResponse(
  mechanism: Mechanism,
  response: string,
  tags: TagReader,
  wrongPassword: () => string,
): ExchangeStep {
  const text = decode(response)
  if (text === undefined) return MALFORMED
  switch (mechanism) {
    case 'PLAIN': {
      const [authzid, authcid, password, ...rest] = text.split('\0')
      if (authzid === undefined || authcid === undefined || password === undefined || rest.length > 0)
        return MALFORMED
      // RFC 4616: an authzid asks to act as another user; nobody may through the gate.
      if (authzid !== '' && authzid !== authcid) return MALFORMED
      return passed(
        authcid,
        tags,
        ({ user, status }) => `\0${user}\0${status === 'invalid' ? wrongPassword() : password}`,
      )
    }
    case 'LOGIN':
      return passed(text, tags, ({ user }) => user)
    case 'CRAM-MD5': {
      const space = text.lastIndexOf(' ')
      if (space < 1) return MALFORMED
      const digest = text.slice(space + 1)
      return passed(
        text.slice(0, space),
        tags,
        ({ user, status }) => `${user} ${status === 'invalid' ? wrongPassword() : digest}`,
      )
    }
  }
}

const MALFORMED: ExchangeStep = { status: 'malformed' }

function passed(userName: string, tags: TagReader, encode: (reading: TagReading) => string): ExchangeStep {
  if (userName === '' || userName.length > MAX_USER_NAME || userName.includes('\0')) return MALFORMED
  const reading = tags.read(userName)
  return { status: 'pass', line: Buffer.from(encode(reading)).toString('base64'), reading }
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function decode(response: string): string | undefined {
  if (response.length > MAX_RESPONSE || !BASE64.test(response)) return undefined
  try {
    return utf8.decode(Buffer.from(response, 'base64'))
  } catch {
    return undefined
  }
}
