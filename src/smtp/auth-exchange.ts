import type { TagReader, TagReading } from '../identity/claim'

const MAX_USER_NAME = 1024

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/

/** What to do with one line of a SASL exchange before the site's auth plugin sees it. */
export type ExchangeStep =
  /** Hand `line` on; `reading` is what the user name told. */
  | { readonly status: 'pass'; readonly line: string; readonly reading: TagReading }
  /** Not base64, not UTF-8, or not of the mechanism's form (RFC 4954 4: 501). */
  | { readonly status: 'malformed' }

/** The mechanisms that carry a user name beside a password. */
export type Mechanism = 'PLAIN' | 'LOGIN' | 'CRAM-MD5'

export const mechanismOf = (name: string): Mechanism | undefined =>
  (['PLAIN', 'LOGIN', 'CRAM-MD5'] as const).find((known) => known === name.toUpperCase())

/** RFC 4954 4 wants characters outside the alphabet refused, not skipped. */
export const isBase64 = (response: string): boolean => BASE64.test(response)

/**
 * Takes the device tag off the user name in a client's response and encodes it anew. In CRAM-MD5 the digest
 * covers challenge and password only (RFC 2195), so the name can be changed there too. Where the tag does
 * not verify, `wrongPassword` stands in for the proof that came with it. What an auth plugin could read
 * another way than it is read here is malformed: the claim must belong to the name that logs in.
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
      return passed(authcid, tags, ({ user, status }) => {
        // RFC 4616: an authzid asks to act as another user; nobody may through the gate.
        const ownName = authzid === '' || authzid === authcid || authzid === user
        return `\0${user}\0${ownName && status !== 'invalid' ? password : wrongPassword()}`
      })
    }
    case 'LOGIN':
      return passed(text, tags, ({ user }) => user)
    case 'CRAM-MD5': {
      const [name, digest, ...rest] = text.split(' ')
      if (name === undefined || digest === undefined || rest.length > 0) return MALFORMED
      return passed(
        name,
        tags,
        ({ user, status }) => `${user} ${status === 'invalid' ? wrongPassword() : digest}`,
      )
    }
  }
}

const MALFORMED: ExchangeStep = { status: 'malformed' }

// eslint-disable-next-line no-control-regex -- auth plugins drop or cut at them: no name has any
const CONTROL = /[\u0000-\u001f\u007f]/

function passed(userName: string, tags: TagReader, encode: (reading: TagReading) => string): ExchangeStep {
  if (userName === '' || userName.length > MAX_USER_NAME || CONTROL.test(userName)) return MALFORMED
  const reading = tags.read(userName)
  return { status: 'pass', line: Buffer.from(encode(reading)).toString('base64'), reading }
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Haraka bounds the line (`max.line_length`), so its length is not looked at here. */
function decode(response: string): string | undefined {
  if (!isBase64(response)) return undefined
  try {
    return utf8.decode(Buffer.from(response, 'base64'))
  } catch {
    return undefined
  }
}
