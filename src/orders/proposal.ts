import type { Authorship, ReadStore } from '../devices/store'
import type { GuardFigure } from '../policy/guard'

/** What waits for a second person: a policy, or that a mandate which is held may block. */
export type Proposal = Authorship & GuardFigure & ({ readonly text: string } | { readonly mandate: string })

export const PROPOSAL = 'proposal/'

/** By their ids. */
export const proposals = (store: ReadStore): Map<string, Proposal> =>
  store.notes(PROPOSAL) as Map<string, Proposal>

/** A proposal that is not there, is approved by its own author, or blocks more by now than was proposed. */
export class ApprovalRefusal extends Error {
  override readonly name = 'ApprovalRefusal'
  readonly code = 'ERR_APPROVAL'
}
