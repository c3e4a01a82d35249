import fc from 'fast-check'

import type { DeviceRecord } from '../../src/policy/device'
import { normaliseUser, RECORD_LIMITS } from '../../src/devices/record'
import type { Authorship } from '../../src/devices/store'
import type { Attestation } from '../../src/policy/attestation'
import type { Override } from '../../src/policy/override'
import type { Policy } from '../../src/policy/policy'
import { PLATFORMS, STATES } from '../../src/policy/vocabulary'

export const AT = Date.parse('2026-11-20T08:00:00Z')

export const record = (change: Partial<DeviceRecord> = {}): DeviceRecord => ({
  id: 'd-1',
  owners: ['anna@example.com'],
  platform: 'ios',
  state: 'compliant',
  findings: [],
  evidenceAt: AT,
  source: 'mdm',
  version: 1,
  ...change,
})

export const policy = (change: Partial<Policy> = {}): Policy => ({
  mode: 'enforce',
  maxNewBlocks: { percent: 5, count: 50 },
  unknown: 'allow',
  stale: { afterMs: 7 * 86_400_000, action: 'warn' },
  noncompliant: 'block',
  grace: 'warn',
  contact: 'Help desk: +1 555 0100',
  mandates: [
    {
      id: 'm-1',
      finding: 'app:com.example.game',
      platforms: ['ios', 'android'],
      warnFrom: AT,
      deadline: AT + 86_400_000,
      message: 'Remove the game',
    },
  ],
  tests: [],
  ...change,
})

export const override = (change: Partial<Override> = {}): Override => ({
  kind: 'exemption',
  subject: { kind: 'device', id: 'd-1' },
  author: 'ops',
  reason: 'on loan',
  createdAt: AT,
  expiresAt: AT + 3_600_000,
  ...change,
})

/** A link that asks; with `stated` a statement. */
export const attestation = (change: Partial<Attestation> = {}): Attestation => ({
  link: 'link-1',
  user: 'anna@example.com',
  deviceId: 'd-1',
  platform: 'ios',
  mandate: 'm-1',
  findings: ['app:com.example.game'],
  author: 'ops',
  reason: 'her own phone',
  createdAt: AT,
  linkExpiresAt: AT + 604_800_000,
  stated: null,
  ...change,
})

export const BY: Authorship = { author: 'ops', reason: 'a test', at: AT }

/** What a record's text may be: any well-formed Unicode without control characters. */
const text = (maxChars: number): fc.Arbitrary<string> =>
  fc
    .oneof(
      fc.string({ unit: 'grapheme', maxLength: 40 }),
      fc.string({ unit: 'binary', maxLength: 40 }),
      fc.string({
        unit: fc.constantFrom('a', '0', 'é', '\u{1f4f1}', '\uffff', 'Σ', 'ǰ'),
        minLength: maxChars / 4,
        maxLength: maxChars,
      }),
    )
    .map((value) => value.replace(/[\p{Control}\p{Surrogate}\u2028\u2029]/gu, '-').slice(0, maxChars))
    // A cut may halve a pair.
    .map((value) => value.replace(/\p{Surrogate}/gu, '-'))
    .filter((value) => value.length > 0)

export const anyId = text(RECORD_LIMITS.idChars)

export const anyUser = text(RECORD_LIMITS.ownerChars)
  .map(normaliseUser)
  .filter((user) => user.length > 0 && user.length <= RECORD_LIMITS.ownerChars)

export const anyRecord: fc.Arbitrary<DeviceRecord> = fc.record(
  {
    id: anyId,
    owners: fc.uniqueArray(anyUser, { maxLength: 4 }),
    platform: fc.constantFrom(...PLATFORMS),
    state: fc.constantFrom(...STATES),
    findings: fc.uniqueArray(text(RECORD_LIMITS.findingChars), { maxLength: 4 }),
    evidenceAt: fc
      .date({ min: new Date(0), max: new Date('9999-12-31T23:59:59.999Z'), noInvalidDate: true })
      .map(Number),
    source: text(RECORD_LIMITS.sourceChars),
    version: fc.nat({ max: Number.MAX_SAFE_INTEGER }),
  },
  { noNullPrototype: true },
)
