import type { DeviceRecord } from '../policy/device'
import type { ActivePolicy, Mandate } from '../policy/policy'

/** A policy as it is for one device: without the mandates that ask for what the device does not have. */
export function narrowing(active: ActivePolicy): (device: DeviceRecord) => ActivePolicy {
  const { policy } = active
  const byFinding = new Map<string, { readonly mandate: Mandate; readonly place: number }[]>()
  policy.mandates.forEach((mandate, place) => {
    const listed = byFinding.get(mandate.finding)
    if (listed) listed.push({ mandate, place })
    else byFinding.set(mandate.finding, [{ mandate, place }])
  })
  const none = { ...active, policy: { ...policy, mandates: [] } }
  return ({ findings }) => {
    const found = findings.flatMap((finding) => byFinding.get(finding) ?? [])
    if (found.length === 0) return none
    const mandates = found.sort((a, b) => a.place - b.place).map(({ mandate }) => mandate)
    return { ...active, policy: { ...policy, mandates } }
  }
}
