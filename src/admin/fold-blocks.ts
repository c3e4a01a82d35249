import { decisionsIn } from '../journal/journal'
import type { Block } from '../lookup/blocks-source'

/** The newest line of a case, and how often it happened from when to when. Times are epoch milliseconds. */
export interface FoldedBlock {
  readonly newest: Block
  readonly count: number
  readonly first: number
  readonly last: number
}

/** One for each person on a device for a reason, where the newest of it stands. */
export function foldBlocks(blocks: readonly Block[]): FoldedBlock[] {
  const cases = new Map<string, FoldedBlock>()
  for (const block of blocks) {
    const { user, device, reason, rule, outcome, enforced, time } = block
    const key = JSON.stringify([user, device, reason, rule, outcome, enforced])
    const former = cases.get(key)
    cases.set(key, {
      newest: former?.newest ?? block,
      count: (former?.count ?? 0) + decisionsIn(block),
      first: Math.min(former?.first ?? Infinity, time),
      last: Math.max(former?.last ?? -Infinity, time),
    })
  }
  return [...cases.values()]
}
