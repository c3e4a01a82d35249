import { filterOf, type JournalFilter } from '../journal/journal'
import {
  OUTCOMES,
  PLATFORMS,
  PROTOCOLS,
  REASONS,
  type Outcome,
  type Platform,
  type Protocol,
  type Reason,
} from '../policy/vocabulary'
import { momentAsked, momentParam, nameParam, userAsked } from './query'
import { flag, type Schema } from './schemas'

/** What of the block log is asked for. */
export interface BlockQuery {
  readonly user?: string
  readonly device?: string
  readonly platform?: Platform
  readonly reason?: Reason
  readonly mandate?: string
  readonly outcome?: Outcome
  readonly enforced?: boolean
  readonly protocol?: Protocol
  readonly decision?: string
  readonly since?: string
  readonly until?: string
}

export const blockParams: Readonly<Record<string, Schema>> = {
  user: nameParam('A user name.'),
  device: nameParam('A device id.'),
  platform: { enum: PLATFORMS },
  reason: { enum: REASONS },
  mandate: nameParam('The id of a mandate, or the rule that decided.'),
  outcome: { enum: OUTCOMES },
  enforced: flag('false: only what was noted and not enforced.'),
  protocol: { enum: PROTOCOLS },
  decision: nameParam('The id that the person was told.'),
  since: momentParam('From this moment on.'),
  until: momentParam('Before this moment.'),
}

export function blockFilter({ user, mandate, since, until, ...asked }: BlockQuery): JournalFilter {
  return filterOf({
    ...asked,
    sinceMs: momentAsked('since', since),
    untilMs: momentAsked('until', until),
    user: user === undefined ? undefined : userAsked('user', user),
    rule: mandate,
  })
}
