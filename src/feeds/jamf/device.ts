import { isDeviceId, parseDeviceRecord } from '../../devices/record'
import type { ComplianceState, Platform } from '../../policy/vocabulary'
import { appFindings, type WantedApps } from '../app-findings'
import { addressesIn, fieldsOf, numberedId, textOf, textsIn, type Fields } from '../fields'
import type { FeedReading } from '../reading'
import type { DeviceIdField } from './settings'

/** One device of either inventory, as far as this is of interest here. */
export interface JamfDevice {
  readonly ids: Readonly<Record<DeviceIdField, unknown>>
  readonly platform: Platform
  readonly managed: unknown
  readonly supervised: unknown
  /** When it last told its inventory. */
  readonly toldAt: unknown
  readonly people: readonly unknown[]
  /** Whether the way it was enrolled shows all apps to Jamf Pro. */
  readonly showsApps: boolean
  /** By their bundle ids; undefined: the section is not there. */
  readonly apps: readonly unknown[] | undefined
  /** By their ids; undefined: the section is not there. */
  readonly groups: readonly unknown[] | undefined
}

/** Sections that did not come, so that nothing can be told; or the device. */
type Reading = JamfDevice | { readonly missing: string }

const MOBILE_PLATFORMS: Readonly<Record<string, Platform>> = {
  ios: 'ios',
  ipados: 'ios',
  android: 'android',
}

/** With User Enrollment only the apps that Jamf Pro itself brought are told; what is unknown counts like it. */
const SHOW_APPS = ['Institutional', 'AccountDrivenDeviceEnrollment']

export function mobileDevice(device: Fields): Reading {
  const general = fieldsOf(device['general'])
  const hardware = fieldsOf(device['hardware'])
  const user = fieldsOf(device['userAndLocation'])
  if (!general || !hardware || !user) return missing({ general, hardware, userAndLocation: user })
  return {
    ids: { serial: hardware['serialNumber'], udid: general['udid'], management_id: general['managementId'] },
    platform: MOBILE_PLATFORMS[(textOf(device['deviceType']) ?? '').toLowerCase()] ?? 'other',
    managed: general['managed'],
    supervised: general['supervised'],
    toldAt: general['lastInventoryUpdateDate'],
    people: [user['emailAddress'], user['username']],
    showsApps: SHOW_APPS.some((type) => type === general['deviceOwnershipType']),
    apps: column(device['applications'], 'identifier'),
    groups: column(device['groups'], 'groupId'),
  }
}

export function computer(device: Fields): Reading {
  const general = fieldsOf(device['general'])
  const hardware = fieldsOf(device['hardware'])
  const user = fieldsOf(device['userAndLocation'])
  if (!general || !hardware || !user) return missing({ general, hardware, userAndLocation: user })
  return {
    ids: { serial: hardware['serialNumber'], udid: device['udid'], management_id: general['managementId'] },
    platform: textOf(general['platform'])?.toLowerCase() === 'mac' ? 'macos' : 'other',
    managed: fieldsOf(general['remoteManagement'])?.['managed'],
    supervised: general['supervised'],
    toldAt: general['reportDate'],
    people: [user['email'], user['username']],
    showsApps: true,
    apps: column(device['applications'], 'bundleId'),
    groups: column(device['groupMemberships'], 'groupId'),
  }
}

const missing = (sections: Readonly<Record<string, unknown>>): Reading => ({
  missing: Object.keys(sections).find((name) => sections[name] === undefined) ?? '',
})

const column = (list: unknown, field: string): unknown[] | undefined =>
  Array.isArray(list) ? list.map((item) => fieldsOf(item)?.[field]) : undefined

/** What a device record is made by. */
export interface Terms {
  readonly feed: string
  readonly deviceId: DeviceIdField
  /** Groups whose members are noncompliant; undefined: nobody says who is. */
  readonly noncompliant: ReadonlySet<string> | undefined
  readonly apps: WantedApps
  /** When the source was asked. */
  readonly version: number
}

/** `place`: mobile-12, computer-12: unique within one Jamf Pro. */
export function readingOf(place: string, device: Reading, terms: Terms): FeedReading {
  if ('missing' in device) return { place, problem: `${device.missing}: is missing` }
  const id = textOf(device.ids[terms.deviceId]) ?? `${terms.feed}-${place}`
  if (!isDeviceId(id)) return { place, problem: `${terms.deviceId}: is no id that a device may have` }
  const { managed, groups } = device
  const sections = sectionProblem(device, terms)
  if (typeof managed !== 'boolean') return { place, id, problem: 'managed: is neither true nor false' }
  if (sections !== undefined) return { place, id, problem: sections }
  const reading = parseDeviceRecord({
    id,
    owners: addressesIn(device.people),
    platform: device.platform,
    state: stateOf(managed, groups, terms.noncompliant),
    findings: [
      ...(managed ? [] : ['device:unmanaged']),
      ...(device.supervised === false ? ['device:unsupervised'] : []),
      ...appFindings(terms.apps, textsIn(device.apps ?? []), managed && device.showsApps),
    ],
    evidence_at: device.toldAt,
    source: terms.feed,
    version: terms.version,
  })
  return reading.ok ? { place, record: reading.record } : { place, id, problem: reading.problem }
}

/** That a section is not there says nothing of what would stand in it. */
function sectionProblem({ apps, groups }: JamfDevice, terms: Terms): string | undefined {
  if (terms.noncompliant && !groups) return 'groups: is missing'
  if (terms.apps.size > 0 && !apps) return 'applications: is missing'
  return undefined
}

/** Jamf Pro has no state of its own: who is in none of the groups is compliant, as long as it is managed. */
function stateOf(
  managed: boolean,
  groups: readonly unknown[] | undefined,
  noncompliant: ReadonlySet<string> | undefined,
): ComplianceState {
  if (!noncompliant) return 'unknown'
  if (groups?.some((group) => noncompliant.has(numberedId(group) ?? ''))) return 'noncompliant'
  return managed ? 'compliant' : 'unknown'
}
