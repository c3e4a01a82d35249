import { decide, faultDecision } from '../../src/policy/decide'
import type { Attestation } from '../../src/policy/attestation'
import type { Claim, Decision, DecisionRequest } from '../../src/policy/decision'
import type { DeviceRecord } from '../../src/policy/device'
import { effectiveMode, siteMode } from '../../src/policy/effective-mode'
import type { Override } from '../../src/policy/override'
import type { Mandate, Policy } from '../../src/policy/policy'
import type {
  ComplianceState,
  Enforcement,
  FailMode,
  Mode,
  Platform,
  UnidentifiedRule,
} from '../../src/policy/vocabulary'

/** A device as the decision table tells of it; by default compliant, without findings, seen an hour ago. */
export interface DeviceSketch {
  readonly id: string
  readonly platform: Platform
  readonly state?: ComplianceState
  readonly findings?: readonly string[]
  /** When it last reported. */
  readonly reported?: string
}

/** How a situation differs from the ordinary one: Anna's device proves itself by tag, the policy is enforced. */
export interface Situation {
  readonly at?: string
  /** The device that proves itself; null: the client proves none. */
  readonly device?: DeviceSketch | null
  /** The device that proves itself was never reported. */
  readonly unreported?: boolean
  /** Where no device proves itself: all that Anna owns. */
  readonly owned?: readonly DeviceSketch[]
  readonly proof?: Claim['proof']
  readonly hint?: Platform
  readonly unidentified?: UnidentifiedRule
  readonly exemptNetwork?: boolean
  readonly policy?: Partial<Policy>
  /** `device-gate mode`. */
  readonly modeOverride?: Mode
  /** `enforcement` of this host. */
  readonly enforcement?: Enforcement
  readonly overrides?: readonly OverrideSketch[]
  /** What Anna has stated. */
  readonly stated?: readonly StatementSketch[]
  readonly leaseRanOut?: boolean
  /** The gate itself fails, with this `fail_mode`. */
  readonly fault?: FailMode
}

export type OverrideSketch = Pick<Override, 'kind'> & { readonly until?: string } & (
    { readonly user: string } | { readonly device: string }
  )

/** A statement of 30 June that TikTok is not on a device. */
export interface StatementSketch {
  readonly device: string
  readonly user?: string
  readonly platform?: Platform
  readonly until: string
  readonly finding?: string
}

export const ANNA = 'anna@example.com'
export const TIKTOK = 'app:com.zhiliaoapp.musically'

export const FRIDAY_MANDATE: Mandate = {
  id: 'tiktok-2020-07',
  finding: TIKTOK,
  platforms: ['ios', 'android'],
  warnFrom: Date.parse('2020-07-06T07:00:00Z'),
  deadline: Date.parse('2020-07-11T06:59:00Z'),
  message: 'Remove TikTok from this phone to go on using company email',
}

const DAY_MS = 86_400_000

/** The sample policy, enforced. */
export const POLICY: Policy = {
  mode: 'enforce',
  maxNewBlocks: { percent: 5, count: 50 },
  unknown: 'allow',
  stale: { afterMs: 7 * DAY_MS, action: 'warn' },
  noncompliant: 'block',
  grace: 'warn',
  contact: 'Help desk: +1 555 0100',
  mandates: [FRIDAY_MANDATE],
  tests: [],
}

export const POLICY_VERSION = 3

export function decideSituation(situation: Situation): Decision {
  const now = nowOf(situation)
  const request = requestOf(situation)
  if (situation.fault === undefined) return decide(request, now)
  const mode = effectiveMode(siteMode(request.active), request.host.enforcement)
  return faultDecision(situation.fault, mode, request.subject, POLICY_VERSION)
}

const nowOf = ({ at = '2020-07-01T09:00:00Z' }: Situation): number => Date.parse(at)

function requestOf(situation: Situation): DecisionRequest {
  const { device = null, proof = 'tag', hint = null } = situation
  const known = device ? (situation.unreported ? [] : [device]) : (situation.owned ?? [])
  return {
    subject: {
      user: ANNA,
      claim: device && { deviceId: device.id, proof },
      platformHint: hint,
      exemptNetwork: situation.exemptNetwork ?? false,
    },
    active: {
      version: POLICY_VERSION,
      policy: { ...POLICY, ...situation.policy },
      modeOverride: situation.modeOverride ?? null,
    },
    host: {
      enforcement: situation.enforcement ?? 'policy',
      unidentified: situation.unidentified ?? 'owner',
    },
    devices: known.map((sketch) => deviceOf(sketch, nowOf(situation))),
    overrides: (situation.overrides ?? []).map(overrideOf),
    attestations: (situation.stated ?? []).map(attestationOf),
    leaseValid: !situation.leaseRanOut,
  }
}

const deviceOf = (
  { id, platform, state = 'compliant', findings = [], reported }: DeviceSketch,
  now: number,
): DeviceRecord => ({
  id,
  owners: [ANNA],
  platform,
  state,
  findings,
  evidenceAt: reported === undefined ? now - 3_600_000 : Date.parse(reported),
  source: 'mdm',
  version: 1,
})

const attestationOf = ({
  device,
  user = ANNA,
  platform = 'ios',
  until,
  finding = TIKTOK,
}: StatementSketch): Attestation => ({
  link: `link-${device}`,
  user,
  deviceId: device,
  platform,
  mandate: FRIDAY_MANDATE.id,
  findings: [finding],
  author: 'bob',
  reason: 'ticket 42',
  createdAt: Date.parse('2020-06-29T09:00:00Z'),
  linkExpiresAt: Date.parse('2020-07-06T09:00:00Z'),
  stated: { at: Date.parse('2020-06-30T09:00:00Z'), expiresAt: Date.parse(until), remote: '192.0.2.1' },
})

const overrideOf = (sketch: OverrideSketch): Override => ({
  kind: sketch.kind,
  subject: 'user' in sketch ? { kind: 'user', id: sketch.user } : { kind: 'device', id: sketch.device },
  author: 'bob',
  reason: 'ticket 42',
  createdAt: Date.parse('2020-06-30T09:00:00Z'),
  expiresAt: sketch.until === undefined ? null : Date.parse(sketch.until),
})
