import { parseDeviceRecord } from '../../devices/record'
import type { ComplianceState, Platform } from '../../policy/vocabulary'
import { appFindings, type WantedApps } from '../app-findings'
import { textOf, type Fields } from '../fields'
import type { FeedReading } from '../reading'
import type { InstalledApps } from './detected-apps'

/** Fields of a managed device that may name it here. */
export const DEVICE_IDS = ['id', 'azureADDeviceId', 'serialNumber'] as const
export type DeviceId = (typeof DEVICE_IDS)[number]

/** All that is asked for of a managed device. */
export const DEVICE_FIELDS = [
  ...DEVICE_IDS,
  'userPrincipalName',
  'emailAddress',
  'operatingSystem',
  'complianceState',
  'complianceGracePeriodExpirationDateTime',
  'jailBroken',
  'lastSyncDateTime',
  'managedDeviceOwnerType',
  'managementAgent',
  'deviceEnrollmentType',
] as const

/** Clocks differ; a time further ahead would keep all later ones out. */
const MAX_AHEAD_MS = 3_600_000
/** Entra's id of a device that is not registered there. */
const UNREGISTERED = '00000000-0000-0000-0000-000000000000'

export interface DeviceReader {
  readonly source: string
  readonly deviceId: DeviceId
  readonly wanted: WantedApps
  readonly installed: InstalledApps
  readonly now: number
}

/** What a managed device says, as a record or as what is wrong with it. */
export function readDevice(
  device: Fields,
  { source, deviceId, wanted, installed, now }: DeviceReader,
): FeedReading {
  const own = textOf(device['id'])
  const place = `managedDevices/${own?.slice(0, 64) ?? ''}`
  if (own === undefined) return { place, problem: 'id: is missing' }
  const id = textOf(device[deviceId])
  // Told by Intune's own id: a device that has no other does not keep those that are gone from being marked.
  if (id === undefined || id === UNREGISTERED)
    return { place, id: own, problem: `${deviceId}: the device has none` }
  const seenAt = timeOf(device['lastSyncDateTime'])
  if (!(seenAt <= now + MAX_AHEAD_MS))
    return { place, id, problem: 'lastSyncDateTime: is no time, or in the future' }
  const { state, finding } = stateOf(device, now)
  const platform = platformOf(device)
  const reading = parseDeviceRecord({
    id,
    owners: ownersOf(device),
    platform,
    state,
    findings: [
      ...(finding === undefined ? [] : [finding]),
      ...jailbreakFindings(device, platform),
      ...appFindings(wanted, installed.get(own) ?? [], isAllSeen(device)),
    ],
    evidence_at: new Date(seenAt).toISOString(),
    source,
    // Of two managed devices with one serial number it is the one that is in use that counts.
    version: Math.max(0, seenAt),
  })
  return reading.ok ? { place, record: reading.record } : { place, id, problem: reading.problem }
}

/** What is neither compliant nor noncompliant is not known, and a finding says why. */
function stateOf(
  device: Fields,
  now: number,
): { readonly state: ComplianceState; readonly finding?: string } {
  const state = textOf(device['complianceState']) ?? 'missing'
  switch (state) {
    case 'compliant':
    case 'noncompliant':
    case 'unknown':
      return { state }
    case 'inGracePeriod': {
      const endsAt = timeOf(device['complianceGracePeriodExpirationDateTime'])
      // A time before there was an Intune is one that is not set.
      if (!(endsAt > 0 && endsAt <= now)) return { state: 'grace' }
      return { state: 'noncompliant', finding: 'policy:grace-expired' }
    }
    default: {
      const word = state.replace(/[^\w-]/g, '').slice(0, 64)
      return { state: 'unknown', finding: `source:state-${word}` }
    }
  }
}

const SYSTEMS: readonly (readonly [RegExp, Platform])[] = [
  [/^(ios|ipados)/i, 'ios'],
  [/^android/i, 'android'],
  [/^windows/i, 'windows'],
  [/^mac ?os/i, 'macos'],
  [/^(linux|ubuntu)/i, 'linux'],
  [/^chrome ?os/i, 'chromeos'],
]

const systemOf = (device: Fields): string => textOf(device['operatingSystem']) ?? ''

const platformOf = (device: Fields): Platform =>
  SYSTEMS.find(([name]) => name.test(systemOf(device)))?.[1] ?? 'other'

/** Not a number where it is none. */
const timeOf = (value: unknown): number => Date.parse(textOf(value) ?? '')

/** A text: True, False, or Unknown while it was not looked for. */
function jailbreakFindings(device: Fields, platform: Platform): string[] {
  const word = textOf(device['jailBroken'])?.toLowerCase()
  if (word === 'true') return ['device:jailbroken']
  return word !== 'false' && JAILBREAKABLE.includes(platform) ? ['unseen:device'] : []
}
const JAILBREAKABLE: readonly Platform[] = ['ios', 'android']

const ownersOf = (device: Fields): string[] =>
  ['userPrincipalName', 'emailAddress']
    .flatMap((field) => textOf(device[field])?.split(/[;,\s]+/) ?? [])
    .filter((name) => name.includes('@'))

/** Management channels by which all of a device's apps come into Intune. */
const SEEING_AGENTS = ['mdm', 'easMdm', 'intuneClient', 'easIntuneClient']

/**
 * Of personal devices, and by Apple's user enrolment, only managed apps are known; of Android Enterprise those of the
 * work profile.
 */
const isAllSeen = (device: Fields): boolean =>
  device['managedDeviceOwnerType'] === 'company' &&
  SEEING_AGENTS.includes(textOf(device['managementAgent']) ?? '') &&
  !/^android./i.test(systemOf(device)) &&
  !textOf(device['deviceEnrollmentType'])?.startsWith('appleUserEnrollment')
