import { guardFigure, type GuardFigure } from '../policy/guard'
import type { DeviceRecord } from '../policy/device'
import type { Policy } from '../policy/policy'
import { findingsOf, unseenFinding } from '../policy/reach'

/** How many devices one feed may turn within a time. */
export interface BreakerBounds {
  /** Of all known devices; 100: `count` alone is the bound, as devices may turn more than once. */
  readonly percent: number
  readonly count: number
  readonly windowS: number
}

export const DEFAULT_BREAKER: BreakerBounds = { percent: 5, count: 50, windowS: 3600 }

/** Devices turned, by slices of the window, oldest first. */
export type Turned = readonly (readonly [slice: number, count: number])[]

/** The window moves on in so many steps. */
const SLICES = 60

/** What a policy's mandates go by: a device that gains or loses one is turned by it too. */
export const mandatedFindings = (policy: Policy | undefined): ReadonlySet<string> =>
  new Set(
    policy?.mandates.flatMap((mandate) => [
      ...findingsOf(mandate),
      ...(policy.unknown === 'allow' ? [] : [unseenFinding(mandate)]),
    ]),
  )

/** Whether a record changes what its device may do: into or out of noncompliant, or of a mandate's reach. */
export function turns(stored: DeviceRecord, record: DeviceRecord, mandated: ReadonlySet<string>): boolean {
  const becomes = record.state === 'noncompliant' && stored.state !== 'noncompliant'
  const recovers = stored.state === 'noncompliant' && record.state === 'compliant'
  return becomes || recovers || reach(stored, mandated) !== reach(record, mandated)
}

const reach = ({ findings }: DeviceRecord, mandated: ReadonlySet<string>): string =>
  findings
    .filter((finding) => mandated.has(finding))
    .sort()
    .join('\n')

/** The window with `count` more, as it is now; what is older than it is left out. */
export function withTurned(turned: Turned, count: number, now: number, bounds: BreakerBounds): Turned {
  const slice = sliceOf(now, bounds)
  // A clock that is set back forgives nothing.
  const kept = turned.filter(([at]) => at > slice - SLICES)
  if (count === 0) return kept
  const last = kept.at(-1)
  return last?.[0] === slice ? [...kept.slice(0, -1), [slice, last[1] + count]] : [...kept, [slice, count]]
}

const sliceOf = (now: number, { windowS }: BreakerBounds): number =>
  Math.floor(now / ((windowS * 1000) / SLICES))

export function turnedFigure(turned: Turned, devices: number, bounds: BreakerBounds): GuardFigure {
  const sum = turned.reduce((all, [, count]) => all + count, 0)
  if (bounds.percent >= 100) return { newlyBlocked: sum, devices, bound: bounds.count }
  return guardFigure(sum, devices, bounds)
}
