import { judge } from '../gate/judge'
import { CorruptRecordError } from '../devices/store'
import { faultDecision } from '../policy/decide'
import type { Claim, Decision } from '../policy/decision'
import { effectiveMode, siteMode } from '../policy/effective-mode'
import { note, type CommandContext } from './context'
import { NO_POLICY } from './mode-command'
import { Refusal } from './output'

/** The decision now for a user, with or without a proven device: as a worker of this host would make it. */
export function decideFor(context: CommandContext, user: string, claim: Claim | null): Decision {
  const active = context.store().activePolicy()
  if (!active) throw new Refusal(NO_POLICY)
  const { enforcement, identity, failMode } = context.config()
  const now = context.now()
  const subject = { user, claim, platformHint: null, exemptNetwork: false }
  const host = { enforcement, unidentified: identity.unidentified }
  try {
    return judge(context.store(), subject, active, host, now).decision
  } catch (error) {
    if (!(error instanceof CorruptRecordError)) throw error
    note(context, error.message)
    return faultDecision(failMode, effectiveMode(siteMode(active), enforcement), subject, active.version)
  }
}
