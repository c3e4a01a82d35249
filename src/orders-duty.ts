import type { Fleet } from './devices/redis/fleet'
import { OvertakenError } from './devices/order'
import { StoreProblem } from './devices/redis/problem'
import type { ControlParts } from './host-parts'
import { currentHolds, holdText } from './orders/holds'
import { OrderDesk } from './orders/order-desk'
import { newestVersion, RecallRefusal } from './orders/recall'
import { lookEvery, type RepeatedLook } from './repeated-look'

/** How often it is looked whether there is something to see to. */
const LOOK_MS = 5000
/** How far a deadline is looked at before it comes, and how often. */
const AHEAD_MS = 600_000
/** The command that recalls tells the store itself, and is given the time for it. */
const COMMAND_MS = 15_000

type OrdersParts = Pick<ControlParts, 'store' | 'fleet' | 'logger' | 'onFault'>

/** Sees to orders that were given and are not done yet. */
export function startOrdersDuty(parts: OrdersParts): RepeatedLook {
  const { fleet, onFault } = parts
  const seen = { order: -1, at: -Infinity }
  const look = async (): Promise<void> => {
    if (fleet) await handOverRecall(parts, fleet)
    await foresee(parts, seen)
  }
  return lookEvery(LOOK_MS, look, onFault)
}

/** Looks ahead after each order, and every ten minutes since devices change too. */
async function foresee({ store, logger }: OrdersParts, seen: { order: number; at: number }): Promise<void> {
  const now = Date.now()
  const order = store.newestOrder()
  if (order === seen.order && performance.now() - seen.at < AHEAD_MS) return
  const former = currentHolds(store).held
  try {
    const by = { author: 'device gate', reason: 'looked ahead', at: now }
    const { held } = await new OrderDesk(store, Date.now).foresee(by, AHEAD_MS)
    for (const [id, hold] of Object.entries(held)) {
      const { moment, newlyBlocked, devices, bound } = hold
      if (former[id]?.moment !== moment || seen.order === -1)
        logger.warn({ mandate: id, moment, newlyBlocked, devices, bound }, `held back: ${holdText(id, hold)}`)
    }
    seen.order = store.newestOrder()
    seen.at = performance.now()
  } catch (error) {
    // Looked at again in a moment.
    if (!(error instanceof OvertakenError || error instanceof StoreProblem)) throw error
  }
}

/** What was recalled on this host while the store was away, unless the store has a newer policy by now. */
async function handOverRecall({ logger, store }: OrdersParts, fleet: Fleet): Promise<void> {
  const here = fleet.store.recalledHere()
  if (!here || Date.now() - here.at < COMMAND_MS) return
  try {
    if (newestVersion(store) === here.from) {
      const { author, reason, at } = here
      await new OrderDesk(store, Date.now).recall(here.target.version, { author, reason, at }, false)
      logger.info({ from: here.from, to: here.target.version }, 'the store has the recall of this host now')
    }
    await fleet.store.recallHere(null)
  } catch (error) {
    // It answers not yet, or says already what was gone back to.
    if (error instanceof RecallRefusal) await fleet.store.recallHere(null)
    else if (!(error instanceof StoreProblem)) throw error
  }
}
