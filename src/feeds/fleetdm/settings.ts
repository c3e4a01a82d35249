import { urlSetting } from '../../config/settings'
import { APPS_SETTING } from '../app-findings'
import type { Settings } from '../kind'

/** What a device may be called by: what stands in its tag or certificate. */
export const DEVICE_IDS = ['serial', 'uuid'] as const
export type DeviceIdField = (typeof DEVICE_IDS)[number]

export interface FleetdmSettings extends Settings {
  readonly url: string
  readonly team_id?: number
  readonly policies: readonly string[]
  readonly device_id: DeviceIdField
}

/** With what apps and the rest bring, they stay within what a record may have. */
export const MAX_POLICIES = 50

export const FLEETDM_SETTINGS = {
  type: 'object',
  additionalProperties: false,
  required: ['url'],
  properties: {
    url: urlSetting('where Fleet is, as https://fleet.example.com', '^https?://[^/?#]+/?$'),
    team_id: { type: 'integer', minimum: 0, description: 'the team whose hosts are read; default: all' },
    policies: {
      type: 'array',
      default: [],
      maxItems: MAX_POLICIES,
      uniqueItems: true,
      items: { type: 'string', pattern: '^[^\\s\\p{C}][^\\p{C}]{0,254}$' },
      description: 'ids or names of the policies that count; default: those marked critical',
    },
    device_id: {
      enum: DEVICE_IDS,
      default: 'serial',
      description: 'what tags and certificates name a device by',
    },
    ...APPS_SETTING,
  },
}
