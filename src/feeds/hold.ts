import type { Authorship, ReadStore } from '../devices/store'
import type { FeedsDatabase } from './feeds-database'
import type { Turned } from './breaker'

/** The last word about holding a feed, in the site's store: on whichever host it runs. */
export interface HoldOrder extends Authorship {
  readonly word: 'hold' | 'release' | 'drop'
}

export const HOLD_NOTE = 'feed-hold/'

export const holdOrder = (store: ReadStore, source: string): HoldOrder | undefined =>
  store.note(HOLD_NOTE + source) as HoldOrder | undefined

/** Why the gate itself holds a feed. */
export type HoldCause =
  /** It would turn so many devices. */
  | { readonly cause: 'turned'; readonly devices: number; readonly bound: number; readonly count: number }
  /** A complete sweep brought so few that most would be gone. */
  | { readonly cause: 'shrunk'; readonly devices: number; readonly before: number }

/** What a host keeps of a feed's breaker. */
export interface BreakerState {
  readonly turned: Turned
  readonly tripped: (HoldCause & { readonly since: number }) | null
  /** When the order was given that was seen to last; 0: none. */
  readonly settled: number
}

export const NO_BREAKER: BreakerState = { turned: [], tripped: null, settled: 0 }

const KEY = 'breaker'

/** Kept when somebody has released a feed whose sweep brought few: the next complete one counts. */
export const SHRINKING_IS_MEANT = 'shrinkingIsMeant'

export function breakerState(database: FeedsDatabase, source: string): BreakerState {
  const text = database.state(source, KEY)
  return text === undefined ? NO_BREAKER : (JSON.parse(text) as BreakerState)
}

/** Inside a write transaction. */
export const putBreakerState = (database: FeedsDatabase, source: string, state: BreakerState): void =>
  database.put(source, { [KEY]: JSON.stringify(state) })

/** Whether what turns devices is set aside now. */
export function isHeld(state: BreakerState, order: HoldOrder | undefined): boolean {
  if (order?.word === 'hold') return true
  return state.tripped !== null && !isSettling(state, order)
}

/** Whether an order to release or drop is not seen to yet. */
export const isSettling = (state: BreakerState, order: HoldOrder | undefined): order is HoldOrder =>
  order !== undefined &&
  order.word !== 'hold' &&
  order.at > state.settled &&
  order.at >= (state.tripped?.since ?? 0)

export function causeText(cause: HoldCause): string {
  switch (cause.cause) {
    case 'turned':
      return `it would turn ${cause.count} of ${cause.devices} devices, its breaker allows ${cause.bound}`
    case 'shrunk':
      return `its last complete sweep brought ${cause.devices} devices, the one before ${cause.before}`
  }
}
