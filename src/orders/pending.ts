import type { ReadStore } from '../devices/store'
import type { GuardFigure } from '../policy/guard'

/** An edit of the policy file that is not in force until somebody confirms it. */
export interface Pending extends GuardFigure {
  readonly text: string
  /** Epoch milliseconds. */
  readonly since: number
  /** It would newly block too many, or an order was recalled and the file must not undo that. */
  readonly cause: 'guard' | 'recall'
}

export const PENDING = 'pending'

export const pendingEdit = (store: ReadStore): Pending | undefined =>
  store.note(PENDING) as Pending | undefined

/** What it is, and the command that puts it in force. */
export const pendingText = ({ newlyBlocked, devices, bound, cause }: Pending): string =>
  `${
    cause === 'guard'
      ? `it would newly block ${newlyBlocked} of ${devices} devices, the bound is ${bound}`
      : `a recall stands; it would newly block ${newlyBlocked} of ${devices} devices`
  }: device-gate policy confirm ${newlyBlocked} --reason "..."`
