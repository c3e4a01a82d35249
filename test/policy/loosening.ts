import fc, { type Arbitrary } from 'fast-check'

import type { Attestation } from '../../src/policy/attestation'
import type { DecisionRequest } from '../../src/policy/decision'
import type { DeviceRecord } from '../../src/policy/device'
import type { Mandate, Policy } from '../../src/policy/policy'
import { ACTIONS, MANDATE_MODES, MODES, type Action, type Mode } from '../../src/policy/vocabulary'

/** A change of rules or facts after which nobody may be treated worse than before. */
export type Loosening = (request: DecisionRequest) => DecisionRequest

const HOUR_MS = 3_600_000

const onPolicy = (request: DecisionRequest, change: Partial<Policy>): DecisionRequest => ({
  ...request,
  active: { ...request.active, policy: { ...request.active.policy, ...change } },
})

/** Changes the list's entry at `index` modulo its length; to undefined: takes it out. */
function changedAt<T>(list: readonly T[], index: number, change: (item: T) => T | undefined): T[] {
  const at = index % list.length
  return list.flatMap((item, i) => (i === at ? (change(item) ?? []) : [item]))
}

const softerAction = (action: Action): Action => ACTIONS[Math.max(0, ACTIONS.indexOf(action) - 1)]!
const softerMode = (mode: Mode): Mode => MODES[Math.max(0, MODES.indexOf(mode) - 1)]!

const mandateChange =
  (index: number, change: (mandate: Mandate) => Mandate | undefined): Loosening =>
  (request) =>
    onPolicy(request, { mandates: changedAt(request.active.policy.mandates, index, change) })

const deviceChange =
  (index: number, change: (device: DeviceRecord) => DeviceRecord): Loosening =>
  (request) => ({ ...request, devices: changedAt(request.devices, index, change) })

const softenAction =
  (of: 'unknown' | 'noncompliant' | 'grace' | 'stale'): Loosening =>
  (request) => {
    const { policy } = request.active
    if (of !== 'stale') return onPolicy(request, { [of]: softerAction(policy[of]) })
    return onPolicy(request, { stale: { ...policy.stale, action: softerAction(policy.stale.action) } })
  }

const softenMode: Loosening = (request) => {
  const { policy, modeOverride } = request.active
  return modeOverride === null
    ? onPolicy(request, { mode: softerMode(policy.mode) })
    : { ...request, active: { ...request.active, modeOverride: softerMode(modeOverride) } }
}

const addExemption =
  (subject: 'user' | 'device'): Loosening =>
  (request) => {
    const id = subject === 'user' ? request.subject.user : request.devices[0]?.id
    if (id === undefined) return request
    const exemption = { author: 'bob', reason: 'ticket 42', createdAt: 0, expiresAt: null }
    return {
      ...request,
      overrides: [...request.overrides, { kind: 'exemption', subject: { kind: subject, id }, ...exemption }],
    }
  }

/** By the user of the request, in force for ever; of the platform that others named before. */
const addStatement: Loosening = (request) => {
  const { subject, active, devices, attestations } = request
  const deviceId = subject.claim?.deviceId ?? devices[0]?.id
  if (deviceId === undefined || attestations.length > 0) return request
  const statement: Attestation = {
    link: 'l-9',
    user: subject.user,
    deviceId,
    platform: 'ios',
    mandate: 'm-0',
    findings: active.policy.mandates.slice(0, 1).map(({ finding }) => finding),
    author: 'bob',
    reason: 'ticket 42',
    createdAt: 0,
    linkExpiresAt: 0,
    stated: { at: 0, expiresAt: Infinity, remote: '192.0.2.1' },
  }
  return { ...request, attestations: [statement] }
}

const removeLock: Loosening = (request) => {
  const at = request.overrides.findIndex(({ kind }) => kind === 'lock')
  return { ...request, overrides: request.overrides.filter((_, index) => index !== at) }
}

