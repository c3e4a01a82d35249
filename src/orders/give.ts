import type { HistoryEntry } from '../devices/history'
import { OvertakenError, type Order } from '../devices/order'
import type { Store } from '../devices/store'
import type { GuardFigure } from '../policy/guard'

/** What became of an order. */
export interface Given {
  /** null: there was nothing to change. */
  readonly entry: HistoryEntry | null
  readonly figure: GuardFigure
}

/** The worked out order, and what it would newly block. */
export interface Worked {
  readonly order: Order
  readonly figure: GuardFigure
}

const TRIES = 5

/** Works an order out and has it done, and again when another order came between. */
export async function give(store: Store, work: () => Worked | Promise<Worked>): Promise<Given> {
  for (let tries = 1; ; tries += 1) {
    const basedOn = store.newestOrder()
    const { order, figure } = await work()
    try {
      return { entry: await store.order({ ...order, basedOn }), figure }
    } catch (error) {
      if (!(error instanceof OvertakenError) || tries === TRIES) throw error
    }
  }
}
