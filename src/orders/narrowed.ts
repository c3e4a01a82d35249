import type { DeviceRecord } from '../policy/device'
import type { ActivePolicy, Mandate } from '../policy/policy'
import { findingsOf, unseenFinding } from '../policy/reach'

/** A policy as it is for one device: without the mandates that ask for what the device is seen not to have. */
export function narrowing(active: ActivePolicy): (device: DeviceRecord) => ActivePolicy {
  const { policy } = active
  const byFinding = new Map<string, { readonly mandate: Mandate; readonly place: number }[]>()
  policy.mandates.forEach((mandate, place) => {
    const placed = { mandate, place }
    for (const finding of [...findingsOf(mandate), unseenFinding(mandate)]) {
      const listed = byFinding.get(finding)
      if (listed) listed.push(placed)
      else byFinding.set(finding, [placed])
    }
  })
  const none = { ...active, policy: { ...policy, mandates: [] } }
  return ({ findings }) => {
    const found = findings.flatMap((finding) => byFinding.get(finding) ?? [])
    if (found.length === 0) return none
    // A device may have an app under several ids, or be unseen for several mandates.
    const mandates = [...new Set(found)].sort((a, b) => a.place - b.place).map(({ mandate }) => mandate)
    return { ...active, policy: { ...policy, mandates } }
  }
}
