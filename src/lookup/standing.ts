import type { HostConfig } from '../config/host-config'
import { CorruptRecordError, type ReadStore } from '../devices/store'
import { judge } from '../gate/judge'
import { faultDecision } from '../policy/decide'
import { effectOf, type Claim, type Decision } from '../policy/decision'
import { effectiveMode, siteMode } from '../policy/effective-mode'

/** What a user gets now, with or without a proven device. */
export type Standing = (user: string, claim: Claim | null) => Decision

/**
 * Decides as a worker of this host would, under the policy of the moment `now`; undefined where none is in force.
 * `tell` is told of each record that cannot be read.
 */
export function standing(
  store: ReadStore,
  { enforcement, identity, failMode }: Pick<HostConfig, 'enforcement' | 'identity' | 'failMode'>,
  now: number,
  tell: (problem: string) => void,
): Standing | undefined {
  const active = store.activePolicy()
  if (!active) return undefined
  const host = { enforcement, unidentified: identity.unidentified }
  const mode = effectiveMode(siteMode(active), enforcement)
  return (user, claim) => {
    const subject = { user, claim, platformHint: null, exemptNetwork: false }
    try {
      return judge(store, subject, active, host, now).decision
    } catch (error) {
      if (!(error instanceof CorruptRecordError)) throw error
      tell(error.message)
      return faultDecision(failMode, mode, subject, active.version)
    }
  }
}

/** How a person is served, in a word. */
export const standingWord = (decision: Pick<Decision, 'outcome' | 'enforced' | 'reason'>): string => {
  const effect = effectOf(decision)
  return effect === 'allow' ? 'served' : `${effect === 'warn' ? 'warned' : 'refused'}: ${decision.reason}`
}
