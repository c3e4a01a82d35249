import type { DeviceRecord } from './device'
import type { Mandate, Policy } from './policy'
import { mandateText, reasonText, type StandardReason } from './text'
import type { Action, ComplianceState, Reason } from './vocabulary'

/** What the steps say of one device, before mode and identity are put to it. */
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

/** Step 6: a device nobody reported, or an owner without devices. */
export const unknownVerdict = ({ unknown, contact }: Policy): Verdict => ({
  action: unknown,
  reason: 'unknown_device',
  rule: null,
  text: unknown === 'allow' ? '' : reasonText('unknown_device', contact),
  validUntil: Infinity,
})

/** What one step has against a device. */
type Objection =
  | { readonly action: Action; readonly reason: StandardReason }
  | {
      readonly action: 'warn' | 'block'
      readonly reason: 'mandate_warning' | 'mandate_deadline'
      readonly mandate: Mandate
    }

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
  const staleAt = device.evidenceAt + policy.stale.afterMs
  const mandates = policy.mandates.filter(
    ({ platforms, finding }) => platforms.includes(device.platform) && device.findings.includes(finding),
  )
  const objections: Objection[] = []
  if (!leaseValid || now >= staleAt) objections.push({ action: policy.stale.action, reason: 'stale' })
  objections.push(...mandateObjections(mandates, now))
  const baseline = baselineObjection(device.state, policy)
  if (baseline) objections.push(baseline)

  const validUntil = Math.min(nextMandateMoment(mandates, now), now < staleAt ? staleAt : Infinity)
  const [first, ...others] = objections
  if (!first) return { action: 'allow', reason: 'compliant', rule: null, text: '', validUntil }
  const worst = others.reduce((worst, next) => (isWorse(next.action, worst.action) ? next : worst), first)
  const { action, reason } = worst
  const rule = 'mandate' in worst ? worst.mandate.id : null
  return { action, reason, rule, text: textOf(worst, policy.contact), validUntil }
}

/** Of several mandates that say the same, the one with the earliest deadline speaks: it is the next to act on. */
const mandateObjections = (mandates: readonly Mandate[], now: number): Objection[] =>
  mandates
    .filter(({ warnFrom }) => now >= warnFrom)
    .toSorted((a, b) => a.deadline - b.deadline)
    .map((mandate) =>
      now >= mandate.deadline
        ? { action: 'block', reason: 'mandate_deadline', mandate }
        : { action: 'warn', reason: 'mandate_warning', mandate },
    )

const nextMandateMoment = (mandates: readonly Mandate[], now: number): number =>
  mandates
    .flatMap(({ warnFrom, deadline }) => [warnFrom, deadline])
    .reduce((next, moment) => (moment > now && moment < next ? moment : next), Infinity)

function baselineObjection(state: ComplianceState, policy: Policy): Objection | undefined {
  switch (state) {
    case 'noncompliant':
      return { action: policy.noncompliant, reason: 'noncompliant' }
    case 'grace':
      return { action: policy.grace, reason: 'grace' }
    case 'unknown':
      return { action: policy.unknown, reason: 'unknown_state' }
    case 'compliant':
      return undefined
  }
}

function textOf(objection: Objection, contact: string): string {
  if (objection.action === 'allow') return ''
  if (!('mandate' in objection)) return reasonText(objection.reason, contact)
  const { message, deadline } = objection.mandate
  return mandateText(message, objection.action === 'warn' ? deadline : null, contact)
}
