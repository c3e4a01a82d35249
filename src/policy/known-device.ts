import { countsUntil, type Attestation } from './attestation'
import type { DecisionRequest } from './decision'
import type { DeviceRecord } from './device'
import { unseenFinding } from './reach'

/** A device as it is judged: as its source reported it, or where nobody did, as its person's statements name it. */
export interface KnownDevice {
  readonly record: DeviceRecord
  readonly isReported: boolean
  /** Of the person who asks, about this device, in force. */
  readonly statements: readonly Attestation[]
}

/** When a device that is known by statements alone comes to be another or none; Infinity: it was reported. */
export const statedUntil = ({ isReported, statements }: KnownDevice): number =>
  isReported ? Infinity : Math.min(...statements.map(countsUntil))

const NONE: readonly Attestation[] = []

type Known = Pick<DecisionRequest, 'subject' | 'active' | 'devices' | 'attestations'>

/** undefined: nobody reported it, and its person said nothing of it. */
export function knownDevice(request: Known, id: string, now: number): KnownDevice | undefined {
  const reported = request.devices.find((device) => device.id === id)
  // Nearly always: a decision that is not cached is made of little else than what it allocates.
  if (request.attestations.length === 0)
    return reported && { record: reported, isReported: true, statements: NONE }
  const statements = request.attestations.filter(
    (one) => one.deviceId === id && one.user === request.subject.user && countsUntil(one) > now,
  )
  if (reported) return { record: reported, isReported: true, statements }
  const newest = statements.toSorted((a, b) => (b.stated?.at ?? 0) - (a.stated?.at ?? 0))[0]
  return newest && { record: attestedRecord(newest, request), isReported: false, statements }
}

/** Nothing of it can be seen; of its state nothing is known that would speak against it. */
const attestedRecord = (
  { deviceId, user, platform, stated }: Attestation,
  { active }: Pick<Known, 'active'>,
): DeviceRecord => ({
  id: deviceId,
  owners: [user],
  platform,
  state: 'compliant',
  findings: [...new Set(active.policy.mandates.map(unseenFinding))],
  evidenceAt: stated?.at ?? 0,
  source: 'attestation',
  version: 0,
})

/**
 * The devices that stand for a client which proves none: those of the user, of the hinted platform where the client gave
 * a hint. A user with no such device has those that the user made statements about.
 */
export function ownedDevices(request: Known, now: number): KnownDevice[] {
  const { platformHint } = request.subject
  const known = (ids: readonly string[]): KnownDevice[] =>
    ids
      .flatMap((id) => knownDevice(request, id, now) ?? [])
      .filter(({ record }) => platformHint === null || record.platform === platformHint)
  const reported = known(request.devices.map(({ id }) => id))
  if (reported.length > 0) return reported
  const stated = known([...new Set(request.attestations.map(({ deviceId }) => deviceId))])
  return stated.filter(({ isReported }) => !isReported)
}
