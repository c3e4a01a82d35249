import type { NotedVisit } from '../journal/traffic'
import { effectOf } from '../policy/decision'
import { claimOf, isRecalled, visitorKey, type Recalled } from './affected'
import type { Block } from './blocks-source'

/** A recall, and when it was given. Epoch milliseconds. */
export interface RecallMoment extends Recalled {
  readonly at: number
}

/** Those come back who are decided under a later policy, or (where the store is away) under the earlier one again. */
const isSince = ({ from, to, at }: RecallMoment, policy: number, moment: number): boolean =>
  policy > from || (policy <= to && moment >= at)

/** What a line of the block log means for a recall. */
export function meaningOf(recall: RecallMoment, block: Block): 'hit' | 'served' | 'refused' | undefined {
  const effect = effectOf(block)
  if (isRecalled(recall, block.policy)) return effect === 'block' || effect === 'warn' ? 'hit' : undefined
  if (!isSince(recall, block.policy, block.time)) return undefined
  return effect === 'allow' || effect === 'warn' ? 'served' : 'refused'
}

/** When a visit was first plainly allowed since a recall; undefined: it was not. */
export const servedAgain = (
  recall: RecallMoment,
  { served }: NotedVisit,
): NotedVisit['served'][number] | undefined => served.find(({ policy, at }) => isSince(recall, policy, at))

export const visitorOf = (block: Block): string => visitorKey(block.user, claimOf(block)?.deviceId ?? null)

/** When each visitor was first served since a recall, as far as this host and the block log know. */
export function servedSince(
  recall: RecallMoment,
  blocks: Iterable<Block>,
  visits: Iterable<NotedVisit>,
): Map<string, number> {
  const first = new Map<string, number>()
  const note = (visitor: string, at: number): unknown =>
    first.set(visitor, Math.min(at, first.get(visitor) ?? Infinity))
  for (const block of blocks) if (meaningOf(recall, block) === 'served') note(visitorOf(block), block.time)
  for (const one of visits) {
    const served = servedAgain(recall, one)
    if (served) note(visitorKey(one.visit.user, one.visit.device), served.at)
  }
  return first
}
