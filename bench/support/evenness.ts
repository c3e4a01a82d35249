/** How far the share that is done at each moment lies from the straight line over `spanMs` from the first on, at most. */
export function deviation(atMs: readonly number[], spanMs: number): number {
  const sorted = atMs.toSorted((a, b) => a - b)
  const [first = NaN] = sorted
  return Math.max(
    ...sorted.map((ms, i) => {
      const line = Math.min(1, (ms - first) / spanMs)
      // Each one is a step: it begins below the line as often as it ends above.
      return Math.max(Math.abs(i / sorted.length - line), Math.abs((i + 1) / sorted.length - line))
    }),
  )
}

/** How many fall into each tenth of `spanMs` from the first on, and behind it. */
export function byTenth(atMs: readonly number[], spanMs: number): number[] {
  const counts = Array.from({ length: 11 }, () => 0)
  const first = Math.min(...atMs)
  for (const ms of atMs) {
    const tenth = Math.min(10, Math.floor(((ms - first) / spanMs) * 10))
    counts[tenth] = (counts[tenth] ?? 0) + 1
  }
  return counts
}
