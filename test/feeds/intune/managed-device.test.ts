import assert from 'node:assert/strict'

import { wantedApps } from '../../../src/feeds/app-findings'
import { readDevice, type DeviceReader } from '../../../src/feeds/intune/managed-device'
import type { DeviceRecord } from '../../../src/policy/device'
import { AT } from '../../devices/samples'
import { managedDevice } from './intune-server'

const reader = (change: Partial<DeviceReader> = {}): DeviceReader => ({
  source: 'intune',
  deviceId: 'id',
  wanted: wantedApps({ apps: ['tiktok', 'Some App'] }),
  installed: new Map([['has', ['TikTok', 'TIKTOK', 'some app']]]),
  now: AT,
  ...change,
})

const SYNCED = AT - 3_600_000
/** What a sound managed device becomes. */
const SOUND: DeviceRecord = {
  id: 'd',
  owners: ['anna@example.com'],
  platform: 'ios',
  state: 'compliant',
  findings: [],
  evidenceAt: SYNCED,
  source: 'intune',
  version: SYNCED,
}

type Row = readonly [title: string, device: object, record: Partial<DeviceRecord>]

const unknown = (finding: string): Partial<DeviceRecord> => ({ state: 'unknown', findings: [finding] })
const grace = (until: unknown): object => ({
  complianceState: 'inGracePeriod',
  complianceGracePeriodExpirationDateTime: until,
})
const UNSEEN = { findings: ['unseen:app'] }

const TABLE: Readonly<Record<string, readonly Row[]>> = {
  'its state': [
    ['compliant', {}, {}],
    ['noncompliant', { complianceState: 'noncompliant' }, { state: 'noncompliant' }],
    ['unknown', { complianceState: 'unknown' }, { state: 'unknown' }],
    ['conflict', { complianceState: 'conflict' }, unknown('source:state-conflict')],
    ['error', { complianceState: 'error' }, unknown('source:state-error')],
    ['configManager', { complianceState: 'configManager' }, unknown('source:state-configManager')],
    ['a state that is new', { complianceState: 'inLimbo' }, unknown('source:state-inLimbo')],
    ['another case', { complianceState: 'Compliant' }, unknown('source:state-Compliant')],
    ['a number', { complianceState: 1 }, unknown('source:state-missing')],
    ['no state', { complianceState: undefined }, unknown('source:state-missing')],
    ['odd characters', { complianceState: 'a b\u0000:\n' }, unknown('source:state-ab')],
    ['a long one', { complianceState: 'x'.repeat(1000) }, unknown(`source:state-${'x'.repeat(64)}`)],
  ],
  'its grace': [
    ['time left', grace('2026-11-21T08:00:00Z'), { state: 'grace' }],
    ['no end', grace('9999-12-31T23:59:59.9999999Z'), { state: 'grace' }],
    ['an end that is not set', grace('0001-01-01T00:00:00Z'), { state: 'grace' }],
    ['no such field', grace(undefined), { state: 'grace' }],
    [
      'an end that has come',
      grace('2026-11-20T09:00:00+01:00'),
      { state: 'noncompliant', findings: ['policy:grace-expired'] },
    ],
    [
      'an end that has come, when it is compliant',
      { complianceGracePeriodExpirationDateTime: '2026-01-01T00:00:00Z' },
      {},
    ],
  ],
  'its platform': [
    ['iOS', { operatingSystem: 'iOS' }, { platform: 'ios' }],
    ['iPadOS', { operatingSystem: 'iPadOS' }, { platform: 'ios' }],
    ['Android', { operatingSystem: 'Android' }, { platform: 'android' }],
    ['Windows', { operatingSystem: 'Windows' }, { platform: 'windows' }],
    ['macOS', { operatingSystem: 'macOS' }, { platform: 'macos' }],
    ['Mac OS X', { operatingSystem: 'Mac OS X' }, { platform: 'macos' }],
    ['Linux', { operatingSystem: 'Linux (ubuntu)' }, { platform: 'linux' }],
    ['ChromeOS', { operatingSystem: 'ChromeOS' }, { platform: 'chromeos' }],
    ['another', { operatingSystem: 'Tizen' }, { platform: 'other' }],
    ['none', { operatingSystem: null }, { platform: 'other' }],
  ],
  'its owners': [
    [
      'a mail address that is not the name',
      { emailAddress: 'a.b@example.com' },
      { owners: ['anna@example.com', 'a.b@example.com'] },
    ],
    [
      'two mail addresses',
      { emailAddress: 'x@e.com; y@e.com' },
      { owners: ['anna@example.com', 'x@e.com', 'y@e.com'] },
    ],
    ['nobody', { userPrincipalName: '', emailAddress: null }, { owners: [] }],
    ['a name that is no address', { userPrincipalName: 'kiosk', emailAddress: '' }, { owners: [] }],
  ],
  'whether it is jailbroken': [
    ['True', { jailBroken: 'True' }, { findings: ['device:jailbroken'] }],
    ['true', { jailBroken: 'true' }, { findings: ['device:jailbroken'] }],
    ['Unknown', { jailBroken: 'Unknown' }, { findings: ['unseen:device'] }],
    ['no such field', { jailBroken: undefined }, { findings: ['unseen:device'] }],
    ['Unknown on a Mac', { jailBroken: 'Unknown', operatingSystem: 'macOS' }, { platform: 'macos' }],
    [
      'True on Windows',
      { jailBroken: 'True', operatingSystem: 'Windows' },
      { platform: 'windows', findings: ['device:jailbroken'] },
    ],
  ],
  'its apps': [
    ['wanted ones', { id: 'has' }, { id: 'has', findings: ['app:Some App', 'app:tiktok'] }],
    ['a personal device', { managedDeviceOwnerType: 'personal' }, UNSEEN],
    ['an owner that is not known', { managedDeviceOwnerType: 'unknown' }, UNSEEN],
    ['no owner', { managedDeviceOwnerType: undefined }, UNSEEN],
    [
      'a managed app on a personal device',
      { id: 'has', managedDeviceOwnerType: 'personal' },
      { id: 'has', findings: ['app:Some App', 'app:tiktok', 'unseen:app'] },
    ],
    ['Apple user enrolment', { deviceEnrollmentType: 'appleUserEnrollment' }, UNSEEN],
    [
      'the same by a service account',
      { deviceEnrollmentType: 'appleUserEnrollmentWithServiceAccount' },
      UNSEEN,
    ],
    ['Android Enterprise', { operatingSystem: 'AndroidEnterprise' }, { platform: 'android', ...UNSEEN }],
    [
      'Android under Google’s agent',
      { operatingSystem: 'Android', managementAgent: 'googleCloudDevicePolicyController' },
      { platform: 'android', ...UNSEEN },
    ],
    ['Android with a device administrator', { operatingSystem: 'Android' }, { platform: 'android' }],
    [
      'co-management',
      { operatingSystem: 'Windows', managementAgent: 'configurationManagerClientMdm' },
      { platform: 'windows', ...UNSEEN },
    ],
    [
      'a Mac that Jamf manages',
      { operatingSystem: 'macOS', managementAgent: 'jamf' },
      { platform: 'macos', ...UNSEEN },
    ],
    ['no agent', { managementAgent: undefined }, UNSEEN],
  ],
  'when it was seen': [
    [
      'another zone',
      { lastSyncDateTime: '2026-11-20T08:00:00.1234567+01:00' },
      { evidenceAt: SYNCED + 123, version: SYNCED + 123 },
    ],
    [
      'never',
      { lastSyncDateTime: '0001-01-01T00:00:00Z' },
      { evidenceAt: Date.parse('0001-01-01T00:00:00Z'), version: 0 },
    ],
    [
      'a little ahead of our clock',
      { lastSyncDateTime: '2026-11-20T08:59:00Z' },
      { evidenceAt: AT + 3_540_000, version: AT + 3_540_000 },
    ],
  ],
}

