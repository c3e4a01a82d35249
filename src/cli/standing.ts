import { judge } from '../gate/judge'
import { CorruptRecordError } from '../devices/store'
import { faultDecision } from '../policy/decide'
import type { Claim, Decision } from '../policy/decision'
import { effectiveMode, siteMode } from '../policy/effective-mode'
import { note, type CommandContext } from './context'
import { NO_POLICY } from './mode-command'
import { Refusal } from './output'

/** What a user gets now, with or without a proven device. */
export type Standing = (user: string, claim: Claim | null) => Decision

/** Decides as a worker of this host would, under the policy of this moment. */
export function standing(context: CommandContext): Standing {
  const store = context.store()
  const active = store.activePolicy()
  if (!active) throw new Refusal(NO_POLICY)
  const { enforcement, identity, failMode } = context.config()
  const host = { enforcement, unidentified: identity.unidentified }
  const mode = effectiveMode(siteMode(active), enforcement)
  const now = context.now()
  return (user, claim) => {
    const subject = { user, claim, platformHint: null, exemptNetwork: false }
    try {
      return judge(store, subject, active, host, now).decision
    } catch (error) {
      if (!(error instanceof CorruptRecordError)) throw error
      note(context, error.message)
      return faultDecision(failMode, mode, subject, active.version)
    }
  }
}
