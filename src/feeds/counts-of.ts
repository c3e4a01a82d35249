/** A count of each of the words, from 0 on. */
export const countsOf = <K extends string>(words: readonly K[]): Record<K, number> =>
  Object.fromEntries(words.map((word) => [word, 0])) as Record<K, number>