/** Each with a name, so that a counterexample says which one it was. */
export const loosenings: Arbitrary<{ readonly name: string; readonly loosen: Loosening }> = fc
  .record({ index: fc.nat({ max: 2 }), hours: fc.integer({ min: 1, max: 48 }) })
  .chain(({ index, hours }) => {
    const laterMs = hours * HOUR_MS
    return fc.constantFrom<{ name: string; loosen: Loosening }>(
      { name: 'take a mandate out', loosen: mandateChange(index, () => undefined) },
      {
        name: 'move a deadline later',
        loosen: mandateChange(index, (mandate) => ({ ...mandate, deadline: mandate.deadline + laterMs })),
      },
      {
        name: 'move a whole mandate later',
        loosen: mandateChange(index, (mandate) => ({
          ...mandate,
          warnFrom: mandate.warnFrom + laterMs,
          deadline: mandate.deadline + laterMs,
        })),
      },
      {
        name: 'lower the mode of a mandate',
        loosen: mandateChange(index, ({ mode = 'block', ...mandate }) => ({
          ...mandate,
          mode: MANDATE_MODES[Math.max(0, MANDATE_MODES.indexOf(mode) - 1)]!,
        })),
      },
      {
        name: 'end a mandate',
        loosen: mandateChange(index, (mandate) => ({
          ...mandate,
          until: Math.min(mandate.until ?? Infinity, mandate.deadline + laterMs),
        })),
      },
      {
        name: 'put a stage later',
        loosen: mandateChange(index, ({ stages, ...mandate }) => ({
          ...mandate,
          ...(stages && { stages: stages.map((stage) => ({ ...stage, from: stage.from + laterMs })) }),
        })),
      },
      {
        name: 'take the last stage out',
        loosen: mandateChange(index, ({ stages, ...mandate }) => ({
          ...mandate,
          ...(stages && { stages: stages.slice(0, -1) }),
        })),
      },
      {
        name: 'begin with a part of the devices',
        loosen: mandateChange(index, (mandate) => ({
          ...mandate,
          stages: mandate.stages ?? [{ percent: 50, from: mandate.deadline }],
        })),
      },
      {
        name: 'confine a mandate to a group',
        loosen: mandateChange(index, (mandate) => ({
          ...mandate,
          groups: mandate.groups?.slice(1) ?? ['people'],
        })),
      },
      {
        name: 'take a platform out of a mandate',
        loosen: mandateChange(index, (mandate) => ({ ...mandate, platforms: mandate.platforms.slice(1) })),
      },
      { name: 'soften unknown', loosen: softenAction('unknown') },
      { name: 'soften noncompliant', loosen: softenAction('noncompliant') },
      { name: 'soften grace', loosen: softenAction('grace') },
      { name: 'soften stale', loosen: softenAction('stale') },
      {
        name: 'let evidence last longer',
        loosen: (request) => {
          const { stale } = request.active.policy
          return onPolicy(request, { stale: { ...stale, afterMs: stale.afterMs + laterMs } })
        },
      },
      { name: 'soften the mode', loosen: softenMode },
      {
        name: 'throw the break-glass switch of a host',
        loosen: (request) => ({ ...request, host: { ...request.host, enforcement: 'off' } }),
      },
      { name: 'exempt the user', loosen: addExemption('user') },
      { name: 'exempt a device', loosen: addExemption('device') },
      { name: 'take a lock away', loosen: removeLock },
      { name: 'state what a mandate asks for', loosen: addStatement },
      {
        name: 'exempt the network',
        loosen: (request) => ({ ...request, subject: { ...request.subject, exemptNetwork: true } }),
      },
      {
        name: 'drop a finding',
        loosen: deviceChange(index, (device) => ({ ...device, findings: device.findings.slice(1) })),
      },
      {
        name: 'become compliant',
        loosen: deviceChange(index, (device) => ({ ...device, state: 'compliant' })),
      },
      {
        name: 'report later',
        loosen: deviceChange(index, (device) => ({ ...device, evidenceAt: device.evidenceAt + laterMs })),
      },
      { name: 'renew the lease', loosen: (request) => ({ ...request, leaseValid: true }) },
    )
  })
