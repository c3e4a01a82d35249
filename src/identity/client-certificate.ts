import type { PeerCertificate } from 'node:tls'

import type { Claim } from '../policy/decision'
import type { CertificateReader } from './claim'
import { deviceIdOf } from './device-id'
import { keyOfPeer } from './registered-certificate'

/** What `identity.certificate_device` may say. */
export type CertificateRule = 'named' | 'registered'

const URN = /^urn:device:(.+)$/i

/**
 * The device that a verified client certificate names: by its SAN `URI:urn:device:<id>`, without one by its SAN
 * dNSName, without that by the subject's CN. Where the kind that decides is there twice, the certificate is
 * ambiguous and names no device. Only for certificates that the TLS layer has verified against
 * `identity.client_ca`.
 */
export function certificateClaim(
  certificate: Pick<PeerCertificate, 'subject' | 'subjectaltname'>,
): Claim | null {
  const names = altNames(certificate.subjectaltname ?? '')
  const ofType = (wanted: string): string[] =>
    names.flatMap(([type, value]) => (type === wanted ? [value] : []))
  const urns = ofType('URI').flatMap((uri) => URN.exec(uri)?.[1] ?? [])
  const [kind = []] = [urns, ofType('DNS'), commonNames(certificate.subject)].filter(
    ({ length }) => length > 0,
  )
  const deviceId = kind.length > 1 ? null : deviceIdOf(kind[0])
  return deviceId === null ? null : { deviceId, proof: 'certificate' }
}

/**
 * Reads certificates by the names in them (`named`), then by what the site registered under their issuer and serial
 * number; of rule `registered` by that alone. `find` gives what stands in the store under a key, and may throw.
 */
export const createCertificateReader = (
  rule: CertificateRule,
  find: (key: string) => unknown,
  onFault: (error: unknown) => void,
): CertificateReader => ({
  read: (certificate) => {
    const named = rule === 'named' ? certificateClaim(certificate) : null
    const key = named ? undefined : keyOfPeer(certificate)
    if (key === undefined) return { status: 'read', claim: named }
    try {
      return { status: 'read', claim: registeredClaim(find(key)) }
    } catch (error) {
      onFault(error)
      return { status: 'unchecked' }
    }
  },
})

/** Throws for what is no registration. */
function registeredClaim(found: unknown): Claim | null {
  if (found === undefined) return null
  const deviceId = deviceIdOf((found as { device?: unknown }).device)
  if (deviceId === null) throw new Error('a registered certificate cannot be read: register it again')
  return { deviceId, proof: 'certificate' }
}

/** Node gives a list where a subject has several, and a subject that is null where there is none at all. */
const commonNames = (subject: PeerCertificate['subject'] | null): string[] =>
  [subject?.CN].flat().filter((name) => name !== undefined)

/**
 * Splits Node's `subjectaltname` text. Values with separators or quotes in them are JSON strings there
 * (since the fix of CVE-2021-44532), so a name cannot smuggle in another entry.
 */
function altNames(text: string): (readonly [type: string, value: string])[] {
  const names: (readonly [string, string])[] = []
  for (const match of text.matchAll(/(?:^|, )([A-Za-z ]+):("(?:[^"\\]|\\.)*"|[^,"]*)/g)) {
    const [, type = '', value = ''] = match
    names.push([type, value.startsWith('"') ? unquoted(value) : value])
  }
  return names
}

function unquoted(text: string): string {
  try {
    return String(JSON.parse(text))
  } catch {
    return ''
  }
}

/** The one mail address a verified certificate names in its SAN: who may log in with it alone (SASL EXTERNAL). */
export function certificateUser(certificate: Pick<PeerCertificate, 'subjectaltname'>): string | undefined {
  const addresses = altNames(certificate.subjectaltname ?? '').filter(([type]) => type === 'email')
  return addresses.length === 1 ? addresses[0]?.[1] : undefined
}
