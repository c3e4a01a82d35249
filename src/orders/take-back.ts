import type { Fleet } from '../devices/redis/fleet'
import { StoreProblem } from '../devices/redis/problem'
import type { Authorship, Store } from '../devices/store'
import { OrderDesk } from './order-desk'
import { planRecall, type RecallPlan } from './recall'

/** A recall that was given. */
export interface TakenBack {
  readonly plan: RecallPlan
  /** Why it is in force on this host alone, until its gate can give it to the store; null: it is in the store. */
  readonly storeProblem: string | null
}

/**
 * Recalls on this host first, which needs no answer of a fleet's store; then everywhere. `to`: the version to go back
 * to; undefined: the one before. Rejects with RecallRefusal.
 */
export async function takeBack(
  {
    store,
    fleet,
    now,
  }: { readonly store: Store; readonly fleet: Fleet | undefined; readonly now: () => number },
  to: number | undefined,
  by: Authorship,
  /** The policy is the file's, which still says what is recalled. */
  pinned: boolean,
): Promise<TakenBack> {
  const plan = planRecall(store, to)
  await fleet?.store.recallHere({ ...by, ...plan })
  try {
    const done = await new OrderDesk(store, now).recall(plan.target.version, by, pinned)
    await fleet?.store.recallHere(null)
    return { plan: done, storeProblem: null }
  } catch (error) {
    if (!(error instanceof StoreProblem)) throw error
    return { plan, storeProblem: error.message }
  }
}
