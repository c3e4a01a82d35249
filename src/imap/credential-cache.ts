import { createHmac, randomBytes } from 'node:crypto'

import type { Credential } from './credential'
import { encodeResponse } from './sasl'

const MAX_ENTRIES = 10_000
const MAX_AGE_MS = 5 * 60_000

/**
 * Remembers that a credential was proven upstream and its owner then refused, so that a blocked phone's
 * retries do not reach the upstream. Holds HMACs under a key made at start, never a credential.
 */
export class CredentialCache {
  readonly #key = randomBytes(32)
  /** Hash to the time it was proven, in that order. */
  readonly #proven = new Map<string, number>()

  add(credential: Credential, now: number): void {
    const hash = this.#hash(credential)
    this.#proven.delete(hash)
    this.#proven.set(hash, now)
    if (this.#proven.size <= MAX_ENTRIES) return
    const oldest = this.#proven.keys().next()
    if (!oldest.done) this.#proven.delete(oldest.value)
  }

  has(credential: Credential, now: number): boolean {
    if (this.#proven.size === 0) return false
    const at = this.#proven.get(this.#hash(credential))
    return at !== undefined && now - at < MAX_AGE_MS
  }

  #hash(credential: Credential): string {
    const response = encodeResponse(credential)
    const hash = createHmac('sha256', this.#key)
      .update(credential.kind)
      .update('\0')
      .update(response)
      .digest('base64')
    response.fill(0)
    return hash
  }
}
