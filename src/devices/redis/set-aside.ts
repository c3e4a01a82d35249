import type { TextDatabase } from '../../lmdb/environment'

/** What of the store cannot be read: how often that was seen since the last snapshot, and where last. */
export interface SetAside {
  readonly count: number
  /** The newest few, as `key/field: problem`. */
  readonly examples: readonly string[]
}

const MAX_EXAMPLES = 10
const NONE: SetAside = { count: 0, examples: [] }

export function readSetAside(meta: TextDatabase): SetAside {
  const text = meta.get('setAside')
  return text === undefined ? NONE : (JSON.parse(text) as SetAside)
}

/** Inside a write transaction. */
export function countSetAside(meta: TextDatabase, problem: string): void {
  const { count, examples } = readSetAside(meta)
  const kept = [problem, ...examples.filter((one) => one !== problem)].slice(0, MAX_EXAMPLES)
  void meta.put('setAside', JSON.stringify({ count: count + 1, examples: kept }))
}
