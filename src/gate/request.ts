import type { Replica } from '../devices/store'
import type { DecisionRequest, Subject } from '../policy/decision'
import type { DeviceRecord } from '../policy/device'
import type { Override } from '../policy/override'
import type { ActivePolicy } from '../policy/policy'

/** A person with more devices than this is decided by the first ones: the look-up must stay bounded. */
const MAX_OWNED_DEVICES = 64

/** Gathers all that `decide` may look at from the replica. Throws what the replica throws. */
export function decisionRequest(
  replica: Replica,
  subject: Subject,
  active: ActivePolicy,
  host: DecisionRequest['host'],
  now: number,
): DecisionRequest {
  const devices = devicesOf(replica, subject)
  const overrides: Override[] = replica.overridesOn({ kind: 'user', id: subject.user })
  if (subject.claim) overrides.push(...replica.overridesOn({ kind: 'device', id: subject.claim.deviceId }))
  else for (const { id } of devices) overrides.push(...replica.overridesOn({ kind: 'device', id }))
  return { subject, active, host, devices, overrides, leaseValid: replica.leaseValid(now) }
}

function devicesOf(replica: Replica, { claim, user }: Subject): DeviceRecord[] {
  if (claim) {
    const device = replica.device(claim.deviceId)
    return device ? [device] : []
  }
  const devices = replica.deviceIdsOf(user, MAX_OWNED_DEVICES).flatMap((id) => replica.device(id) ?? [])
  // The index may still name a former owner, when the record that knew of him was damaged.
  return devices.filter(({ owners }) => owners.includes(user))
}
