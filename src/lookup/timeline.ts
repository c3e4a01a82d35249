import type { HistoryEntry } from '../devices/history'
import { normaliseUser } from '../devices/record'
import { unlessDamaged } from '../devices/unless-damaged'
import type { JournalEntry } from '../journal/journal'
import { startOf, TRAFFIC_KEPT_MS } from '../journal/traffic'
import type { DeviceRecord } from '../policy/device'
import type { Override } from '../policy/override'
import type { Protocol } from '../policy/vocabulary'
import { deviceCase, readDevice, userCases, type Case } from './case'
import { recentBlocks } from './recent-blocks'
import { isoTime, NotKnownError, readable, type LookupSite } from './site'

/** A person's last sync with a device. */
export interface Sync {
  readonly user: string
  /** null: none was proven. */
  readonly device: string | null
  readonly protocol: Protocol
  /** To ten minutes. Epoch milliseconds. */
  readonly at: number
}

export interface DeviceTimeline {
  readonly record: DeviceRecord
  readonly case: Case
  readonly overrides: readonly Override[]
  /** Orders about the device, newest first. */
  readonly history: readonly HistoryEntry[]
  /** The newest entries of the block log about it, newest first. */
  readonly recent: readonly JournalEntry[]
  readonly synced: readonly Sync[]
}

export interface Person {
  readonly user: string
  readonly devices: readonly DeviceRecord[]
  readonly overrides: readonly Override[]
  readonly cases: readonly Case[]
  readonly history: readonly HistoryEntry[]
  readonly recent: readonly JournalEntry[]
  readonly synced: readonly Sync[]
}

const RECENT = 50
const MAX_DEVICES = 64
/** Owners of a device whose syncs are looked for. */
const MAX_OWNERS = 8
/** Orders looked at for those about somebody. */
const MAX_ORDERS = 5000
const MAX_TOLD_ORDERS = 50

/** All that is known of one device. Rejects with NotKnownError. */
export async function deviceTimeline(site: LookupSite, id: string): Promise<DeviceTimeline> {
  const record = site.store().device(id)
  if (!record) throw new NotKnownError(`no device ${id} was ever reported`)
  const subject = { kind: 'device', id } as const
  return {
    record,
    case: deviceCase(site, record),
    overrides: overridesOn(site, subject),
    history: ordersAbout(site, [subject]),
    recent: await recentBlocks(site, { device: id }, RECENT),
    synced: lastSyncs(site, record.owners, id),
  }
}

/** All that is known of one person, whether anything is or not. */
export async function person(site: LookupSite, name: string): Promise<Person> {
  const user = normaliseUser(name)
  const devices = site
    .store()
    .deviceIdsOf(user, MAX_DEVICES)
    .flatMap((id) => readDevice(site, id) ?? [])
  const subjects = [
    { kind: 'user', id: user } as const,
    ...devices.map(({ id }) => ({ kind: 'device', id }) as const),
  ]
  return {
    user,
    devices,
    overrides: subjects.flatMap((subject) => overridesOn(site, subject)),
    cases: userCases(site, user),
    history: ordersAbout(site, subjects),
    recent: await recentBlocks(site, { user }, RECENT),
    synced: lastSyncs(site, [user]),
  }
}

const overridesOn = (site: LookupSite, subject: Override['subject']): readonly Override[] =>
  unlessDamaged(() => site.store().overridesOn(subject), site.tell) ?? []

/** Exemptions, locks and statements name whom they are about in the words of their change. */
function ordersAbout(site: LookupSite, subjects: readonly Override['subject'][]): readonly HistoryEntry[] {
  const names = subjects.map(({ kind, id }) => `${kind} ${id} `)
  return readable(site, site.store().history(MAX_ORDERS))
    .filter(
      ({ kind, change }) =>
        ((kind === 'exempt' || kind === 'lock') && names.some((name) => change.startsWith(name))) ||
        (kind === 'attest' && names.some((name) => change.includes(name))),
    )
    .slice(0, MAX_TOLD_ORDERS)
}

/** The last of each user, device and protocol that the traffic record has. */
function lastSyncs(site: LookupSite, users: readonly string[], deviceId?: string): readonly Sync[] {
  const since = site.now() - TRAFFIC_KEPT_MS
  const last = new Map<string, Sync>()
  for (const name of users.slice(0, MAX_OWNERS)) {
    for (const { user, device, protocol, bucket } of site.visitsOf(name, since)) {
      const key = JSON.stringify([user, device, protocol])
      if ((deviceId === undefined || device === deviceId) && !last.has(key))
        last.set(key, { user, device, protocol, at: startOf(bucket) })
    }
  }
  return [...last.values()].sort((a, b) => b.at - a.at)
}

/** The published form. */
export const syncJson = ({ user, device, protocol, at }: Sync): object => ({
  user,
  device,
  protocol,
  at: isoTime(at),
})
