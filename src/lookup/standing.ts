import type { HostConfig } from '../config/host-config'
import { CorruptRecordError, type ReadStore } from '../devices/store'
import { gather, judge } from '../gate/judge'
import { decide, decideUpFront, faultDecision } from '../policy/decide'
import { effectOf, type Claim, type Decision } from '../policy/decision'
import { effectiveMode, siteMode } from '../policy/effective-mode'
import { explain, explainFault, type Step } from '../policy/explain'
import { NoPolicyError, type LookupSite } from './site'

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

export interface Explained {
  readonly decision: Decision
  readonly steps: readonly Step[]
}

/** The same with what each step saw. Throws NoPolicyError. */
export function explaining(
  site: Pick<LookupSite, 'store' | 'config' | 'now' | 'tell'>,
): (user: string, claim: Claim | null) => Explained {
  const store = site.store()
  const active = store.activePolicy()
  if (!active) throw new NoPolicyError()
  const { enforcement, identity, failMode } = site.config()
  const host = { enforcement, unidentified: identity.unidentified }
  const now = site.now()
  return (user, claim) => {
    const subject = { user, claim, platformHint: null, exemptNetwork: false }
    const asked = { subject, active, host }
    try {
      const request = decideUpFront(asked)
        ? { ...asked, devices: [], overrides: [], attestations: [], leaseValid: true }
        : gather(store, subject, active, host, now).request
      return { decision: decide(request, now), steps: explain(request, now) }
    } catch (error) {
      if (!(error instanceof CorruptRecordError)) throw error
      site.tell(error.message)
      const mode = effectiveMode(siteMode(active), enforcement)
      return {
        decision: faultDecision(failMode, mode, subject, active.version),
        steps: explainFault(asked, error.message),
      }
    }
  }
}

/** How a person is served, in a word. */
export const standingWord = (decision: Pick<Decision, 'outcome' | 'enforced' | 'reason'>): string => {
  const effect = effectOf(decision)
  return effect === 'allow' ? 'served' : `${effect === 'warn' ? 'warned' : 'refused'}: ${decision.reason}`
}
