import { isAbout, overrideRule } from './decide'
import type { DecisionRequest } from './decision'
import { effectiveMode, siteMode } from './effective-mode'
import { looksAtDevice } from './explain-device'
import { knownDevice, ownedDevices, type KnownDevice } from './known-device'
import type { Effect, Look } from './look'
import type { Override } from './override'
import { isWorse, unknownVerdict } from './verdict'
import type { Reason } from './vocabulary'
import { counted, spanWords } from './words'

/** The ten steps of a decision, in their order. */
export const STEP_NAMES = [
  'break-glass and mode',
  'exempt network',
  'lock',
  'exemption',
  'who is it',
  'is it known',
  'is the evidence fresh',
  'mandates',
  'baseline',
  'allow',
] as const
export type StepName = (typeof STEP_NAMES)[number]

/** `decided` is the one step that the decision comes from; `passed`: it had nothing to say, or a worse one decided. */
export type StepResult = 'passed' | 'decided' | 'not reached'

export interface Step extends Look {
  /** 1 to 10. */
  readonly step: number
  readonly name: StepName
  readonly result: StepResult
}

/**
 * How `decide` comes to its answer: what each of the ten steps sees at `now`. It goes its own way through the same
 * rules, so that deciding need not keep a record of itself; a test holds the two to the same answer.
 */
export function explain(request: DecisionRequest, now: number): readonly Step[] {
  const upFront = [modeLook(request), networkLook(request)]
  const decidedUpFront = upFront.findIndex(({ effect }) => effect)
  if (decidedUpFront !== -1) return numbered(upFront.slice(0, decidedUpFront + 1), decidedUpFront)
  const looks = [...upFront, ...looksAtSubject(request, now)]
  return numbered(looks, decidingPlace(looks))
}

/** A decision that could not be made: what the steps saw until something could not be read. */
export function explainFault(
  request: Pick<DecisionRequest, 'subject' | 'active' | 'host'>,
  problem: string,
): readonly Step[] {
  const upFront = [modeLook(request), networkLook(request)]
  return numbered([...upFront, { saw: `cannot be told: ${problem}`, effect: null }], -1)
}

const numbered = (looks: readonly Look[], deciding: number): Step[] =>
  STEP_NAMES.map((name, place) => {
    const { saw, effect } = looks[place] ?? { saw: '', effect: null }
    const result = place === deciding ? 'decided' : place < looks.length ? 'passed' : 'not reached'
    return { step: place + 1, name, saw, effect, result }
  })

/** Up to step 6 the first that has something to say decides, from there on the worst. */
function decidingPlace(looks: readonly Look[]): number {
  let deciding = -1
  let worst: Effect | undefined
  looks.forEach(({ effect }, place) => {
    if (!effect || (worst && !isWorse(effect, worst))) return
    worst = effect
    deciding = place
  })
  return deciding
}

function modeLook({ active, host: { enforcement } }: Pick<DecisionRequest, 'active' | 'host'>): Look {
  const site = siteMode(active)
  const from = active.modeOverride === null ? "the policy's own" : 'by device-gate mode'
  const saw = `mode ${site} (${from}), this host's enforcement: ${enforcement}`
  if (site === 'off') return { saw, effect: allow('mode_off') }
  if (enforcement === 'off') return { saw, effect: allow('break_glass') }
  const noted =
    effectiveMode(site, enforcement) === 'monitor' ? '; what is decided is noted, and not done' : ''
  return { saw: saw + noted, effect: null }
}

const networkLook = ({ subject }: Pick<DecisionRequest, 'subject'>): Look =>
  subject.exemptNetwork
    ? { saw: 'the address is in identity.exempt_networks', effect: allow('exempt_network') }
    : { saw: 'the address is in no exempt network', effect: null }

const allow = (reason: Reason): Effect => ({ action: 'allow', silent: false, reason, rule: null })

