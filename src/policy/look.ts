import type { Action, Reason } from './vocabulary'

/** What one step says of a request. */
export interface Effect {
  readonly action: Action
  /** Only noted as what would have happened. */
  readonly silent: boolean
  readonly reason: Reason
  readonly rule: string | null
}

/** What a step looked at, in words for an admin, and what it says; null: nothing. */
export interface Look {
  readonly saw: string
  readonly effect: Effect | null
}
