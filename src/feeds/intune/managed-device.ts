import { parseDeviceRecord } from '../../devices/record'
import type { ComplianceState, Platform } from '../../policy/vocabulary'
import { appFindings, UNSEEN_APPS, type WantedApps } from '../app-findings'
import type { FeedReading } from '../reading'
import type { InstalledApps } from './detected-apps'
import { textOf, type GraphObject } from './graph'

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
  device: GraphObject,
  { source, deviceId, wanted, installed, now }: DeviceReader,
): FeedReading {
  const own = textOf(device['id'])
  const place = `managedDevices/${own.slice(0, 64)}`
  if (own === '') return { place, problem: 'id: is missing' }
  const id = textOf(device[deviceId])
  // Told by Intune's own id: a device that has no other does not keep those that are gone from being marked.
  if (id === '' || id === UNREGISTERED) return { place, id: own, problem: `${deviceId}: the device has none` }
  const seenAt = Date.parse(textOf(device['lastSyncDateTime']))
  if (!(seenAt <= now + MAX_AHEAD_MS))
    return { place, id, problem: 'lastSyncDateTime: is no time, or in the future' }
  const { state, finding } = stateOf(device, now)
  const platform = platformOf(textOf(device['operatingSystem']))
  const reading = parseDeviceRecord({
    id,
    owners: ownersOf(device),
    platform,
    state,
    findings: [
      ...(finding === undefined ? [] : [finding]),
      ...jailbreakFindings(textOf(device['jailBroken']), platform),
      ...appFindings(wanted, installed.get(own) ?? []),
      ...(isAllSeen(device) ? [] : [UNSEEN_APPS]),
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
  device: GraphObject,
  now: number,
): { readonly state: ComplianceState; readonly finding?: string } {
  const state = textOf(device['complianceState'])
  switch (state) {
    case 'compliant':
    case 'noncompliant':
    case 'unknown':
      return { state }
    case 'inGracePeriod': {
      const endsAt = Date.parse(textOf(device['complianceGracePeriodExpirationDateTime']))
      // A time before there was an Intune is one that is not set.
      if (!(endsAt > 0 && endsAt <= now)) return { state: 'grace' }
      return { state: 'noncompliant', finding: 'policy:grace-expired' }
    }
    default: {
      const word = state.replace(/[^\w-]/g, '').slice(0, 64)
      return { state: 'unknown', finding: `source:state-${word === '' ? 'missing' : word}` }
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

const platformOf = (system: string): Platform => SYSTEMS.find(([name]) => name.test(system))?.[1] ?? 'other'

/** A text: True, False, or Unknown while it was not looked for. */
function jailbreakFindings(jailBroken: string, platform: Platform): string[] {
  const word = jailBroken.toLowerCase()
  if (word === 'true') return ['device:jailbroken']
  return word !== 'false' && JAILBREAKABLE.includes(platform) ? ['unseen:device'] : []
}
const JAILBREAKABLE: readonly Platform[] = ['ios', 'android']

const ownersOf = (device: GraphObject): string[] =>
  [textOf(device['userPrincipalName']), ...textOf(device['emailAddress']).split(/[;,\s]+/)].filter((name) =>
    name.includes('@'),
  )

/** Management channels by which all of a device's apps come into Intune. */
const SEEING_AGENTS = ['mdm', 'easMdm', 'intuneClient', 'easIntuneClient']

/**
 * Of personal devices, and by Apple's user enrolment, only managed apps are known; of Android Enterprise those of the
 * work profile.
 */
const isAllSeen = (device: GraphObject): boolean =>
  device['managedDeviceOwnerType'] === 'company' &&
  SEEING_AGENTS.includes(textOf(device['managementAgent'])) &&
  !/^android./i.test(textOf(device['operatingSystem'])) &&
  !textOf(device['deviceEnrollmentType']).startsWith('appleUserEnrollment')
