import type { ReadStore } from '../devices/store'
import type { Beside } from '../policy/decision'
import type { DeviceRecord } from '../policy/device'
import type { ActivePolicy, Policy } from '../policy/policy'
import { ImpactCount, turningPoints, type Impact } from '../policy/what-if'
import { forEveryDevice } from './every-device'

/** What a policy would do at one moment. Epoch milliseconds. */
export interface MomentImpact {
  readonly at: number
  readonly impact: Impact
}

/** Looked at in one go. */
export const MAX_MOMENTS = 16

/** Now, and each deadline, stage and end of a draft that is still to come; in their order. */
export const momentsToCome = (draft: Policy, now: number): number[] =>
  inOrder([now, ...turningPoints(draft).filter((moment) => moment > now)])

export const inOrder = (moments: readonly number[]): number[] => [...new Set(moments)].sort((a, b) => a - b)

/**
 * Whom enforcing `draft` would block, warn and let in at its moments, other than what is in force. Goes over all devices
 * without holding the process up; rejects with the signal's reason when that is aborted.
 */
export async function impactOf(
  store: ReadStore,
  active: ActivePolicy,
  draft: Policy,
  now: number,
  signal: AbortSignal,
): Promise<readonly MomentImpact[]> {
  const enforced: ActivePolicy = { version: 0, policy: draft, modeOverride: 'enforce' }
  const counts = momentsToCome(draft, now)
    .slice(0, MAX_MOMENTS)
    .map((at) => ({
      at,
      count: new ImpactCount({ before: { active, at }, after: { active: enforced, at } }),
    }))
  const add = (device: DeviceRecord, beside: Beside): void => {
    for (const { count } of counts) count.add(device, beside)
  }
  await forEveryDevice(store, add, signal)
  return counts.map(({ at, count }) => ({ at, impact: count.impact }))
}
