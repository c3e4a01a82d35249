import { countsUntil, type Attestation } from './attestation'
import type { DeviceRecord } from './device'
import { statedUntil, type KnownDevice } from './known-device'
import type { Mandate, Policy } from './policy'
import { deadlineOf, sightOf, type Sight } from './reach'
import { mandateText, reasonText, unseenText, type StandardReason } from './text'
import type { Action, ComplianceState, Reason } from './vocabulary'

/** What the steps say of one device, before mode and identity are put to it. */
export interface Verdict {
  readonly action: Action
  /** Only noted as what would have happened: a silent mandate decides where nothing else has a say. */
  readonly silent: boolean
  readonly reason: Reason
  readonly rule: string | null
  readonly text: string
  /** The next moment at which time alone changes it; Infinity when none does. */
  readonly validUntil: number
}

const SEVERITY: Readonly<Record<Action, number>> = { allow: 0, warn: 1, block: 2 }

export type Weighed = Pick<Verdict, 'action' | 'silent'>

/** What is done to the person comes before what is only noted. */
export const isWorse = (one: Weighed, than: Weighed): boolean => weight(one) > weight(than)

const weight = ({ action, silent }: Weighed): number =>
  silent || action === 'allow' ? SEVERITY[action] : SEVERITY[action] + SEVERITY.block

/** Step 6: a device nobody reported, or an owner without devices. */
export const unknownVerdict = ({ unknown, contact }: Policy): Verdict => ({
  action: unknown,
  silent: false,
  reason: 'unknown_device',
  rule: null,
  text: unknown === 'allow' ? '' : reasonText('unknown_device', contact),
  validUntil: Infinity,
})

/** What one step has against a device. */
export type Objection =
  | { readonly action: Action; readonly silent: false; readonly reason: StandardReason }
  | {
      readonly action: 'warn' | 'block'
      readonly silent: boolean
      readonly reason: 'mandate_warning' | 'mandate_deadline' | 'mandate_unseen'
      readonly mandate: Mandate
      /** When the device comes to be blocked; null when no such moment lies ahead. */
      readonly by: number | null
    }
  | {
      readonly action: 'allow'
      readonly silent: false
      readonly reason: 'attested'
      readonly mandate: Mandate
    }

/** A mandate about a device, and from when on its deadline applies to this one. */
export interface Duty {
  readonly mandate: Mandate
  readonly deadline: number
  readonly sight: Sight
  /** The worst that comes of it. */
  readonly most: Action
  /** Until when the person's own word counts for what cannot be seen; null: there is none. */
  readonly attestedUntil: number | null
}

/**
 * Steps 7 to 10. The worst action wins and ties go to the earlier step, so that stale evidence never
 * loosens a block and a mandate's warning never hides what the baseline blocks.
 */
export function deviceVerdict(
  device: KnownDevice,
  policy: Policy,
  leaseValid: boolean,
  now: number,
): Verdict {
  const { record, isReported } = device
  // A statement has its own end, and counts like an exemption where the store is silent.
  const staleAt = isReported ? staleFrom(record, policy) : statedUntil(device)
  const duties = dutiesOf(device, policy)
  const objections: Objection[] = []
  if (isReported && (!leaseValid || now >= staleAt)) objections.push(staleObjection(policy))
  objections.push(...mandateObjections(duties, now))
  const baseline = baselineObjection(record.state, policy)
  if (baseline) objections.push(baseline)

  const validUntil = Math.min(nextMandateMoment(duties, now), now < staleAt ? staleAt : Infinity)
  const [first, ...others] = objections
  if (!first) {
    const reason = isReported ? 'compliant' : 'attested'
    return { action: 'allow', silent: false, reason, rule: null, text: '', validUntil }
  }
  const worst = others.reduce((worst, next) => (isWorse(next, worst) ? next : worst), first)
  const { action, silent, reason } = worst
  return { action, silent, reason, rule: ruleOf(worst), text: textOf(worst, policy.contact), validUntil }
}

