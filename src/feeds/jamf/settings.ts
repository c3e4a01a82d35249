import { urlSetting } from '../../config/settings'
import { appProblems, APPS_SETTING } from '../app-findings'
import type { Settings } from '../kind'

/** What a device may be called by: what stands in its tag or certificate. */
export const DEVICE_IDS = ['serial', 'udid', 'management_id'] as const
export type DeviceIdField = (typeof DEVICE_IDS)[number]

export interface JamfSettings extends Settings {
  readonly url: string
  readonly client_id: string
  readonly noncompliant_mobile_groups: readonly string[]
  readonly noncompliant_computer_groups: readonly string[]
  readonly computers: boolean
  readonly device_id: DeviceIdField
}

const MAX_GROUPS = 20

const groups = (of: string): object => ({
  type: 'array',
  default: [],
  maxItems: MAX_GROUPS,
  uniqueItems: true,
  items: { type: 'string', pattern: '^[1-9]\\d{0,9}$' },
  description: `ids of the smart ${of} groups whose members are noncompliant; without one nobody is compliant either`,
})

export const JAMF_SETTINGS = {
  type: 'object',
  additionalProperties: false,
  required: ['url', 'client_id'],
  properties: {
    url: urlSetting('where Jamf Pro is, as https://example.jamfcloud.com', '^https?://[^/?#]+/?$'),
    client_id: { type: 'string', minLength: 1, maxLength: 256 },
    noncompliant_mobile_groups: groups('mobile device'),
    noncompliant_computer_groups: groups('computer'),
    computers: { type: 'boolean', default: true, description: 'whether computers are read too' },
    device_id: {
      enum: DEVICE_IDS,
      default: 'serial',
      description: 'what tags and certificates name a device by',
    },
    ...APPS_SETTING,
  },
}

export function jamfProblems(settings: Settings): string[] {
  const { computers, noncompliant_computer_groups } = settings as JamfSettings
  const problems = appProblems(settings)
  if (computers || noncompliant_computer_groups.length === 0) return problems
  return [...problems, 'noncompliant_computer_groups: computers are not read']
}
