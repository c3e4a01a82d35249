import { createHash, X509Certificate } from 'node:crypto'
import type { PeerCertificate } from 'node:tls'

/** How a certificate is told from all others: who issued it, and its number there (RFC 5280 4.1.2.2). */
export interface CertificateNumber {
  /** A distinguished name as text (RFC 4514), for people. */
  readonly issuer: string
  /** Hexadecimal, in capitals, without leading zeros. */
  readonly serial: string
  /** Short, and the same for each way to write its issuer. */
  readonly key: string
}

const MAX_ISSUER = 1024
const MAX_SERIAL_DIGITS = 64

/** From texts, as people and tools write them; undefined: they are none. */
export function certificateNumber(issuer: string, serial: string): CertificateNumber | undefined {
  const parts = issuer.length <= MAX_ISSUER ? nameParts(issuer) : undefined
  const digits = serialDigits(serial)
  return parts && digits !== undefined
    ? { issuer: issuer.trim(), serial: digits, key: keyOf(parts, digits) }
    : undefined
}

/** Of a certificate in DER or PEM; throws for what is none. */
export function numberOf(certificate: Buffer): CertificateNumber | undefined {
  const { issuer, serialNumber } = new X509Certificate(certificate)
  // Node has a line for each part, the most general first.
  return certificateNumber(issuer.split('\n').reverse().join(','), serialNumber)
}

/** The key of one that the TLS layer has verified. Node takes its issuer apart: without order, which does not count. */
export function keyOfPeer({
  issuer,
  serialNumber,
}: Pick<PeerCertificate, 'issuer' | 'serialNumber'>): string | undefined {
  // Null where there is none at all, whatever the type says.
  const attributes = (issuer as object | null) ?? {}
  const parts = Object.entries(attributes as Readonly<Record<string, string | string[]>>).flatMap(
    ([type, values]) => [values].flat().map((value) => partOf(type, value)),
  )
  const digits = serialDigits(serialNumber)
  const octets = parts.reduce((sum, part) => sum + part.length, 0)
  return parts.length > 0 && octets <= 2 * MAX_ISSUER && digits !== undefined
    ? keyOf(parts, digits)
    : undefined
}

function serialDigits(text: string): string | undefined {
  const digits = text
    .replace(/[\s:]/g, '')
    .replace(/^0x/i, '')
    .replace(/^0+(?=.)/, '')
  return /^[0-9A-Fa-f]+$/.test(digits) && digits.length <= MAX_SERIAL_DIGITS
    ? digits.toUpperCase()
    : undefined
}

const keyOf = (parts: readonly string[], digits: string): string =>
  `${createHash('sha256')
    .update(JSON.stringify([...parts].sort()))
    .digest('hex')}/${digits}`

/** One attribute: its type, then its value in quotes or bare, up to what ends it. */
const PART =
  /\s*((?:OID\.)?[A-Za-z0-9][A-Za-z0-9.-]*)\s*=\s*(?:"((?:[^"\\]|\\.)*)"\s*|((?:[^\\,;+"\n]|\\.)*))(?:[,;+\n]|$)/gsy

const TYPES: Readonly<Record<string, string>> = {
  '2.5.4.3': 'cn',
  '2.5.4.5': 'serialnumber',
  '2.5.4.6': 'c',
  '2.5.4.7': 'l',
  '2.5.4.8': 'st',
  s: 'st',
  '2.5.4.10': 'o',
  '2.5.4.11': 'ou',
  '0.9.2342.19200300.100.1.25': 'dc',
  '1.2.840.113549.1.9.1': 'e',
  email: 'e',
  emailaddress: 'e',
}

/** The attributes of a name; undefined: it is none. */
function nameParts(text: string): string[] | undefined {
  const parts: string[] = []
  let end = 0
  for (const match of text.matchAll(PART)) {
    const [whole, type = '', quoted, bare = ''] = match
    end += whole.length
    parts.push(partOf(type, unescaped(quoted ?? bare)))
  }
  return end === text.length && parts.length > 0 ? parts : undefined
}

/**
 * An attribute as it is compared: without case, with each run of blanks as one (RFC 5280 7.1). Nor does the order of
 * a name's attributes count, which tools write forward and backward.
 */
function partOf(type: string, value: string): string {
  const name = type.toLowerCase().replace(/^oid\./, '')
  const folded = value.normalize('NFC').toLowerCase().replace(/\s+/g, ' ').trim()
  return JSON.stringify([TYPES[name] ?? name, folded])
}

/** RFC 4514 2.4: octets of UTF-8 in hexadecimal, or one character as it is. */
const unescaped = (text: string): string =>
  text.replace(/((?:\\[0-9A-Fa-f]{2})+)|\\(.)/gs, (_all, octets: string | undefined, char: string) =>
    octets === undefined ? char : Buffer.from(octets.replaceAll('\\', ''), 'hex').toString('utf8'),
  )
