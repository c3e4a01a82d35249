import { unlessDamaged } from '../devices/unless-damaged'
import type { JournalEntry } from '../journal/journal'
import { countsUntil } from '../policy/attestation'
import type { Decision } from '../policy/decision'
import type { DeviceRecord } from '../policy/device'
import type { Step } from '../policy/explain'
import { claimOf } from './affected'
import { isoTime, type LookupSite } from './site'
import { explaining } from './standing'

/** A person on a device, or on a client that proves none: what is decided now, and why. */
export interface Case {
  readonly title: string
  readonly user: string
  /** The one it is about, or the one that decided. */
  readonly device: DeviceRecord | undefined
  readonly decision: Decision
  readonly steps: readonly Step[]
}

/** A user with more devices is told of the first ones, by which a worker decides too. */
const MAX_DEVICES = 64

export const readDevice = (site: LookupSite, id: string): DeviceRecord | undefined =>
  unlessDamaged(() => site.store().device(id), site.tell)

/** A device as it stands when it proves itself with a tag of `user`. */
export function deviceCase(site: LookupSite, device: DeviceRecord, user = device.owners[0] ?? ''): Case {
  return caseOfDevice(explaining(site), device, user)
}

const caseOfDevice = (
  explained: ReturnType<typeof explaining>,
  device: DeviceRecord,
  user: string,
): Case => ({
  title: `device ${device.id} (${[device.platform, ...device.owners].join(', ')})`,
  user,
  device,
  ...explained(user, { deviceId: device.id, proof: 'tag' }),
})

/** One for each device of a user, those that are known by statements alone too, and one for a client that proves no device. */
export function userCases(site: LookupSite, user: string): Case[] {
  const explained = explaining(site)
  const ids = site.store().deviceIdsOf(user, MAX_DEVICES)
  const cases = ids.flatMap((id) => {
    const device = readDevice(site, id)
    return device ? [caseOfDevice(explained, device, user)] : []
  })
  const stated = statedDevices(site, user).map((id) => ({
    title: `device ${id} (never reported), of which ${user} has stated something`,
    user,
    device: undefined,
    ...explained(user, { deviceId: id, proof: 'tag' }),
  }))
  const known = ids.length > 0 ? '' : ' (and no device of this user was ever reported)'
  const title = `${user} on a client that proves no device${known}`
  const unproven = explained(user, null)
  return [...cases, ...stated, { title, user, device: decidingDevice(site, unproven.decision), ...unproven }]
}

/** Nobody reported them, and what the user stated of them is in force. */
function statedDevices(site: LookupSite, user: string): readonly string[] {
  const stated = unlessDamaged(() => site.store().attestationsOf(user), site.tell) ?? []
  const inForce = stated.filter((one) => countsUntil(one) > site.now()).map(({ deviceId }) => deviceId)
  return [...new Set(inForce)].filter((id) => site.store().device(id) === undefined)
}

/** What was recorded of somebody, as it is now. */
export function entryCase(site: LookupSite, entry: JournalEntry): Case {
  const { user } = entry
  const title = `${user}${entry.device === null ? '' : `, device ${entry.device}`}, as it is now`
  const explained = explaining(site)(user, claimOf(entry))
  const device = entry.device === null ? undefined : readDevice(site, entry.device)
  return { title, user, device: device ?? decidingDevice(site, explained.decision), ...explained }
}

const decidingDevice = (site: LookupSite, { deviceId }: Decision): DeviceRecord | undefined =>
  deviceId === null ? undefined : readDevice(site, deviceId)

/** The published form of a case. */
export const caseJson = ({ title, user, device, decision, steps }: Case, now: number): object => ({
  title,
  user,
  device: decision.deviceId,
  platform: decision.platform,
  proof: decision.proof,
  outcome: decision.outcome,
  enforced: decision.enforced,
  reason: decision.reason,
  rule: decision.rule,
  policy: decision.policyVersion,
  state: device?.state ?? null,
  findings: device?.findings ?? [],
  evidence_at: decision.evidenceAt === null ? null : isoTime(decision.evidenceAt),
  evidence:
    decision.evidenceAt === null
      ? null
      : {
          age_s: Math.round((now - decision.evidenceAt) / 1000),
          at: isoTime(decision.evidenceAt),
          source: device?.source ?? null,
          state: device?.state ?? null,
          findings: device?.findings ?? [],
        },
  valid_until: isoTime(decision.validUntil),
  text: decision.text,
  steps: steps.map(stepJson),
})

export const stepJson = ({ step, name, saw, result, effect }: Step): object => ({
  step,
  name,
  saw,
  result,
  effect: effect?.action ?? null,
  silent: effect?.silent ?? false,
  reason: effect?.reason ?? null,
  rule: effect?.rule ?? null,
})
