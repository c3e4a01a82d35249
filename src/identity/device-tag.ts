import { createHmac, timingSafeEqual } from 'node:crypto'

import { canonicalOctets } from './base64'
import type { TagReader, TagReading } from './claim'
import type { TagKey, TagKeyring } from './tag-keyring'

/**
 * Signed device tags: `anna@example.com#<device>.<mac>`. The mac is the key's id (two characters) and
 * HMAC-SHA256 over user and device, cut to 128 bits, in base64url: 24 characters in all. It binds the device
 * to one user, so a tag cannot be moved to another account.
 */
const MAC_OCTETS = 16
const TAG =
  /^(?<device>(?:[A-Za-z0-9_.:-]|%[0-9A-F]{2}){1,768})\.(?<key>[A-Za-z0-9]{2})(?<mac>[A-Za-z0-9_-]{22})$/
const MAX_USER_NAME = 1024
const MAX_DEVICE_ID = 256

/** The user name that a device logs in with. */
export function issueTag(key: TagKey, separator: string, user: string, deviceId: string): string {
  return `${user}${separator}${escapeDevice(deviceId)}.${key.id}${mac(key, user, deviceId).toString('base64url')}`
}

/** Reads tags under a keyring; an empty keyring makes every tag invalid. */
export const createTagReader = (keys: TagKeyring, separator: string): TagReader => ({
  read: (userName) => readTag(keys, separator, userName),
})

/** Case, and the ways to write one accented letter, do not make another user. */
const macUser = (user: string): string => user.normalize('NFC').toLowerCase()

/** Whether a tag issued to one of these names is a tag of the other. */
export const sameUser = (one: string, other: string): boolean => macUser(one) === macUser(other)

function readTag(keys: TagKeyring, separator: string, userName: string): TagReading {
  const at = userName.lastIndexOf(separator)
  const parts =
    at < 1 || userName.length > MAX_USER_NAME ? null : TAG.exec(userName.slice(at + separator.length))
  // A user name may have the separator in it for its own reasons: only the exact form is a tag.
  if (!parts?.groups) return { status: 'none', user: userName }
  const { device = '', key: keyId = '', mac: given = '' } = parts.groups
  const user = userName.slice(0, at)
  const deviceId = unescapeDevice(device)
  if (deviceId === undefined) return { status: 'invalid', user, problem: 'malformed' }
  const key = keys.find((candidate) => candidate.id === keyId)
  if (!key) return { status: 'invalid', user, problem: 'unknown_key' }
  const givenMac = canonicalOctets(given)
  if (!givenMac || !timingSafeEqual(givenMac, mac(key, user, deviceId)))
    return { status: 'invalid', user, problem: 'bad_mac' }
  return { status: 'valid', user, claim: { deviceId, proof: 'tag' } }
}

/** Lengths in front of the parts, so that no two pairs of user and device give the same input. */
function mac(key: TagKey, user: string, deviceId: string): Buffer {
  const userOctets = Buffer.from(macUser(user))
  const deviceOctets = Buffer.from(deviceId)
  const lengths = Buffer.alloc(8)
  lengths.writeUInt32BE(userOctets.length, 0)
  lengths.writeUInt32BE(deviceOctets.length, 4)
  return createHmac('sha256', key.secret)
    .update('device-gate tag v1\0')
    .update(lengths)
    .update(userOctets)
    .update(deviceOctets)
    .digest()
    .subarray(0, MAC_OCTETS)
}

const escapeDevice = (deviceId: string): string =>
  [...Buffer.from(deviceId)]
    .map((octet) => {
      const char = String.fromCharCode(octet)
      return /[A-Za-z0-9_.:-]/.test(char) ? char : `%${octet.toString(16).toUpperCase().padStart(2, '0')}`
    })
    .join('')

function unescapeDevice(text: string): string | undefined {
  try {
    const deviceId = decodeURIComponent(text)
    return deviceId.length <= MAX_DEVICE_ID && escapeDevice(deviceId) === text ? deviceId : undefined
  } catch {
    return undefined
  }
}
