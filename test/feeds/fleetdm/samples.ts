import type { DeviceRecord } from '../../../src/policy/device'
import { AT } from '../../devices/samples'
import { device } from '../feed-site'

type Json = Record<string, unknown>

export const serial = (number: number): string => `S${String(number).padStart(9, '0')}`

export const answer = (id: number, response: string): Json => ({ id, name: `policy ${id}`, response })

export const passing = (): Json[] => [answer(1, 'fail'), answer(2, 'pass'), answer(3, 'pass')]

/** A Mac as Fleet has it, with all that may be asked for of it. */
export const fleetHost = (number: number, change: Json = {}): Json => ({
  uuid: `392547dc-${number}`,
  hardware_serial: serial(number),
  platform: 'darwin',
  detail_updated_at: new Date(AT).toISOString(),
  seen_time: new Date(AT).toISOString(),
  team_id: null,
  issues: { failing_policies_count: 1, total_issues_count: 1 },
  mdm: { enrollment_status: 'On (automatic)', name: 'Fleet' },
  policies: passing(),
  device_mapping: [{ email: `user${number}@example.com`, source: 'mdm_idp_accounts' }],
  software: [{ id: 1, name: 'Mail.app', source: 'apps', bundle_identifier: 'com.apple.mail' }],
  ...change,
})

/** An iPhone has no osquery, so no policies. */
export const fleetPhone = (number: number, change: Json = {}): Json =>
  fleetHost(number, { platform: 'ios', policies: [], ...change })

/** What becomes of a Mac. */
export const host = (number: number, change: Partial<DeviceRecord> = {}): DeviceRecord =>
  device(serial(number), {
    owners: [`user${number}@example.com`],
    platform: 'macos',
    version: AT,
    ...change,
  })
