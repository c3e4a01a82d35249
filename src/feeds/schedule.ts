/** The first try after a failure, and each further one twice as late, up to the feed's own interval. */
const FIRST_RETRY_MS = 15_000
const JITTER = 0.1
/** A source that asks to be left alone for longer is asked all the same. */
const MAX_RETRY_AFTER_MS = 86_400_000

export interface Turn {
  readonly everyMs: number
  /** Failures in a row; 0: the last try was good. */
  readonly failures: number
  readonly retryAfterMs?: number | undefined
}

/** When to try again, so that many hosts and feeds do not keep step. `random` is from 0 up to 1. */
export function nextDelayMs({ everyMs, failures, retryAfterMs }: Turn, random: number): number {
  const spread = 1 + JITTER * (2 * random - 1)
  if (failures === 0) return everyMs * spread
  const backOff = Math.min(everyMs, FIRST_RETRY_MS * 2 ** Math.min(failures - 1, 20))
  const asked = Math.min(retryAfterMs ?? 0, MAX_RETRY_AFTER_MS)
  // Never before the source asked for it.
  return Math.max(backOff * spread, asked * (1 + JITTER * random))
}
