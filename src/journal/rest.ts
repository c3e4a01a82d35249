import { setTimeout as sleep } from 'node:timers/promises'

/** Of one processor's time, what work that nobody waits for takes at most is one part in so many. */
const PARTS = 3

/**
 * For work in slices that mail must not wait for: gives what is to be awaited after each of them, which lasts twice as
 * long as the slice took. Where processors are scarce a slice takes longer, and so does the rest.
 */
export function rests(): () => Promise<void> {
  let since = performance.now()
  return async () => {
    await sleep((performance.now() - since) * (PARTS - 1))
    since = performance.now()
  }
}
