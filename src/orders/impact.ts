import type { ReadStore } from '../devices/store'
import type { ActivePolicy, Policy } from '../policy/policy'
import { ImpactCount, turningPoints, type Impact } from '../policy/what-if'
import { forEveryDevice } from './every-device'

/** What a policy would do at one moment. Epoch milliseconds. */
export interface MomentImpact {
  readonly at: number
  readonly impact: Impact
}

/** Now and the next deadlines, stages and ends of a draft. */
const MAX_MOMENTS = 16

export function momentsOf(draft: Policy, now: number): number[] {
  const moments = [now, ...turningPoints(draft).filter((moment) => moment > now)]
  return [...new Set(moments)].sort((a, b) => a - b).slice(0, MAX_MOMENTS)
}

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
  const counts = momentsOf(draft, now).map((at) => ({
    at,
    count: new ImpactCount({ before: { active, at }, after: { active: enforced, at } }),
  }))
  await forEveryDevice(store, (device, overrides) => {
    signal.throwIfAborted()
    for (const { count } of counts) count.add(device, overrides)
  })
  return counts.map(({ at, count }) => ({ at, impact: count.impact }))
}
