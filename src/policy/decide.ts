import type { Decision, DecisionRequest } from './decision'
import type { DeviceRecord } from './device'
import { effectiveMode, siteMode } from './effective-mode'
import type { Override } from './override'
import { reasonText, replyText } from './text'
import { deviceVerdict, earliest, isWorse, unknownVerdict, type Verdict } from './verdict'
import type { FailMode, Mode, Proof } from './vocabulary'

/**
 * Decides one request at `now` (epoch milliseconds). Pure, synchronous and total. The order of the steps:
 * 1 break-glass and mode · 2 exempt network · 3 lock · 4 exemption · 5 who is it · 6 is it known ·
 * 7 is the evidence fresh · 8 mandates · 9 baseline · 10 allow.
 */
export function decide(request: DecisionRequest, now: number): Decision {
  const { subject, active, host } = request
  const site = siteMode(active)
  const mode = effectiveMode(site, host.enforcement)
  if (mode === 'off') return plain(request, mode, site === 'off' ? 'mode_off' : 'break_glass')
  if (subject.exemptNetwork) return plain(request, mode, 'exempt_network')

  const subjectOverrides = overridesOf(request, subject.claim?.deviceId ?? null, now)
  if (subjectOverrides.decided)
    return fromOverride(request, mode, subjectOverrides.decided, subjectOverrides.validUntil)
  const { validUntil } = subjectOverrides

  if (subject.claim === null) {
    if (host.unidentified === 'owner') return decideByOwner(request, mode, validUntil, now)
    const blocked = host.unidentified === 'block'
    return finished(request, mode, null, 'none', {
      action: blocked ? 'block' : 'allow',
      reason: 'unidentified',
      rule: null,
      text: blocked ? reasonText('unidentified', active.policy.contact) : '',
      validUntil,
    })
  }

  const device = request.devices.find((candidate) => candidate.id === subject.claim?.deviceId)
  const verdict = device
    ? deviceVerdict(device, active.policy, request.leaseValid, now)
    : unknownVerdict(active.policy)
  return finished(request, mode, device ?? null, subject.claim.proof, limited(verdict, validUntil))
}

/** The worst of the user's own devices, of the hinted platform where the client gave a hint. */
function decideByOwner(request: DecisionRequest, mode: Mode, validUntil: number, now: number): Decision {
  const { platformHint } = request.subject
  let worst: { device: DeviceRecord; verdict: Verdict } | undefined
  let until = validUntil
  for (const device of request.devices) {
    if (platformHint !== null && device.platform !== platformHint) continue
    const overrides = overridesOf(request, device.id, now)
    const verdict = overrides.decided
      ? overrideVerdict(overrides.decided, request.active.policy.contact)
      : deviceVerdict(device, request.active.policy, request.leaseValid, now)
    until = Math.min(until, verdict.validUntil, overrides.validUntil)
    if (!worst || isWorse(verdict.action, worst.verdict.action)) worst = { device, verdict }
  }
  const verdict = worst?.verdict ?? unknownVerdict(request.active.policy)
  return finished(request, mode, worst?.device ?? null, 'owner', { ...verdict, validUntil: until })
}

interface OverridesSeen {
  /** The override that decides: a lock before an exemption. */
  readonly decided: Override | undefined
  /** When one of those in force runs out. */
  readonly validUntil: number
}

/** The unexpired overrides on the user and on `deviceId`. */
function overridesOf(request: DecisionRequest, deviceId: string | null, now: number): OverridesSeen {
  let decided: Override | undefined
  let validUntil = Infinity
  for (const override of request.overrides) {
    const { kind, id } = override.subject
    if (id !== (kind === 'user' ? request.subject.user : deviceId)) continue
    if (override.expiresAt !== null && override.expiresAt <= now) continue
    validUntil = earliest(now, override.expiresAt ?? Infinity, validUntil)
    if (!decided || (decided.kind === 'exemption' && override.kind === 'lock')) decided = override
  }
  return { decided, validUntil }
}

function overrideVerdict(override: Override, contact: string): Verdict {
  const locked = override.kind === 'lock'
  return {
    action: locked ? 'block' : 'allow',
    reason: locked ? 'locked' : 'exempted',
    rule: `${override.kind}:${override.subject.kind}:${override.subject.id}`,
    text: locked ? reasonText('locked', contact) : '',
    validUntil: override.expiresAt ?? Infinity,
  }
}

function fromOverride(
  request: DecisionRequest,
  mode: Mode,
  override: Override,
  validUntil: number,
): Decision {
  const { claim } = request.subject
  const device = request.devices.find((candidate) => candidate.id === claim?.deviceId) ?? null
  const verdict = overrideVerdict(override, request.active.policy.contact)
  return finished(request, mode, device, claim?.proof ?? 'none', limited(verdict, validUntil))
}

const limited = (verdict: Verdict, validUntil: number): Verdict =>
  validUntil < verdict.validUntil ? { ...verdict, validUntil } : verdict

function plain(
  request: DecisionRequest,
  mode: Mode,
  reason: 'mode_off' | 'break_glass' | 'exempt_network',
): Decision {
  const proof = request.subject.claim?.proof ?? 'none'
  return finished(request, mode, null, proof, {
    action: 'allow',
    reason,
    rule: null,
    text: '',
    validUntil: Infinity,
  })
}

function finished(
  request: DecisionRequest,
  mode: Mode,
  device: DeviceRecord | null,
  proof: Proof,
  verdict: Verdict,
): Decision {
  return {
    outcome: verdict.action,
    reason: verdict.reason,
    enforced: mode === 'enforce',
    rule: verdict.rule,
    policyVersion: request.active.version,
    deviceId: device?.id ?? request.subject.claim?.deviceId ?? null,
    platform: device?.platform ?? null,
    proof,
    evidenceAt: device?.evidenceAt ?? null,
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
    text: closed ? replyText(reasonText('fault_closed', '')) : '',
    validUntil: Infinity,
  }
}
