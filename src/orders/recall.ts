import { CorruptRecordError, type Authorship, type PolicyVersion, type ReadStore } from '../devices/store'
import { unlessDamaged } from '../devices/unless-damaged'

/** The newest recall: which version took the place of which. */
export interface Recall extends Authorship {
  /** The version that was made by it, with the text of `to`. */
  readonly version: number
  readonly to: number
  /** The one that was taken back. */
  readonly from: number
  /** The policy file may not take its place: an edit is held back until somebody confirms it. */
  readonly pinned: boolean
}

export const RECALL = 'recall'

export const newestRecall = (store: ReadStore): Recall | undefined => store.note(RECALL) as Recall | undefined

/** A recall that cannot be: to a version that is not there, or that is in force already. */
export class RecallRefusal extends Error {
  override readonly name = 'RecallRefusal'
  readonly code = 'ERR_RECALL'
}

export interface RecallPlan {
  readonly from: number
  readonly target: PolicyVersion
}

/**
 * What to go back to: version `to`, else the newest one before the policy in force that says something else. After a
 * recall, "before" is before what it went back to: recalls go further back and never forth again.
 */
export function planRecall(store: ReadStore, to: number | undefined): RecallPlan {
  const from = newestVersion(store)
  if (from === 0) throw new RecallRefusal('no policy was ever in force: there is nothing to recall')
  const current = unlessDamaged(() => store.policyVersion(from))?.sourceText
  if (to !== undefined) {
    const target = store.policyVersion(to)
    if (!target) throw new RecallRefusal(`there is no policy version ${to}: see device-gate policy history`)
    if (target.sourceText === current) throw new RecallRefusal(`what version ${to} says is in force already`)
    return { from, target }
  }
  const recall = newestRecall(store)
  for (let version = (recall?.version === from ? recall.to : from) - 1; version > 0; version -= 1) {
    const target = unlessDamaged(() => store.policyVersion(version))
    if (target && target.sourceText !== current) return { from, target }
  }
  throw new RecallRefusal(
    'there is no policy before the one in force: take the order back with device-gate mode off, or mend the policy file',
  )
}

/** 0: none yet. One that cannot be read counts too. */
export function newestVersion(store: ReadStore): number {
  const [newest] = store.policyHistory(1)
  if (newest instanceof CorruptRecordError) return Number(newest.key)
  return newest?.version ?? 0
}
