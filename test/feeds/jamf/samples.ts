import type { DeviceRecord } from '../../../src/policy/device'
import { AT } from '../../devices/samples'
import { device } from '../feed-site'

type Json = Record<string, unknown>

export const serial = (number: number): string => `F${String(number).padStart(9, '0')}`

/** An iPhone as Jamf Pro has it, all sections together; sections are changed field by field. */
export const jamfPhone = (number: number, change: Json = {}): Json => ({
  deviceType: 'iOS',
  ...change,
  general: {
    udid: `00008110-${number}`,
    managementId: `9932fad3-${number}`,
    displayName: 'iPhone',
    lastInventoryUpdateDate: new Date(AT).toISOString(),
    managed: true,
    supervised: true,
    deviceOwnershipType: 'Institutional',
    ...(change['general'] as Json),
  },
  hardware: { serialNumber: serial(number), ...(change['hardware'] as Json) },
  userAndLocation: {
    username: `user${number}`,
    emailAddress: `user${number}@example.com`,
    ...(change['userAndLocation'] as Json),
  },
  groups: change['groups'] ?? [group('14')],
  applications: change['applications'] ?? [app('com.example.mail')],
})

export const group = (groupId: string): Json => ({ groupId, groupName: `group ${groupId}`, smart: true })

export const app = (identifier: string): Json => ({
  identifier,
  name: identifier,
  managementStatus: 'Unmanaged',
})

/** What becomes of it. */
export const phone = (number: number, change: Partial<DeviceRecord> = {}): DeviceRecord =>
  device(serial(number), { owners: [`user${number}@example.com`], version: AT, ...change })

export const jamfMac = (number: number, change: Json = {}): Json => ({
  udid: `MAC-${number}`,
  ...change,
  general: {
    name: 'Mac',
    platform: 'Mac',
    managementId: `73226fb6-${number}`,
    supervised: true,
    reportDate: new Date(AT).toISOString(),
    remoteManagement: { managed: true },
    ...(change['general'] as Json),
  },
  hardware: { serialNumber: `C${serial(number)}`, ...(change['hardware'] as Json) },
  userAndLocation: {
    username: '',
    email: `user${number}@example.com`,
    ...(change['userAndLocation'] as Json),
  },
  groupMemberships: change['groupMemberships'] ?? [],
  applications: change['applications'] ?? [{ bundleId: 'com.apple.Safari', name: 'Safari.app' }],
})

export const mac = (number: number, change: Partial<DeviceRecord> = {}): DeviceRecord =>
  device(`C${serial(number)}`, {
    owners: [`user${number}@example.com`],
    platform: 'macos',
    version: AT,
    ...change,
  })
