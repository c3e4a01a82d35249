import type { DeviceRecord } from './device'
import type { KnownDevice } from './known-device'
import type { Effect, Look } from './look'
import type { Mandate, Policy } from './policy'
import { findingsOf, sightOf, unseenFinding } from './reach'
import {
  baselineObjection,
  dutiesOf,
  isWorse,
  mandateObjections,
  ruleOf,
  staleFrom,
  staleObjection,
  type Duty,
  type Objection,
} from './verdict'
import { counted, spanWords } from './words'

/** Mandates told of one by one. */
const MAX_TOLD = 5

/** Steps 7 to 9: each says its own, whatever the others say. */
export const looksAtDevice = (
  device: KnownDevice,
  policy: Policy,
  leaseValid: boolean,
  now: number,
): readonly Look[] =>
  device.isReported
    ? [
        evidenceLook(device.record, policy, leaseValid, now),
        mandatesLook(device, policy, now),
        baselineLook(device.record, policy),
      ]
    : [
        { saw: `the person's own word, ${spanWords(now - device.record.evidenceAt)} old`, effect: null },
        mandatesLook(device, policy, now),
        { saw: 'no state was reported', effect: null },
      ]

const effectOf = (objection: Objection): Effect => {
  const { action, silent, reason } = objection
  return { action, silent, reason, rule: ruleOf(objection) }
}

function evidenceLook(device: DeviceRecord, policy: Policy, leaseValid: boolean, now: number): Look {
  const { afterMs, action } = policy.stale
  const age = `evidence ${spanWords(now - device.evidenceAt)} old, ${spanWords(afterMs)} allowed`
  if (now >= staleFrom(device, policy))
    return { saw: `${age}; stale: ${action}`, effect: effectOf(staleObjection(policy)) }
  if (!leaseValid)
    return {
      saw: `${age}, but this host has not heard from the store for too long; stale: ${action}`,
      effect: effectOf(staleObjection(policy)),
    }
  return { saw: age, effect: null }
}

function mandatesLook(known: KnownDevice, policy: Policy, now: number): Look {
  const { mandates, groups } = policy
  const { record: device } = known
  if (mandates.length === 0) return { saw: 'the policy has no mandates', effect: null }
  const duties = dutiesOf(known, policy)
  const others = mandates.filter((mandate) => !sightOf(mandate, device, groups))
  const told = [
    ...duties.map((duty) => `mandate ${duty.mandate.id}: ${dutyWords(duty, device, policy, now)}`),
    ...others.map((mandate) => `mandate ${mandate.id}: ${outOfScopeWords(mandate, device)}`),
  ]
  const more = told.length > MAX_TOLD ? `; and ${counted(told.length - MAX_TOLD, 'more mandate')}` : ''
  const [first, ...rest] = mandateObjections(duties, now)
  const worst = first && rest.reduce((worst, next) => (isWorse(next, worst) ? next : worst), first)
  return { saw: told.slice(0, MAX_TOLD).join('; ') + more, effect: worst ? effectOf(worst) : null }
}

function outOfScopeWords(mandate: Mandate, { platform, findings }: DeviceRecord): string {
  const { platforms, finding } = mandate
  if (!platforms.includes(platform)) return `${platform} not in scope`
  return [...findingsOf(mandate), unseenFinding(mandate)].some((one) => findings.includes(one))
    ? 'in none of its groups'
    : `${platform} in scope, finding ${finding} not present`
}

function dutyWords(
  { mandate, deadline, sight, attestedUntil }: Duty,
  { platform }: DeviceRecord,
  { unknown }: Policy,
  now: number,
): string {
  const { finding, warnFrom, until = Infinity, mode = 'block' } = mandate
  const known = sight === 'seen' ? 'present' : `cannot be seen by its source (policy: unknown ${unknown})`
  const word =
    attestedUntil === null ? '' : `, absent by the person's own word for ${spanWords(attestedUntil - now)}`
  const scope = `${platform} in scope, finding ${finding} ${known}${word}`
  if (now < warnFrom) return `${scope}, says nothing for another ${spanWords(warnFrom - now)}`
  if (now >= until) return `${scope}, ended ${spanWords(now - until)} ago`
  const most = mode === 'block' ? '' : mode === 'warn' ? ', warns at most' : ', silent: only noted'
  return `${scope}, ${deadlineWords(deadline, now)}${most}`
}

function deadlineWords(deadline: number, now: number): string {
  if (deadline === Infinity) return 'no stage of the deadline reaches it'
  return now >= deadline
    ? `deadline passed ${spanWords(now - deadline)} ago`
    : `deadline in ${spanWords(deadline - now)}`
}

function baselineLook({ state }: DeviceRecord, policy: Policy): Look {
  const objection = baselineObjection(state, policy)
  return objection
    ? { saw: `state ${state}, policy: ${objection.action}`, effect: effectOf(objection) }
    : { saw: `state ${state}`, effect: null }
}
