const WINDOW_MS = 60_000
/** A phone with five sessions may try each of them twice. */
const FREE_REFUSALS = 10
const MAX_SUBJECTS = 10_000

/**
 * Who was refused how often lately: a device that goes on trying at once is made to wait for its answer. Such
 * refusals cost the upstream nothing, but each costs us a TLS handshake.
 */
export class RefusalRate {
  /** Subject key to its window, oldest window first. */
  readonly #windows = new Map<string, { readonly since: number; count: number }>()

  /** Counts a refusal; true when it was one too many. */
  exceeds(subject: string, now: number): boolean {
    const window = this.#windows.get(subject)
    if (window && now - window.since < WINDOW_MS) {
      window.count += 1
      return window.count > FREE_REFUSALS
    }
    this.#windows.delete(subject)
    this.#windows.set(subject, { since: now, count: 1 })
    const oldest = this.#windows.size > MAX_SUBJECTS ? this.#windows.keys().next() : undefined
    if (oldest && !oldest.done) this.#windows.delete(oldest.value)
    return false
  }
}
