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

/** A key file that cannot be used; says the line, never the key. */
export class KeyFileError extends Error {
  override readonly name = 'KeyFileError'
  readonly code = 'ERR_KEY_FILE'
}

const LINE = /^([A-Za-z0-9]{2}) ([A-Za-z0-9_-]{43}) (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)$/
const MAX_KEYS = 16
const SECRET_OCTETS = 32

const HEADING = `# Device tag keys: id, key, created. The first one signs, all of them verify.
# Keep this file secret (mode 0600). Rotate with: device-gate tag rotate. Remove a line to void its tags.
`

/** Parses a key file; throws {@link KeyFileError} naming the line. */
export function parseKeyring(text: string, file: string): TagKeyring {
  const keys: TagKey[] = []
  text.split('\n').forEach((line, i) => {
    if (line.trim() === '' || line.startsWith('#')) return
    const [, id, secret, created] = LINE.exec(line.trimEnd()) ?? []
    if (id === undefined || secret === undefined || created === undefined) {
      throw new KeyFileError(
        `${file}:${i + 1}: not a line of the form "id key created"; restore the file from its backup`,
      )
    }
    if (keys.some((key) => key.id === id))
      throw new KeyFileError(`${file}:${i + 1}: the key id is there twice; remove one`)
    keys.push({ id, secret: Buffer.from(secret, 'base64url'), createdAt: Date.parse(created) })
  })
  if (keys.length > MAX_KEYS)
    throw new KeyFileError(`${file}: has more than ${MAX_KEYS} keys; remove the oldest`)
  return keys
}

export const formatKeyring = (keys: TagKeyring): string =>
  HEADING +
  keys
    .map((key) => `${key.id} ${key.secret.toString('base64url')} ${new Date(key.createdAt).toISOString()}\n`)
    .join('')

const ID_ALPHABET = 'ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789'

/** A keyring with a new key in front; tags made with the older keys go on being valid. */
export function rotateKeyring(keys: TagKeyring, now: number): TagKeyring {
  if (keys.length >= MAX_KEYS)
    throw new KeyFileError(`there are ${MAX_KEYS} keys already; remove the oldest line first`)
  let id: string
  do {
    id = [...randomBytes(2)].map((octet) => ID_ALPHABET[octet % ID_ALPHABET.length]).join('')
  } while (keys.some((key) => key.id === id))
  return [{ id, secret: randomBytes(SECRET_OCTETS), createdAt: now }, ...keys]
}
