import { createHash, timingSafeEqual } from 'node:crypto'

/** Whether an Authorization header carries the token that was agreed on as a bearer. */
export const isBearer = (header: string | undefined, token: string): boolean =>
  isSame(/^bearer +(.+)$/i.exec(header ?? '')?.[1] ?? '', token)

/** Whether it carries the secret as a password, of whatever user. */
export function isBasic(header: string | undefined, secret: string): boolean {
  const given = /^basic +([A-Za-z0-9+/=]+)$/i.exec(header ?? '')?.[1] ?? ''
  const [, password = ''] = /^[^:]*:(.*)$/s.exec(Buffer.from(given, 'base64').toString()) ?? []
  return isSame(password, secret)
}

/** By hashes, so that the time it takes tells nothing. */
function isSame(given: string, expected: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(given), digest(expected))
}
