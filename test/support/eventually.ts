const RETRY_MS = 20
const PATIENCE_MS = 30_000

/** Repeats `attempt` until it does not throw, for what other processes come to in their own time. */
export async function eventually<T>(attempt: () => T | Promise<T>, patienceMs = PATIENCE_MS): Promise<T> {
  const end = performance.now() + patienceMs
  for (;;) {
    try {
      return await attempt()
    } catch (error) {
      // A mistake of the test's own does not go away.
      if (error instanceof TypeError || performance.now() > end) throw error
    }
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
  }
}
