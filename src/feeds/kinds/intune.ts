import { urlSetting } from '../../config/settings'
import { appProblems, APPS_SETTING, UNSEEN_APPS, wantedApps } from '../app-findings'
import { detectedApps, idProblems, installedApps, tellableApps } from '../intune/detected-apps'
import { CLIENT_SECRET, Graph } from '../intune/graph'
import { DEVICE_FIELDS, DEVICE_IDS, readDevice, type DeviceId } from '../intune/managed-device'
import type { FeedKind } from '../kind'

const ROOT_URL = urlSetting('an https URL without a path', '^https?://[^/?#]+$')

const devices = (count: number): string =>
  `deviceManagement/managedDevices?$select=${DEVICE_FIELDS.join(',')}&$top=${count}`

/** The managed devices of a tenant, and which of the wanted apps Intune detected on them (Microsoft Graph v1.0). */
export const intuneKind: FeedKind = {
  kind: 'intune',
  description: 'devices, their compliance and their apps from Microsoft Intune',
  settingsSchema: {
    type: 'object',
    additionalProperties: false,
    required: ['tenant', 'client_id'],
    properties: {
      tenant: {
        type: 'string',
        pattern: '^[A-Za-z0-9][A-Za-z0-9.-]{0,252}$',
        title: 'the id of the tenant, or one of its domains',
      },
      client_id: {
        type: 'string',
        pattern: '^[0-9A-Fa-f-]{36}$',
        title: "the application's (client) id, of 36 characters",
      },
      device_id: {
        enum: DEVICE_IDS,
        default: 'id',
        description: 'what tags and certificates name devices by',
      },
      ...APPS_SETTING,
      login_url: { ...ROOT_URL, default: 'https://login.microsoftonline.com' },
      graph_url: { ...ROOT_URL, default: 'https://graph.microsoft.com' },
    },
  },
  secrets: [CLIENT_SECRET],
  everyS: 3600,
  check: (settings) => [...appProblems(settings), ...idProblems(settings)],
  apps: tellableApps,
  test: async (context) => {
    const graph = new Graph(context)
    await graph.pages(devices(1)).next()
    const wanted = wantedApps(context.settings)
    if (wanted.size === 0)
      return { facts: ['may read managed devices', `no apps are looked for: devices get ${UNSEEN_APPS}`] }
    const names = new Set((await detectedApps(graph, wanted)).map(({ name }) => name))
    const found = names.size === 0 ? 'none of them' : [...names].join(', ')
    return { facts: ['may read managed devices', `of the apps looked for, Intune detected ${found}`] }
  },
  sweep: async function* (context) {
    const graph = new Graph(context)
    const wanted = wantedApps(context.settings)
    const installed = await installedApps(graph, wanted)
    const { device_id: deviceId } = context.settings as { readonly device_id: DeviceId }
    for await (const page of graph.pages(devices(1000))) {
      const reader = { source: context.name, deviceId, wanted, installed, now: context.now() }
      yield page.map((device) => readDevice(device, reader))
    }
    return undefined
  },
}
