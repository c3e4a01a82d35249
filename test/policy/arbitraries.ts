import fc, { type Arbitrary } from 'fast-check'

import type { Attestation } from '../../src/policy/attestation'
import type { DecisionRequest, Subject } from '../../src/policy/decision'
import type { DeviceRecord } from '../../src/policy/device'
import type { Override } from '../../src/policy/override'
import type { ActivePolicy, Mandate, Policy, Stage } from '../../src/policy/policy'
import {
  ACTIONS,
  ENFORCEMENTS,
  MANDATE_MODES,
  MODES,
  PLATFORMS,
  STATES,
  UNIDENTIFIED_RULES,
  type Mode,
  type Proof,
} from '../../src/policy/vocabulary'

/** Few names and few moments, so that what is drawn meets: the same user, the same finding, the same instant. */
export const USERS = ['anna@example.com', 'bob@example.com'] as const
export const DEVICE_IDS = ['d-1', 'd-2', 'd-3'] as const
export const FINDINGS = ['app:a', 'app:b', 'app:c'] as const
/** What a device may carry: also that its source cannot see apps, or something that no mandate is about. */
const REPORTED = [...FINDINGS, 'unseen:app', 'unseen:os'] as const
const SOME_PLATFORMS = PLATFORMS.slice(0, 3)
const CLAIM_PROOFS = ['certificate', 'tag', 'oauth'] as const satisfies readonly Proof[]

const HOUR_MS = 3_600_000
const START = Date.UTC(2026, 10, 20)
const HOURS = 48

/** A full hour of two days, or the millisecond before or after it. */
export const moments: Arbitrary<number> = fc
  .tuple(fc.integer({ min: 0, max: HOURS }), fc.constantFrom(0, 0, 0, -1, 1))
  .map(([hour, ms]) => START + hour * HOUR_MS + ms)

const user = fc.constantFrom(...USERS)
const deviceId = fc.constantFrom(...DEVICE_IDS)
const platform = fc.constantFrom(...SOME_PLATFORMS)
const action = fc.constantFrom(...ACTIONS)
const finding = fc.constantFrom(...FINDINGS)
/** Mostly one in which there is something to decide. */
export const modes: Arbitrary<Mode> = fc.constantFrom('enforce', 'enforce', ...MODES)

/** What an admin may write as a message or contact, and what nobody should: anything a reply line could break on. */
export const texts = (maxLength: number): Arbitrary<string> =>
  fc
    .oneof(
      fc.string({ unit: 'grapheme', maxLength }),
      fc.string({ unit: 'binary', maxLength }),
      fc.constantFrom(
        'Remove the app.',
        'a\r\nb OK done',
        '[ALERT] now',
        'send {5}',
        '\u2028',
        'Grüße\u0000',
        '…',
        'ﷺ'.repeat(40),
      ),
    )
    .map((text) => text.slice(0, maxLength))

export const devices = (id: Arbitrary<string> = deviceId): Arbitrary<DeviceRecord> =>
  fc.record({
    id,
    owners: fc.uniqueArray(user, { maxLength: 2 }),
    platform,
    state: fc.constantFrom(...STATES),
    findings: fc.uniqueArray(fc.constantFrom(...REPORTED), { maxLength: 3 }),
    evidenceAt: moments,
    source: fc.constantFrom('mdm', 'csv'),
    version: fc.nat({ max: 3 }),
  })

export const GROUPS = { people: ['anna@example.com'], devices: ['d-1', 'd-3'] } as const
const groupNames = fc.subarray(Object.keys(GROUPS), { minLength: 1 })

/** What a stage may reach, in the order of growing shares; the moments are made to follow each other. */
const stages = (deadline: number): Arbitrary<readonly Stage[]> =>
  fc
    .record({
      percents: fc.uniqueArray(fc.constantFrom(1, 10, 50, 90, 100), { maxLength: 3 }),
      groups: fc.option(groupNames),
      gaps: fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 4, maxLength: 4 }),
    })
    .map(({ percents, groups, gaps }) => {
      let from = deadline - HOUR_MS
      const next = (index: number): number => (from += (gaps[index] ?? 1) * HOUR_MS)
      return [
        ...(groups ? [{ groups, from: next(0) }] : []),
        ...percents.toSorted((a, b) => a - b).map((percent, i) => ({ percent, from: next(i + 1) })),
      ]
    })

