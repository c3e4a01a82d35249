import fc, { type Arbitrary } from 'fast-check'

import type { DecisionRequest, Subject } from '../../src/policy/decision'
import type { DeviceRecord } from '../../src/policy/device'
import type { Override } from '../../src/policy/override'
import type { ActivePolicy, Mandate, Policy } from '../../src/policy/policy'
import {
  ACTIONS,
  ENFORCEMENTS,
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
    findings: fc.uniqueArray(finding, { maxLength: 3 }),
    evidenceAt: moments,
    source: fc.constantFrom('mdm', 'csv'),
    version: fc.nat({ max: 3 }),
  })

const mandates: Arbitrary<Mandate> = fc
  .record({
    finding,
    platforms: fc.uniqueArray(platform, { minLength: 1, maxLength: 3 }),
    times: fc.tuple(moments, moments),
    message: texts(240),
  })
  .map(({ times: [a, b], ...rest }) => ({
    id: '',
    ...rest,
    warnFrom: Math.min(a, b),
    deadline: Math.max(a, b),
  }))

export const policies: Arbitrary<Policy> = fc.record({
  mode: modes,
  maxNewBlocks: fc.constant({ percent: 5, count: 50 }),
  unknown: action,
  stale: fc.record({ afterMs: fc.integer({ min: 1, max: HOURS }).map((hours) => hours * HOUR_MS), action }),
  noncompliant: action,
  grace: action,
  contact: texts(120),
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
    leaseValid: fc.boolean(),
  }),
)
