import type { PeerCertificate } from 'node:tls'

import type { Claim } from '../policy/decision'

const MAX_DEVICE_ID = 256
const URN = /^urn:device:(.+)$/i

/**
 * The device that a verified client certificate names: the first SAN `URI:urn:device:<id>`, else the first
 * SAN dNSName, else the subject's CN. Only for certificates that the TLS layer has verified against
 * `identity.client_ca`.
 */
export function certificateClaim(
  certificate: Pick<PeerCertificate, 'subject' | 'subjectaltname'>,
): Claim | null {
  const names = altNames(certificate.subjectaltname ?? '')
  const uri = names.find(([type, value]) => type === 'URI' && URN.test(value))?.[1]
  const dns = names.find(([type]) => type === 'DNS')?.[1]
  // Node gives a list where a subject has several CNs: the subject is then ambiguous and names no device.
  const commonName: unknown = certificate.subject.CN
  const deviceId = uri?.replace(URN, '$1') ?? dns ?? (typeof commonName === 'string' ? commonName : undefined)
  // eslint-disable-next-line no-control-regex -- an id with control characters is no id
  if (!deviceId || deviceId.length > MAX_DEVICE_ID || /[\u0000-\u001f\u007f]/.test(deviceId)) return null
  return { deviceId, proof: 'certificate' }
}

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
