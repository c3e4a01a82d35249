import type { Decision, DecisionRequest, Judgement } from './decision'
import { effectiveMode, siteMode } from './effective-mode'
import { knownDevice, ownedDevices, statedUntil, type KnownDevice } from './known-device'
import type { Override } from './override'
import { reasonText } from './text'
import { deviceVerdict, isWorse, unknownVerdict, type Verdict } from './verdict'
import type { FailMode, Mode, Proof } from './vocabulary'

/**
 * Decides one request at `now` (epoch milliseconds). Pure, synchronous and total. The order of the steps:
 * 1 break-glass and mode · 2 exempt network · 3 lock · 4 exemption · 5 who is it · 6 is it known ·
 * 7 is the evidence fresh · 8 mandates · 9 baseline · 10 allow.
 */
export function decide(request: DecisionRequest, now: number): Judgement {
  const upFront = decideUpFront(request)
  if (upFront) return upFront
  const { claim } = request.subject
  if (claim) {
    const device = knownDevice(request, claim.deviceId, now)
    return judgement(request, claim.proof, device, verdictOn(request, claim.deviceId, device, now))
  }
  if (request.host.unidentified === 'owner') return decideByOwner(request, now)
  const verdict = overrideVerdict(request, null, now) ?? unidentifiedVerdict(request)
  return judgement(request, 'none', undefined, verdict)
}

/** Steps 1 and 2: what is decided without looking at any device or override, be they readable or not. */
export function decideUpFront(
  request: Pick<DecisionRequest, 'subject' | 'active' | 'host'>,
): Judgement | undefined {
  const site = siteMode(request.active)
  const reason =
    site === 'off'
      ? 'mode_off'
      : request.host.enforcement === 'off'
        ? 'break_glass'
        : request.subject.exemptNetwork
          ? 'exempt_network'
          : undefined
  if (!reason) return undefined
  const proof = request.subject.claim?.proof ?? 'none'
  const verdict = {
    action: 'allow',
    silent: false,
    reason,
    rule: null,
    text: '',
    validUntil: Infinity,
  } as const
  return judgement(request, proof, undefined, verdict)
}

/**
 * The worst of what the user's own devices would get if each had proved itself. A person with no such device stands as
 * an unknown one.
 */
function decideByOwner(request: DecisionRequest, now: number): Judgement {
  let worst: { device: KnownDevice; verdict: Verdict } | undefined
  let validUntil = Infinity
  for (const device of ownedDevices(request, now)) {
    const verdict = verdictOn(request, device.record.id, device, now)
    validUntil = Math.min(validUntil, verdict.validUntil)
    if (!worst || isWorse(verdict, worst.verdict)) worst = { device, verdict }
  }
  if (!worst) return judgement(request, 'owner', undefined, verdictOn(request, null, undefined, now))
  return judgement(request, 'owner', worst.device, { ...worst.verdict, validUntil })
}

/** Steps 3, 4 and 6 to 10. */
function verdictOn(
  request: DecisionRequest,
  deviceId: string | null,
  device: KnownDevice | undefined,
  now: number,
): Verdict {
  const { policy } = request.active
  const override = overrideVerdict(request, deviceId, now)
  if (!device) return override ?? unknownVerdict(policy)
  if (!override) return deviceVerdict(device, policy, request.leaseValid, now)
  // What is known only by statements is known no more when they end.
  return { ...override, validUntil: Math.min(override.validUntil, statedUntil(device)) }
}

/** Steps 3 and 4: the overrides in force on the user and on `deviceId`, a lock before an exemption. */
function overrideVerdict(
  request: DecisionRequest,
  deviceId: string | null,
  now: number,
): Verdict | undefined {
  let deciding: Override | undefined
  let validUntil = Infinity
  for (const override of request.overrides) {
    if (!isAbout(override, request.subject.user, deviceId)) continue
    const expiresAt = override.expiresAt ?? Infinity
    if (expiresAt <= now) continue
    validUntil = Math.min(validUntil, expiresAt)
    if (!deciding || (deciding.kind === 'exemption' && override.kind === 'lock')) deciding = override
  }
  if (!deciding) return undefined
  const locked = deciding.kind === 'lock'
  return {
    action: locked ? 'block' : 'allow',
    silent: false,
    reason: locked ? 'locked' : 'exempted',
    rule: overrideRule(deciding),
    text: locked ? reasonText('locked', request.active.policy.contact) : '',
    validUntil,
  }
}

/** Whether an override is on this user or this device. */
export const isAbout = (
  { subject: { kind, id } }: Override,
  user: string,
  deviceId: string | null,
): boolean => id === (kind === 'user' ? user : deviceId)

/** How a decision names the override that made it. */
export const overrideRule = ({ kind, subject }: Override): string => `${kind}:${subject.kind}:${subject.id}`

/** Step 5, where the host does not go by the owner's devices. */
function unidentifiedVerdict({ host, active }: DecisionRequest): Verdict {
  const blocked = host.unidentified === 'block'
  return {
    action: blocked ? 'block' : 'allow',
    silent: false,
    reason: 'unidentified',
    rule: null,
    text: blocked ? reasonText('unidentified', active.policy.contact) : '',
    validUntil: Infinity,
  }
}

function judgement(
  { subject, active, host }: Pick<DecisionRequest, 'subject' | 'active' | 'host'>,
  proof: Proof,
  device: KnownDevice | undefined,
  verdict: Verdict,
): Judgement {
  const record = device?.record
  return {
    outcome: verdict.action,
    reason: verdict.reason,
    enforced: !verdict.silent && effectiveMode(siteMode(active), host.enforcement) === 'enforce',
    rule: verdict.rule,
    policyVersion: active.version,
    deviceId: record?.id ?? subject.claim?.deviceId ?? null,
    platform: record?.platform ?? null,
    proof,
    evidenceAt: record?.evidenceAt ?? null,
    text: verdict.text,
    validUntil: verdict.validUntil,
  }
}

/**
 * The decision when the gate itself fails: a temporary refusal (`closed`) or a pass that is counted apart
 * (`open`), never a silent allow. In modes off and monitor nobody is refused for it.
 */
export function faultDecision(
  failMode: FailMode,
  mode: Mode,
  subject: Pick<DecisionRequest['subject'], 'claim'>,
  policyVersion: number,
): Decision {
  const closed = failMode === 'closed'
  return {
    outcome: closed ? 'unavailable' : 'allow',
    reason: closed ? 'fault_closed' : 'fault_open',
    enforced: mode === 'enforce',
    rule: null,
    policyVersion,
    deviceId: subject.claim?.deviceId ?? null,
    platform: null,
    proof: subject.claim?.proof ?? 'none',
    evidenceAt: null,
    text: closed ? reasonText('fault_closed', '') : '',
    validUntil: Infinity,
  }
}
