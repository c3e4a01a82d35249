import { policyDifference } from '../policy/difference'
import type { GuardFigure } from '../policy/guard'
import type { Policy } from '../policy/policy'

/** The history keeps words, not whole policies: those are kept by version. */
const MAX_CHARS = 2000

/** What a policy changes of the one before it, in a few sentences for the history. Times are in UTC. */
export function policyChange(before: Policy | undefined, after: Policy, figure: GuardFigure): string {
  const changes = before
    ? policyDifference(before, after, 0).map(({ change }) => change)
    : [`The first policy, mode ${after.mode}.`]
  if (changes.length === 0) changes.push('Nothing but the text.')
  if (figure.newlyBlocked > 0)
    changes.unshift(`Newly blocks ${figure.newlyBlocked} of ${figure.devices} devices.`)
  const words = changes.join(' ')
  return words.length <= MAX_CHARS ? words : `${words.slice(0, MAX_CHARS - 3)}...`
}
