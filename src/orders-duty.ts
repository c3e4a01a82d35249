import type { Fleet } from './devices/redis/fleet'
import { StoreProblem } from './devices/redis/problem'
import type { ControlParts } from './host-parts'
import { OrderDesk } from './orders/order-desk'
import { newestVersion, RecallRefusal } from './orders/recall'

/** How often it is looked whether there is something to see to. */
const LOOK_MS = 5000
/** The command that recalls tells the store itself, and is given the time for it. */
const COMMAND_MS = 15_000

export interface OrdersDuty {
  close(): Promise<void>
}

/** Sees to orders that were given and are not done yet. */
export function startOrdersDuty(parts: ControlParts): OrdersDuty {
  const { fleet, onFault } = parts
  let turn = Promise.resolve()
  let busy = false
  const look = (): void => {
    if (busy) return
    busy = true
    turn = (fleet ? handOverRecall(parts, fleet) : Promise.resolve())
      .catch(onFault)
      .finally(() => (busy = false))
  }
  const timer = setInterval(look, LOOK_MS)
  return {
    close: async () => {
      clearInterval(timer)
      await turn
    },
  }
}

/** What was recalled on this host while the store was away, unless the store has a newer policy by now. */
async function handOverRecall({ logger, store }: ControlParts, fleet: Fleet): Promise<void> {
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