export const ruleOf = (objection: Objection): string | null =>
  'mandate' in objection ? objection.mandate.id : null

export const staleFrom = (device: DeviceRecord, { stale }: Policy): number =>
  device.evidenceAt + stale.afterMs

export const staleObjection = ({ stale }: Policy): Objection => ({
  action: stale.action,
  silent: false,
  reason: 'stale',
})

export const dutiesOf = (
  { record, statements }: Pick<KnownDevice, 'record' | 'statements'>,
  { mandates, groups, unknown }: Policy,
): Duty[] =>
  mandates.flatMap((mandate) => {
    const sight = sightOf(mandate, record, groups)
    if (!sight) return []
    const deadline = deadlineOf(mandate, record, groups)
    const most = mandate.mode === 'warn' ? 'warn' : 'block'
    if (sight === 'seen') return { mandate, deadline, sight, most, attestedUntil: null }
    const attestedUntil = attestedFor(mandate, statements)
    return { mandate, deadline, sight, most: milder(unknown, most), attestedUntil }
  })

/** A statement is about what its mandate looked for: another mandate that looks for the same has it too. */
function attestedFor({ finding }: Mandate, statements: readonly Attestation[]): number | null {
  const about = statements.filter(({ findings }) => findings.includes(finding))
  return about.length === 0 ? null : Math.max(...about.map(countsUntil))
}

const milder = (one: Action, other: Action): Action => (SEVERITY[one] < SEVERITY[other] ? one : other)

/** Of several mandates that say the same, the one with the earliest deadline speaks: it is the next to act on. */
export const mandateObjections = (duties: readonly Duty[], now: number): Objection[] =>
  duties
    .filter(({ mandate: { warnFrom, until } }) => now >= warnFrom && (until === undefined || now < until))
    // NaN where no stage reaches the device in either.
    .toSorted((a, b) => a.deadline - b.deadline || 0)
    .flatMap(({ mandate, deadline, sight, most, attestedUntil }): Objection | [] => {
      const silent = mandate.mode === 'silent'
      const blocks = most === 'block' && now >= deadline
      const by = blocks ? null : ahead(deadline, now)
      const action = blocks ? 'block' : 'warn'
      if (most === 'allow') return []
      if (attestedUntil !== null)
        return silent ? [] : { action: 'allow', silent, reason: 'attested', mandate }
      if (sight === 'unseen') return { action, silent, reason: 'mandate_unseen', mandate, by }
      return { action, silent, reason: blocks ? 'mandate_deadline' : 'mandate_warning', mandate, by }
    })

const ahead = (moment: number, now: number): number | null =>
  moment > now && moment !== Infinity ? moment : null

const nextMandateMoment = (duties: readonly Duty[], now: number): number =>
  duties
    .flatMap(({ mandate: { warnFrom, until = Infinity }, deadline, most, attestedUntil }) =>
      most === 'allow' ? [] : [warnFrom, deadline, until, attestedUntil ?? Infinity],
    )
    .reduce((next, moment) => (moment > now && moment < next ? moment : next), Infinity)

export function baselineObjection(state: ComplianceState, policy: Policy): Objection | undefined {
  switch (state) {
    case 'noncompliant':
      return { action: policy.noncompliant, silent: false, reason: 'noncompliant' }
    case 'grace':
      return { action: policy.grace, silent: false, reason: 'grace' }
    case 'unknown':
      return { action: policy.unknown, silent: false, reason: 'unknown_state' }
    case 'compliant':
      return undefined
  }
}

function textOf(objection: Objection, contact: string): string {
  if (objection.action === 'allow') return ''
  if (!('mandate' in objection)) return reasonText(objection.reason, contact)
  const { mandate, by, reason } = objection
  return reason === 'mandate_unseen'
    ? unseenText(mandate.message, by, contact)
    : mandateText(mandate.message, by, contact)
}
