import type { Block } from '../api/types'

/** Two answers that hold one entry are told by it. */
export const entryKey = ({ time, decision, protocol, host, repeats, remote }: Block): string =>
  [time, decision, protocol, host ?? '', repeats, remote].join(' ')

/** Repeats of one case, as the server folds them: only protocol, address and time may differ. */
export const caseKey = ({ user, device, reason, rule, outcome, enforced }: Block): string =>
  JSON.stringify([user, device, reason, rule, outcome, enforced])

/** How many decisions an entry stands for. */
export const decisionsOf = ({ count, repeats }: Block): number => count ?? Math.max(repeats, 1)

/** A case with one more entry of it. */
export function foldInto(before: Block | undefined, block: Block): Block {
  const first = before?.first ?? before?.time ?? block.time
  const count = (before ? decisionsOf(before) : 0) + decisionsOf(block)
  return { ...block, count, first, last: block.time }
}
