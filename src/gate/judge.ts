import type { Replica } from '../devices/store'
import { decide, decideUpFront } from '../policy/decide'
import type { Attestation } from '../policy/attestation'
import type { DecisionRequest, Judgement, Subject } from '../policy/decision'
import type { DeviceRecord } from '../policy/device'
import type { Override } from '../policy/override'
import type { ActivePolicy } from '../policy/policy'
import { isUnseen } from '../policy/reach'
import type { Sources } from './source-index'

/** A person with more devices than this is decided by the first ones: the look-up must stay bounded. */
const MAX_OWNED_DEVICES = 64

export interface Judged {
  readonly decision: Judgement
  readonly sources: Sources
}

/** Decides from what the replica holds, reading no more than the steps need. Throws what the replica throws. */
export function judge(
  replica: Replica,
  subject: Subject,
  active: ActivePolicy,
  host: DecisionRequest['host'],
  now: number,
): Judged {
  const upFront = decideUpFront({ subject, active, host })
  if (upFront) return { decision: upFront, sources: { user: subject.user, deviceIds: [] } }
  const { request, sources } = gather(replica, subject, active, host, now)
  return { decision: decide(request, now), sources }
}

/** All that a decision is made from, once it is not made up front. Throws what the replica throws. */
export function gather(
  replica: Replica,
  subject: Subject,
  active: ActivePolicy,
  host: DecisionRequest['host'],
  now: number,
): { readonly request: DecisionRequest; readonly sources: Sources } {
  const { claim, user } = subject
  const devices = claim ? claimedDevice(replica, claim.deviceId) : ownedDevices(replica, user)
  const stated = mayNeedStatements(subject, devices) ? replica.attestationsOf(user) : []
  const ids = claim ? [claim.deviceId] : [...devices, ...stated].map(idOf)
  const deviceIds = stated.length === 0 ? ids : [...new Set(ids)]
  // Of a client that proves no device: none about a device that was reported as somebody else's.
  const attestations = claim ? stated : stated.filter((one) => isOwn(replica, devices, one))
  const overrides: Override[] = replica.overridesOn({ kind: 'user', id: user })
  for (const id of deviceIds) overrides.push(...replica.overridesOn({ kind: 'device', id }))
  const leaseValid = replica.leaseValid(now)
  const request = { subject, active, host, devices, overrides, attestations, leaseValid }
  return { request, sources: { user, deviceIds } }
}

/** Most devices are reported, and nothing of them is unseen: for those a statement says nothing, and is not read. */
const mayNeedStatements = ({ claim, platformHint }: Subject, devices: readonly DeviceRecord[]): boolean =>
  devices.length === 0 || (claim === null && platformHint !== null) || devices.some(isUnseen)

const isOwn = (replica: Replica, devices: readonly DeviceRecord[], { deviceId }: Attestation): boolean =>
  devices.some(({ id }) => id === deviceId) || replica.device(deviceId) === undefined

const idOf = (one: DeviceRecord | Attestation): string => ('id' in one ? one.id : one.deviceId)

function claimedDevice(replica: Replica, id: string): DeviceRecord[] {
  const device = replica.device(id)
  return device ? [device] : []
}

function ownedDevices(replica: Replica, user: string): DeviceRecord[] {
  const devices: DeviceRecord[] = []
  for (const id of replica.deviceIdsOf(user, MAX_OWNED_DEVICES)) {
    const device = replica.device(id)
    // The index may still name a former owner, when the record that knew of him was damaged.
    if (device?.owners.includes(user)) devices.push(device)
  }
  return devices
}