/** Steps 3 to 10. */
function looksAtSubject(request: DecisionRequest, now: number): Look[] {
  const { subject, host } = request
  const { claim } = subject
  if (claim) {
    const device = knownDevice(request, claim.deviceId, now)
    return looksAtOne(
      request,
      claim.deviceId,
      device,
      `device ${claim.deviceId}, proven by ${claim.proof}`,
      now,
    )
  }
  if (host.unidentified === 'owner') return looksAtWorst(request, now)
  const upToFour = overrideLooks(request, null, now)
  if (upToFour.at(-1)?.effect) return upToFour
  const saw = `no device is proven, identity.unidentified: ${host.unidentified}`
  return [...upToFour, { saw, effect: { ...allow('unidentified'), action: host.unidentified } }]
}

/** Each of the owner's devices is looked at; told is the one that decides. */
function looksAtWorst(request: DecisionRequest, now: number): Look[] {
  const { user, platformHint } = request.subject
  const counting = ownedDevices(request, now)
  const kind = platformHint === null ? '' : `${platformHint} `
  const owned = `no device is proven; ${user} has ${counting.length === 0 ? `no ${kind}device` : counted(counting.length, `${kind}device`)}`
  let worst: { looks: Look[]; effect: Effect } | undefined
  for (const device of counting) {
    const { id } = device.record
    const who = counting.length === 1 ? `${owned}: ${id}` : `${owned}, ${id} stands worst`
    const looks = looksAtOne(request, id, device, who, now)
    const effect = looks[decidingPlace(looks)]?.effect
    if (effect && (!worst || isWorse(effect, worst.effect))) worst = { looks, effect }
  }
  return worst?.looks ?? looksAtOne(request, null, undefined, owned, now)
}

function looksAtOne(
  request: DecisionRequest,
  deviceId: string | null,
  device: KnownDevice | undefined,
  who: string,
  now: number,
): Look[] {
  const looks = overrideLooks(request, deviceId, now)
  if (looks.at(-1)?.effect) return looks
  looks.push({ saw: who, effect: null })
  const { subject } = request
  const { policy } = request.active
  if (!device) {
    const known = deviceId === null ? 'there is nothing to go by' : `device ${deviceId} was never reported`
    const { action, reason } = unknownVerdict(policy)
    return [...looks, { saw: `${known}, policy: ${action}`, effect: { ...allow(reason), action } }]
  }
  const { record, isReported } = device
  const saw = isReported
    ? `reported by ${record.source}: ${record.platform}, ${record.state}`
    : `device ${record.id} was never reported; ${subject.user} made a statement about it: ${record.platform}`
  looks.push({ saw, effect: null })
  const about = looksAtDevice(device, policy, request.leaseValid, now)
  looks.push(...about)
  if (about.every(({ effect }) => !effect))
    looks.push({ saw: 'nothing stands against it', effect: allow(isReported ? 'compliant' : 'attested') })
  return looks
}

/** Steps 3 and 4, or 3 alone where it decides. */
function overrideLooks(request: DecisionRequest, deviceId: string | null, now: number): Look[] {
  const { overrides, subject } = request
  const about = overrides.filter((override) => isAbout(override, subject.user, deviceId))
  const names = deviceId === null ? subject.user : `${subject.user} or ${deviceId}`
  const lock = overrideLook(about, 'lock', names, now)
  return lock.effect ? [lock] : [lock, overrideLook(about, 'exemption', names, now)]
}

function overrideLook(about: readonly Override[], kind: Override['kind'], names: string, now: number): Look {
  const ofKind = about.filter((override) => override.kind === kind)
  const standing = ofKind.find(({ expiresAt }) => (expiresAt ?? Infinity) > now)
  if (!standing) {
    const ended = Math.max(...ofKind.map(({ expiresAt }) => expiresAt ?? -Infinity))
    const past = ofKind.length === 0 ? '' : ` (one ended ${spanWords(now - ended)} ago)`
    return { saw: `no ${kind} on ${names}${past}`, effect: null }
  }
  const { subject, author, reason, createdAt, expiresAt } = standing
  const until = expiresAt === null ? 'until removed' : `for another ${spanWords(expiresAt - now)}`
  return {
    saw: `${kind} on ${subject.kind} ${subject.id} ${until}, by ${author} ${spanWords(now - createdAt)} ago: ${reason}`,
    effect: {
      action: kind === 'lock' ? 'block' : 'allow',
      silent: false,
      reason: kind === 'lock' ? 'locked' : 'exempted',
      rule: overrideRule(standing),
    },
  }
}
