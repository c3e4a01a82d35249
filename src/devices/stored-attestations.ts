import type { Attestation } from '../policy/attestation'
import { PLATFORMS } from '../policy/vocabulary'
import { CorruptRecordError } from './corrupt-record'

/** A user's attestations as they are stored, beside the overrides and in their form. */
export const attestationsText = (user: string, attestations: readonly Attestation[]): string =>
  JSON.stringify({ kind: ATTESTATION, subject: { kind: 'user', id: user }, attestations })

/** The kind in the store's key: lock and exemption are the others. */
export const ATTESTATION = 'attestation'

/** Throws CorruptRecordError for a text that is anything else than what was written. */
export function readAttestations(user: string, text: string): readonly Attestation[] {
  const place = `attestations/${user}`
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new CorruptRecordError(place, 'not readable as JSON')
  }
  const { attestations } = (value ?? {}) as { readonly attestations?: unknown }
  if (!Array.isArray(attestations) || !attestations.every((one) => isAttestation(one, user)))
    throw new CorruptRecordError(place, 'is damaged')
  return attestations as readonly Attestation[]
}

function isAttestation(value: unknown, user: string): boolean {
  if (typeof value !== 'object' || value === null) return false
  const one = value as Partial<Record<keyof Attestation, unknown>>
  return (
    one.user === user &&
    [one.link, one.deviceId, one.mandate, one.author, one.reason].every(isText) &&
    (PLATFORMS as readonly unknown[]).includes(one.platform) &&
    Array.isArray(one.findings) &&
    one.findings.every(isText) &&
    [one.createdAt, one.linkExpiresAt].every(Number.isFinite) &&
    (one.stated === null || isStatement(one.stated))
  )
}

function isStatement(value: unknown): boolean {
  const { at, expiresAt, remote } = (value ?? {}) as Readonly<Record<string, unknown>>
  return [at, expiresAt].every(Number.isFinite) && isText(remote)
}

const isText = (value: unknown): boolean => typeof value === 'string'