const mandates: Arbitrary<Mandate> = fc
  .record({
    finding,
    platforms: fc.uniqueArray(platform, { minLength: 1, maxLength: 3 }),
    times: fc.tuple(moments, moments),
    lasts: fc.option(fc.integer({ min: 1, max: HOURS })),
    message: texts(240),
    groups: fc.option(groupNames, { freq: 2 }),
    mode: fc.constantFrom('block', 'block', ...MANDATE_MODES),
  })
  .chain(({ times: [a, b], lasts, groups, ...rest }) => {
    const deadline = Math.max(a, b)
    return fc.option(stages(deadline)).map((staged) => ({
      id: '',
      ...rest,
      ...(groups && { groups }),
      warnFrom: Math.min(a, b),
      deadline,
      ...(staged && { stages: staged }),
      ...(lasts !== null && { until: deadline + lasts * HOUR_MS }),
    }))
  })

export const policies: Arbitrary<Policy> = fc.record({
  mode: modes,
  maxNewBlocks: fc.constant({ percent: 5, count: 50 }),
  unknown: action,
  stale: fc.record({ afterMs: fc.integer({ min: 1, max: HOURS }).map((hours) => hours * HOUR_MS), action }),
  noncompliant: action,
  grace: action,
  contact: texts(120),
  groups: fc.constant(GROUPS),
  mandates: fc
    .array(mandates, { maxLength: 3 })
    .map((drawn) => drawn.map((mandate, index) => ({ ...mandate, id: `m-${index}` }))),
  tests: fc.constant([]),
})

export const activePolicies: Arbitrary<ActivePolicy> = fc.record({
  version: fc.integer({ min: 1, max: 9 }),
  policy: policies,
  modeOverride: fc.option(modes),
})

export const overrides: Arbitrary<Override> = fc.record({
  kind: fc.constantFrom('exemption', 'lock'),
  subject: fc.oneof(
    user.map((id) => ({ kind: 'user' as const, id })),
    deviceId.map((id) => ({ kind: 'device' as const, id })),
  ),
  author: fc.constant('bob'),
  reason: fc.constant('ticket 42'),
  createdAt: fc.constant(START),
  expiresAt: fc.option(moments),
})

export const attestations = (ofUser: Arbitrary<string> = user): Arbitrary<Attestation> =>
  fc.record({
    link: fc.constantFrom('l-1', 'l-2'),
    user: ofUser,
    deviceId,
    platform,
    mandate: fc.constantFrom('m-0', 'm-1'),
    findings: fc.subarray([...FINDINGS], { minLength: 1 }),
    author: fc.constant('bob'),
    reason: fc.constant('ticket 42'),
    createdAt: fc.constant(START),
    linkExpiresAt: fc.constant(START + HOUR_MS),
    stated: fc.option(
      fc.record({ at: fc.constant(START), expiresAt: moments, remote: fc.constant('192.0.2.1') }),
      { freq: 9 },
    ),
  })

export const subjects: Arbitrary<Subject> = fc.record({
  user,
  claim: fc.option(fc.record({ deviceId, proof: fc.constantFrom(...CLAIM_PROOFS) })),
  platformHint: fc.option(platform),
  exemptNetwork: fc.integer({ min: 0, max: 9 }).map((drawn) => drawn === 0),
})

export const hosts: Arbitrary<DecisionRequest['host']> = fc.record({
  enforcement: fc.constantFrom('policy', 'policy', ...ENFORCEMENTS),
  unidentified: fc.constantFrom('owner', ...UNIDENTIFIED_RULES),
})

/** As the gate gathers them: the claimed device if it is known, else what the user owns. */
export const requests: Arbitrary<DecisionRequest> = subjects.chain((subject) =>
  fc.record({
    subject: fc.constant(subject),
    active: activePolicies,
    host: hosts,
    devices: subject.claim
      ? fc.array(devices(fc.constant(subject.claim.deviceId)), { maxLength: 1 })
      : fc.uniqueArray(devices(), { selector: ({ id }) => id, maxLength: 3 }),
    overrides: fc.uniqueArray(overrides, {
      selector: ({ kind, subject: { kind: of, id } }) => `${kind} ${of} ${id}`,
      maxLength: 4,
    }),
    attestations: fc.array(attestations(), { maxLength: 2 }),
    leaseValid: fc.boolean(),
  }),
)
