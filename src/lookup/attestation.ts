import type { Attestation } from '../policy/attestation'
import { isoTime } from './site'

/** `asked`: the link waits for its person; `unused`: it waited in vain. */
export type AttestationState = 'asked' | 'unused' | 'counts' | 'ended'

export function attestationState({ stated, linkExpiresAt }: Attestation, now: number): AttestationState {
  if (stated) return stated.expiresAt > now ? 'counts' : 'ended'
  return linkExpiresAt > now ? 'asked' : 'unused'
}

/** The published form. What signs the link is not in it. */
export const attestationJson = (attestation: Attestation, now: number): object => {
  const { user, deviceId, platform, mandate, findings, author, reason, stated } = attestation
  return {
    user,
    device: deviceId,
    platform,
    mandate,
    findings,
    state: attestationState(attestation, now),
    author,
    reason,
    created_at: isoTime(attestation.createdAt),
    link_expires_at: isoTime(attestation.linkExpiresAt),
    stated_at: stated && isoTime(stated.at),
    expires_at: stated && isoTime(stated.expiresAt),
    remote: stated && stated.remote,
  }
}
