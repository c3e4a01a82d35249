import type { Authorship, Order } from '../devices/order'
import type { ReadStore } from '../devices/store'

/** Before the names of the notes. */
export const CERTIFICATE_NOTE = 'certificate/'
/** More than any site that one store serves has phones, and what a host reads whole now and then. */
export const MAX_CERTIFICATES = 100_000

/** A certificate that leads to a device, by who issued it and its number there. */
export interface RegisteredCertificate {
  readonly device: string
  readonly issuer: string
  readonly serial: string
  /** Epoch milliseconds. */
  readonly at: number
}

/** `key` tells the certificate from all others, however its issuer is written. */
export interface CertificateChange {
  readonly key: string
  readonly certificate: RegisteredCertificate
  /** It leads to this device no more. */
  readonly removed: boolean
}

/** All that are registered, by their keys; what cannot be read is left out. */
export function registeredCertificates(store: ReadStore): Map<string, RegisteredCertificate> {
  const found = new Map<string, RegisteredCertificate>()
  for (const [key, value] of store.notes(CERTIFICATE_NOTE)) {
    const { device, issuer, serial, at } = value as Partial<RegisteredCertificate>
    if (device !== undefined && issuer !== undefined && serial !== undefined && at !== undefined)
      found.set(key, { device, issuer, serial, at })
  }
  return found
}

/**
 * The devices that came by a certificate (`came`) and to which none leads any more: they go by their next proof, or
 * by none.
 */
export function unprovenBy(
  registered: ReadonlyMap<string, RegisteredCertificate>,
  changes: readonly CertificateChange[],
  came: ReadonlySet<string>,
): Set<string> {
  const after = new Map(registered)
  const lost = new Set<string>()
  for (const { key, certificate, removed } of changes) {
    const device = registered.get(key)?.device
    if (device !== undefined && came.has(device)) lost.add(device)
    if (removed) after.delete(key)
    else after.set(key, certificate)
  }
  for (const { device } of after.values()) lost.delete(device)
  return lost
}

/** The order that makes them, all at once. */
export function certificatesOrder(changes: readonly CertificateChange[], by: Authorship): Order {
  const effects: Order['effects'] = changes.map(({ key, certificate, removed }) => ({
    kind: 'note',
    name: `${CERTIFICATE_NOTE}${key}`,
    value: removed ? null : certificate,
  }))
  return { ...by, kind: 'certificate', change: changeWords(changes), effects }
}

function changeWords(changes: readonly CertificateChange[]): string {
  const [only] = changes
  const deed = only?.removed ? 'removed' : 'registered'
  return only && changes.length === 1
    ? `certificate ${only.certificate.serial} of device ${only.certificate.device} ${deed}`
    : `${changes.length} certificates ${deed}`
}
