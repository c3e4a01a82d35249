import type { Platform } from './vocabulary'

/**
 * A person's own word that a device of theirs does not carry what a mandate is about, and the link that they were asked
 * for it by: one link takes one statement. Times are epoch milliseconds.
 */
export interface Attestation {
  /** Names the link; its signature is not kept. */
  readonly link: string
  readonly user: string
  readonly deviceId: string
  /** Of the device; it counts where nobody reported that. */
  readonly platform: Platform
  /** The mandate that the link is about, and what that looked for then. */
  readonly mandate: string
  readonly findings: readonly string[]
  /** Who gave the link out, and why. */
  readonly author: string
  readonly reason: string
  readonly createdAt: number
  readonly linkExpiresAt: number
  /** null: nothing was stated yet. */
  readonly stated: Statement | null
}

export interface Statement {
  readonly at: number
  /** From then on it counts no more, by its time or since it was removed. */
  readonly expiresAt: number
  /** The address that it came from. */
  readonly remote: string
}

/** Until when a statement counts; -Infinity: none was made. */
export const countsUntil = ({ stated }: Attestation): number => stated?.expiresAt ?? -Infinity
