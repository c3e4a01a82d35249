import { createHmac, timingSafeEqual } from 'node:crypto'

import type { Attestation } from '../policy/attestation'
import { canonicalOctets } from './base64'
import type { TagKey, TagKeyring } from './tag-keyring'

/**
 * The last part of a link by which a person makes a statement: where its attestation is kept and when it ends, in the
 * clear, then the key's id and an HMAC-SHA256 over all that the link is about. It is signed with the tag keys, under a
 * name of its own: no tag is a link, and no link a tag.
 */
const TOKEN = /^(?<place>[A-Za-z0-9_-]{1,2400})\.(?<key>[A-Za-z0-9]{2})(?<mac>[A-Za-z0-9_-]{43})$/
const MAX_USER = 320

/** What a link says of itself; nothing of it is proven yet. */
export interface AttestLink {
  readonly user: string
  readonly link: string
  readonly expiresAt: number
  readonly keyId: string
  readonly mac: Buffer
}

export function formatAttestLink(key: TagKey, attestation: Attestation): string {
  const { user, link, linkExpiresAt } = attestation
  const place = Buffer.from(JSON.stringify([user, link, linkExpiresAt])).toString('base64url')
  return `${place}.${key.id}${mac(key, attestation).toString('base64url')}`
}

/** undefined: it is no link. */
export function parseAttestLink(token: string): AttestLink | undefined {
  const { place = '', key: keyId = '', mac: given = '' } = TOKEN.exec(token)?.groups ?? {}
  const octets = given === '' ? undefined : canonicalOctets(given)
  if (!octets) return undefined
  const [user, link, expiresAt] = placeIn(place)
  return typeof user === 'string' &&
    user.length <= MAX_USER &&
    typeof link === 'string' &&
    Number.isSafeInteger(expiresAt)
    ? { user, link, expiresAt: expiresAt as number, keyId, mac: octets }
    : undefined
}

function placeIn(text: string): readonly unknown[] {
  try {
    const value: unknown = JSON.parse(Buffer.from(text, 'base64url').toString())
    return Array.isArray(value) && value.length === 3 ? (value as unknown[]) : []
  } catch {
    return []
  }
}

/** Whether a key of the site has signed the link for just this. */
export function isSignedFor(
  keys: TagKeyring,
  { keyId, mac: given }: AttestLink,
  about: Attestation,
): boolean {
  const key = keys.find(({ id }) => id === keyId)
  return key !== undefined && timingSafeEqual(given, mac(key, about))
}

/** JSON holds the parts apart. */
function mac(
  { secret }: TagKey,
  { user, link, linkExpiresAt, deviceId, platform, mandate, findings }: Attestation,
): Buffer {
  const about = [user, link, linkExpiresAt, deviceId, platform, mandate, findings]
  return createHmac('sha256', secret)
    .update('device-gate attest link v1\0')
    .update(JSON.stringify(about))
    .digest()
}
