import type { DeviceRecord } from './device'
import type { Policy } from './policy'
import { mandateText, reasonText } from './text'
import type { Action, Reason } from './vocabulary'

/** What steps 6 to 10 say of one device, before mode and identity are put to it. */
export interface Verdict {
  readonly action: Action
  readonly reason: Reason
  readonly rule: string | null
  readonly text: string
  /** The next moment at which time alone changes it; Infinity when none does. */
  readonly validUntil: number
}

const SEVERITY: Readonly<Record<Action, number>> = { allow: 0, warn: 1, block: 2 }

export const isWorse = (action: Action, than: Action): boolean => SEVERITY[action] > SEVERITY[than]

/** The next of `moment` and `until` that is still to come at `now`. */
export const earliest = (now: number, moment: number, until: number): number =>
  moment > now && moment < until ? moment : until

/** Step 6: a device nobody reported, or an owner without devices. */
export const unknownVerdict = (policy: Policy): Verdict =>
  verdict(policy.unknown, 'unknown_device', null, policy, Infinity)

/**
 * Steps 7 to 10. The worst action wins and ties go to the earlier step, so that stale evidence never
 * loosens a block and a mandate's warning never hides what the baseline blocks.
 */
export function deviceVerdict(
  device: DeviceRecord,
  policy: Policy,
  leaseValid: boolean,
  now: number,
): Verdict {
  let action: Action = 'allow'
  let reason: Reason = 'compliant'
  let text = ''
  let rule: string | null = null
  let validUntil = Infinity

  const staleAt = device.evidenceAt + policy.stale.afterMs
  validUntil = earliest(now, staleAt, validUntil)
  if (now >= staleAt || (!leaseValid && device.state === 'compliant')) {
    action = policy.stale.action
    reason = 'stale'
  }

  for (const mandate of policy.mandates) {
    if (!mandate.platforms.includes(device.platform) || !device.findings.includes(mandate.finding)) continue
    validUntil = earliest(now, mandate.warnFrom, earliest(now, mandate.deadline, validUntil))
    const due: Action = now >= mandate.deadline ? 'block' : now >= mandate.warnFrom ? 'warn' : 'allow'
    if (!isWorse(due, action)) continue
    action = due
    reason = due === 'block' ? 'mandate_deadline' : 'mandate_warning'
    rule = mandate.id
    text = mandateText(mandate.message, due === 'warn' ? mandate.deadline : null, policy)
  }

  const baseline = baselineOf(device, policy)
  if (baseline.reason !== 'compliant' && (isWorse(baseline.action, action) || reason === 'compliant')) {
    action = baseline.action
    reason = baseline.reason
    rule = null
    text = ''
  }
  if (text !== '') return { action, reason, rule, text, validUntil }
  return verdict(action, reason, rule, policy, validUntil)
}

function baselineOf(
  device: DeviceRecord,
  policy: Policy,
): { readonly action: Action; readonly reason: Reason } {
  switch (device.state) {
    case 'noncompliant':
      return { action: policy.noncompliant, reason: 'noncompliant' }
    case 'grace':
      return { action: policy.grace, reason: 'grace' }
    case 'unknown':
      return { action: policy.unknown, reason: 'unknown_state' }
    case 'compliant':
      return { action: 'allow', reason: 'compliant' }
  }
}

function verdict(
  action: Action,
  reason: Reason,
  rule: string | null,
  policy: Policy,
  validUntil: number,
): Verdict {
  return {
    action,
    reason,
    rule,
    text: action === 'allow' ? '' : reasonText(reason, policy.contact),
    validUntil,
  }
}
