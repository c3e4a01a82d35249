import { decide } from './decide'
import { effectOf, type Beside, type Decision } from './decision'
import type { DeviceRecord } from './device'
import { siteMode } from './effective-mode'
import type { ActivePolicy, Policy } from './policy'
import type { Action } from './vocabulary'

/** Two policies, or two moments of one, that every device is decided under. Times are epoch milliseconds. */
export interface Comparison {
  readonly before: { readonly active: ActivePolicy; readonly at: number }
  readonly after: { readonly active: ActivePolicy; readonly at: number }
}

/** A device that is served differently. */
export interface Difference {
  readonly device: DeviceRecord
  readonly from: Action
  readonly to: Action
  readonly decision: Decision
}

/** How many devices come to be served in one way, and which. */
export interface Tally {
  readonly count: number
  /** Counts by the device's platform, by the rule (else the reason) that decides, by the first owner's domain. */
  readonly platforms: ReadonlyMap<string, number>
  readonly rules: ReadonlyMap<string, number>
  readonly domains: ReadonlyMap<string, number>
}

export interface Impact {
  /** All that were compared. */
  readonly devices: number
  readonly blocked: Tally
  readonly warned: Tally
  readonly allowed: Tally
  /** Whom a silent mandate would warn or block: nobody notices it. */
  readonly noted: Tally
}

/** The moments at which mandates change what people get: deadlines, stages and ends. */
export const turningPoints = ({ mandates }: Policy): number[] =>
  mandates.flatMap(({ deadline, stages, until }) => [
    ...(stages?.map(({ from }) => from) ?? [deadline]),
    ...(until === undefined ? [] : [until]),
  ])

/** A fleet has few mail domains; whatever else owners hold must not grow without bound. */
const MAX_DOMAINS = 1000
const OTHER_DOMAINS = 'others'

/** Adds up what a change would do, device by device: what is enforced counts, what monitor mode notes does not. */
export class ImpactCount {
  #devices = 0
  readonly #tallies: Readonly<Record<Action, MutableTally>> = {
    block: emptyTally(),
    warn: emptyTally(),
    allow: emptyTally(),
  }
  readonly #noted = emptyTally()

  constructor(private readonly comparison: Comparison) {}

  /** `beside`: for the device and its first owner. Gives the difference, if there is one. */
  add(device: DeviceRecord, beside: Beside): Difference | undefined {
    const { before, after } = this.comparison
    this.#devices += 1
    const from = effectOn(device, beside, before.active, before.at)
    const to = effectOn(device, beside, after.active, after.at)
    if (isSilent(to.decision, after.active)) tallyUp(this.#noted, device, to.decision)
    if (from.effect === to.effect) return undefined
    tallyUp(this.#tallies[to.effect], device, to.decision)
    return { device, from: from.effect, to: to.effect, decision: to.decision }
  }

  get impact(): Impact {
    const { block, warn, allow } = this.#tallies
    return { devices: this.#devices, blocked: block, warned: warn, allowed: allow, noted: this.#noted }
  }
}

interface MutableTally {
  count: number
  readonly platforms: Map<string, number>
  readonly rules: Map<string, number>
  readonly domains: Map<string, number>
}

function emptyTally(): MutableTally {
  return { count: 0, platforms: new Map(), rules: new Map(), domains: new Map() }
}

function tallyUp(tally: MutableTally, device: DeviceRecord, decision: Decision): void {
  tally.count += 1
  increment(tally.platforms, device.platform)
  increment(tally.rules, decision.rule ?? decision.reason)
  const domain = device.owners[0]?.split('@').at(-1) ?? ''
  const known = tally.domains.has(domain) || tally.domains.size < MAX_DOMAINS
  increment(tally.domains, known ? domain : OTHER_DOMAINS)
}

/** In a mode that enforces, only a silent mandate decides what is not enforced. */
const isSilent = ({ enforced, outcome }: Decision, active: ActivePolicy): boolean =>
  !enforced && outcome !== 'allow' && siteMode(active) === 'enforce'

const increment = (counts: Map<string, number>, key: string): Map<string, number> =>
  counts.set(key, (counts.get(key) ?? 0) + 1)

/** How a device is served that proves itself, whatever a single host's break-glass says. */
export function effectOn(
  device: DeviceRecord,
  { overrides, attestations }: Beside,
  active: ActivePolicy,
  at: number,
): { readonly effect: Action; readonly decision: Decision } {
  const subject = {
    user: device.owners[0] ?? '',
    claim: { deviceId: device.id, proof: 'tag' },
    platformHint: null,
    exemptNetwork: false,
  } as const
  const host = { enforcement: 'policy', unidentified: 'owner' } as const
  const decision = decide(
    { subject, active, host, devices: [device], overrides, attestations, leaseValid: true },
    at,
  )
  const effect = effectOf(decision)
  return { effect: effect === 'unavailable' ? 'block' : effect, decision }
}