describe('a managed device of Intune', () => {
  for (const [what, rows] of Object.entries(TABLE))
    describe(`tells ${what}:`, () => {
      for (const [title, device, record] of rows)
        it(title, () => {
          const reading = readDevice(managedDevice('d', device), reader())
          assert.deepEqual(reading, {
            place: `managedDevices/${record.id ?? 'd'}`,
            record: { ...SOUND, ...record },
          })
        })
    })

  it('has unseen apps where none are looked for', () => {
    const reading = readDevice(managedDevice('d'), reader({ wanted: new Map() }))
    assert.deepEqual('record' in reading && reading.record.findings, ['unseen:app'])
  })

  for (const [deviceId, id] of [
    ['azureADDeviceId', 'aad-d'],
    ['serialNumber', 'SNd'],
  ] as const)
    it(`is named by ${deviceId} where the site says so, and its apps are found all the same`, () => {
      const installed = new Map([['d', ['TikTok']]])
      const reading = readDevice(managedDevice('d'), reader({ deviceId, installed }))
      assert.deepEqual('record' in reading && reading.record, { ...SOUND, id, findings: ['app:tiktok'] })
    })

  for (const [title, device, id, problem] of [
    ['no id', { id: undefined }, undefined, /^id: is missing/],
    ['no serial number', { serialNumber: '' }, 'd', /^serialNumber: the device has none/],
    ['an id with a line end', { serialNumber: 'a\nb' }, 'a\nb', /^id: /],
    ['no time', { lastSyncDateTime: undefined }, 'SNd', /^lastSyncDateTime: /],
    ['a time that is none', { lastSyncDateTime: 'yesterday' }, 'SNd', /^lastSyncDateTime: /],
    [
      'a time to come',
      { lastSyncDateTime: '2026-11-20T09:00:01Z' },
      'SNd',
      /^lastSyncDateTime: .* in the future/,
    ],
    ['a name that is too long', { userPrincipalName: `${'a'.repeat(400)}@example.com` }, 'SNd', /^owners: /],
  ] as const)
    it(`is left out with ${title}`, () => {
      const reading = readDevice(managedDevice('d', device), reader({ deviceId: 'serialNumber' }))
      assert.ok('problem' in reading)
      assert.equal(reading.id, id)
      assert.match(reading.problem, problem)
    })

  it('that Entra does not know has no id of Entra', () => {
    const device = managedDevice('d', { azureADDeviceId: '00000000-0000-0000-0000-000000000000' })
    const reading = readDevice(device, reader({ deviceId: 'azureADDeviceId' }))
    assert.match('problem' in reading ? reading.problem : '', /^azureADDeviceId: the device has none/)
  })

  for (const value of ['text', 7, [], true])
    it(`is none: ${JSON.stringify(value)}`, () => {
      assert.ok('problem' in readDevice(value as never, reader()))
    })
})
