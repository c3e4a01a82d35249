import { randomBytes } from 'node:crypto'

export interface TagKey {
  /** Two characters of the tag alphabet; stands in front of each mac made with it. */
  readonly id: string
  readonly secret: Buffer
  /** Epoch milliseconds. */
  readonly createdAt: number
}

/** The site's tag keys, newest first: the first one signs, all of them verify. */
export type TagKeyring = readonly TagKey[]

export interface KeyringReading {
  /** Those of the lines that can be used. */
  readonly keys: TagKeyring
  /** What is wrong with the others; names the line, never the key. */
  readonly problems: readonly { readonly line: number; readonly problem: string }[]
}

const LINE = /^([A-Za-z0-9]{2}) ([A-Za-z0-9_-]{43}) (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)$/
const MAX_KEYS = 16
const SECRET_OCTETS = 32

const HEADING = `# Device tag keys: id, key, created. The first one signs, all of them verify.
# Keep this file secret (mode 0600). Rotate with: device-gate tag rotate. Remove a line to void its tags.
`

/** Parses a key file. A reader of tags may go on with the good lines of a damaged one; nobody may write it back. */
export function parseKeyring(text: string): KeyringReading {
  const keys: TagKey[] = []
  const problems: { line: number; problem: string }[] = []
  text.split('\n').forEach((raw, i) => {
    const line = raw.trim()
    if (line === '' || line.startsWith('#')) return
    const key = parseKey(line)
    const refuse = (problem: string): unknown => problems.push({ line: i + 1, problem })
    if (!key) refuse('is not of the form "id key created"; restore the file from its backup')
    else if (keys.some(({ id }) => id === key.id)) refuse('has the id of a line before; remove one')
    else if (keys.length >= MAX_KEYS) refuse(`is one key more than ${MAX_KEYS}; remove the oldest`)
    else keys.push(key)
  })
  return { keys, problems }
}

function parseKey(line: string): TagKey | undefined {
  const [, id, secret, created] = LINE.exec(line) ?? []
  if (id === undefined || secret === undefined || created === undefined) return undefined
  const createdAt = Date.parse(created)
  return Number.isNaN(createdAt) ? undefined : { id, secret: Buffer.from(secret, 'base64url'), createdAt }
}

export const formatKeyring = (keys: TagKeyring): string =>
  HEADING +
  keys
    .map((key) => `${key.id} ${key.secret.toString('base64url')} ${new Date(key.createdAt).toISOString()}\n`)
    .join('')

const ID_ALPHABET = 'ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789'

/** A keyring with a new key in front, undefined when it is full; tags made with the older keys go on being valid. */
export function rotateKeyring(keys: TagKeyring, now: number): TagKeyring | undefined {
  if (keys.length >= MAX_KEYS) return undefined
  let id: string
  do {
    id = [...randomBytes(2)].map((octet) => ID_ALPHABET[octet % ID_ALPHABET.length]).join('')
  } while (keys.some((key) => key.id === id))
  return [{ id, secret: randomBytes(SECRET_OCTETS), createdAt: now }, ...keys]
}
