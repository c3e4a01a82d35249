/** What a typo was probably meant to be: the nearest of `known` within two edits. */
export function closest(word: string, known: readonly string[]): string | undefined {
  const best = known.map((key) => ({ key, edits: distance(word, key) })).sort((a, b) => a.edits - b.edits)[0]
  return best && best.edits <= 2 ? best.key : undefined
}

const MAX_WORD = 64

/** Levenshtein distance; a word too long to be a typo is far from everything. */
function distance(a: string, b: string): number {
  if (a.length > MAX_WORD) return Infinity
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i]
    for (let j = 1; j <= b.length; j += 1) {
      const substitution = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, substitution))
    }
    row = next
  }
  return row[b.length] ?? 0
}
