import assert from 'node:assert/strict'

import { readSettings } from '../../../src/config/settings'
import { intuneKind } from '../../../src/feeds/kinds/intune'
import type { DeviceRecord } from '../../../src/policy/device'
import { tempDirs } from '../../support/temp-dir'
import { AT } from '../../devices/samples'
import { itStandsFaults } from '../faults'
import { device, FeedSite } from '../feed-site'
import {
  CLIENT,
  IntuneServer,
  managedDevice,
  managedDevices,
  SECRET,
  TENANT,
  type ManagedDevice,
} from '../intune/intune-server'
import type { Answer, SeenRequest } from '../local-source'
import { trialContext } from '../trial-context'

const COUNT = 1005
/** So that a sweep has three pages. */
const PAGE = 400
const SECRETS = { 'client-secret': 'env:TEST_INTUNE_SECRET' }
const SYNCED = AT - 3_600_000
const LATER = { lastSyncDateTime: '2026-11-20T07:30:00Z' }
const LATER_MS = Date.parse(LATER.lastSyncDateTime)

/** What is to become of a sound device. */
const sound = (id: string, change: Partial<DeviceRecord> = {}): DeviceRecord =>
  device(id, { evidenceAt: SYNCED, version: SYNCED, findings: ['unseen:app'], ...change })

const numbered = <T>(make: (id: string) => T, count = COUNT): T[] =>
  Array.from({ length: count }, (_, i) => make(`d-${i}`))

describe('a feed of kind intune', () => {
  const tempDir = tempDirs()
  let site: FeedSite
  let server: IntuneServer
  const first = numbered((id) => sound(id))
  const gone = sound(`d-${COUNT - 1}`, { state: 'unknown', findings: ['unseen:app', 'source:gone'] })
  /** One turned, on the first page; one new, on the last; the last of before is gone. */
  const secondDevices = (): ManagedDevice[] => [
    managedDevice('d-0', { complianceState: 'noncompliant', ...LATER }),
    ...managedDevices(COUNT - 1).slice(1),
    managedDevice('new', { complianceState: 'inGracePeriod' }),
  ]
  const turned = sound('d-0', { state: 'noncompliant', evidenceAt: LATER_MS, version: LATER_MS })
  const second = [turned, ...first.slice(1, -1), sound('new', { state: 'grace' }), gone]

  before(() => {
    process.env['TEST_INTUNE_SECRET'] = SECRET
  })
  beforeEach(async () => {
    site = new FeedSite(tempDir())
    site.now = AT
    server = await IntuneServer.start()
    server.pageSize = PAGE
    server.devices = managedDevices(COUNT)
    assert.equal((await sweep()).applied, COUNT)
    server.devices = secondDevices()
    server.source.seen.length = 0
  })
  afterEach(async () => {
    await server.source.close()
    await site.close()
  })

  const sweep = (change: object = {}): ReturnType<FeedSite['sweepBy']> =>
    site.sweepBy(intuneKind, { ...server.settings, ...change }, SECRETS)

  const always = (fault: Answer) => (request: SeenRequest) =>
    request.url.pathname.includes('/v1.0/') ? fault : undefined

  it('brings what is new, what changed, and what is gone', async () => {
    const { error, waits } = await sweep()
    assert.deepEqual([error, waits], [null, []])
    site.assertReplica(second)
  })

  it('writes a page before it asks for the next, and asks a thousand devices at a time', async () => {
    server.devices = managedDevices(COUNT, { complianceState: 'inGracePeriod', ...LATER })
    const written: number[] = []
    server.onPage = () => void written.push(Object.values(site.states()).filter((s) => s === 'grace').length)
    await sweep()
    assert.deepEqual(written, [0, PAGE, 2 * PAGE])
    assert.equal(server.source.seen.at(-1)?.url.searchParams.get('$top'), '1000')
  })

  itStandsFaults(() => ({
    site,
    source: server.source,
    sweep,
    isPage: ({ url }) => url.pathname.endsWith('/managedDevices'),
    before: first,
    afterFirstPage: [turned, ...first.slice(1)],
    after: second,
  }))

  it('renews a token that ends within a sweep, once', async () => {
    server.tokens = 0
    server.onPage = (page) => {
      if (page === 0) server.endTokens()
    }
    assert.equal((await sweep()).error, null)
    assert.equal(server.tokens, 2)
    site.assertReplica(second)
  })

  for (const [name, fault, kind, message] of [
    ['that nothing permits', always({ status: 403 }), 'permission', /answers 403: give the feed's account/],
    [
      'whose tokens count nowhere',
      always({ status: 401 }),
      'credentials',
      /answers 401: check the feed's secrets/,
    ],
  ] as const)
    it(`of an application ${name} changes nothing`, async () => {
      server.fault = fault
      const { error } = await sweep()
      assert.equal(error?.kind, kind)
      assert.match(error.message, message)
      site.assertReplica(first)
    })

  it('with a wrong secret changes nothing, and tells no secret', async () => {
    process.env['TEST_INTUNE_WRONG'] = 'wrong~secret'
    const { error } = await site.sweepBy(intuneKind, server.settings, {
      'client-secret': 'env:TEST_INTUNE_WRONG',
    })
    assert.equal(error?.kind, 'credentials')
    assert.match(error.message, /gives no access token: invalid_client; check .* client-secret/)
    assert.doesNotMatch(error.message, /wrong~secret/)
    site.assertReplica(first)
  })

  describe('does not go to a next page', () => {
    const elsewhere = (port: string): string =>
      `http://127.0.0.1:${port}/v1.0/deviceManagement/managedDevices`
    for (const [name, link, kind] of [
      ['on another host', () => 'https://graph.example/v1.0/deviceManagement/managedDevices', 'refused_url'],
      ['on another port', () => elsewhere('1'), 'refused_url'],
      ['by another scheme', (next: string) => next.replace('http:', 'https:'), 'refused_url'],
      ['in a file', () => 'file:///etc/passwd', 'refused_url'],
      ['of the cloud’s metadata', () => 'http://169.254.169.254/latest/meta-data/', 'refused_url'],
      ['with a password', () => 'http://a:b@graph.example/', 'refused_url'],
      ['that is no URL', () => '/v1.0/deviceManagement/managedDevices?$skiptoken=400', 'refused_url'],
      ['that is no text', () => ({ href: 'x' }), 'refused_url'],
      ['that was read already', (next: string) => next.replace(/skiptoken=\d+/, 'skiptoken=400'), 'answer'],
    ] as const satisfies readonly (readonly [string, (next: string) => unknown, string])[])
      it(name, async () => {
        server.link = link
        const { error } = await sweep()
        assert.equal(error?.kind, kind)
        site.assertReplica([turned, ...first.slice(1)])
        server.link = (next) => next
        assert.equal((await sweep()).error, null)
        site.assertReplica(second)
      })
  })

  it('does not mind a page that comes twice, nor another order', async () => {
    const shuffled = [...secondDevices()].reverse()
    server.devices = [...shuffled.slice(0, PAGE), ...shuffled]
    assert.equal((await sweep()).error, null)
    site.assertReplica(second)
  })

  it('goes by the newer of two managed devices with one serial number, in any order', async () => {
    const by = { device_id: 'serialNumber' }
    const old = managedDevice('old', { serialNumber: 'S1', complianceState: 'noncompliant' })
    const used = managedDevice('used', { serialNumber: 'S1', ...LATER })
    for (const pair of [
      [old, used],
      [used, old],
    ]) {
      server.devices = [...managedDevices(COUNT), ...pair]
      await sweep(by)
      assert.equal(site.replica().get('S1')?.state, 'compliant')
    }
  })

  it('holds a flip of everybody, and writes the rest', async () => {
    server.devices = [
      ...managedDevices(COUNT, { complianceState: 'noncompliant', ...LATER }),
      managedDevice('new', { complianceState: 'inGracePeriod' }),
    ]
    const { held, applied } = await sweep()
    assert.deepEqual([held, applied], [COUNT, 1])
    site.assertReplica([...first, sound('new', { state: 'grace' })])
  })

  it('is held when most devices are missing', async () => {
    server.devices = managedDevices(10)
    const { goneHeld } = await sweep()
    assert.match(goneHeld ?? '', /it brought 10 of 1005 devices/)
    site.assertReplica(first)
  })

  it('leaves out what it cannot read, and marks nobody gone when it cannot read whose it is', async () => {
    const bad = [
      managedDevice('d-1', { lastSyncDateTime: null }),
      { deviceName: 'x' } as unknown as ManagedDevice,
    ]
    server.devices = [...bad, ...secondDevices().filter(({ id }) => id !== 'd-1')]
    const { problems, goneHeld } = await sweep()
    assert.deepEqual(problems, [
      { place: 'managedDevices/d-1', problem: 'lastSyncDateTime: is no time, or in the future' },
      { place: 'managedDevices/', problem: 'id: is missing' },
    ])
    assert.match(goneHeld ?? '', /1 records without an id/)
    site.assertReplica([...second.slice(0, -1), first.at(-1)!])
  })

  it('takes a state that is new for unknown, and says which', async () => {
    server.devices = secondDevices().map((one) =>
      one.id === 'd-7' ? { ...one, complianceState: 'inLimbo' } : one,
    )
    await sweep()
    const limbo = sound('d-7', { state: 'unknown', findings: ['source:state-inLimbo', 'unseen:app'] })
    site.assertReplica(second.map((one) => (one.id === 'd-7' ? limbo : one)))
  })

  describe('where apps are looked for', () => {
    const wanted = { apps: ['tiktok'] }
    const tiktok = (version: string, ...on: readonly string[]) => ({
      id: `app/${version}`,
      displayName: 'TikTok',
      on,
    })
    const seen = (id: string, ...findings: readonly string[]): DeviceRecord => sound(id, { findings })

    beforeEach(() => {
      server.devices = managedDevices(COUNT).map((one) =>
        one.id === 'd-3' ? { ...one, managedDeviceOwnerType: 'personal' } : one,
      )
      server.apps = [
        ...Array.from({ length: 3 * PAGE }, (_, i) => ({
          id: `a-${i}`,
          displayName: `App ${i}`,
          on: ['d-5'],
        })),
        tiktok('1', 'd-0', 'd-1'),
        tiktok('2', 'd-1', 'd-3'),
      ]
    })

    it('finds them by name, whatever version, and says where they cannot be seen', async () => {
      assert.equal((await sweep(wanted)).error, null)
      site.assertReplica(
        numbered((id) => {
          if (id === 'd-3') return seen(id, 'app:tiktok', 'unseen:app')
          return seen(id, ...(['d-0', 'd-1'].includes(id) ? ['app:tiktok'] : []))
        }),
      )
    })

    it('sees that one is gone again', async () => {
      await sweep(wanted)
      server.apps = []
      await sweep(wanted)
      site.assertReplica(numbered((id) => seen(id, ...(id === 'd-3' ? ['unseen:app'] : []))))
    })

    for (const [name, change] of [
      ['an app', () => (server.apps = [{ id: '', displayName: 'TikTok', on: [] }])],
      ['a device that has one', () => (server.devices = [{ ...managedDevice('d-0'), id: 7 as never }])],
    ] as const)
      it(`changes nothing when ${name} has no id`, async () => {
        change()
        server.apps = server.apps.map((app) => ({ ...app, on: [...app.on, 7 as never] }))
        assert.match((await sweep(wanted)).error?.message ?? '', /has no id/)
        site.assertReplica(first)
      })

    it('changes nothing when they cannot be read: nobody is clean because of that', async () => {
      server.fault = ({ url }) => (url.pathname.endsWith('detectedApps') ? { status: 403 } : undefined)
      assert.equal((await sweep(wanted)).error?.kind, 'permission')
      site.assertReplica(first)
    })
  })

  describe('when it is tried', () => {
    const facts = async (change: object = {}): Promise<readonly string[]> => {
      const context = trialContext({ ...server.settings, ...change }, SECRETS, () => AT)
      return (await intuneKind.test?.(context))?.facts ?? []
    }

    it('says that it may read, and that apps are not looked for', async () => {
      assert.deepEqual(await facts(), [
        'may read managed devices',
        'no apps are looked for: devices get unseen:app',
      ])
      assert.equal(server.source.seen.at(-1)?.url.searchParams.get('$top'), '1')
    })

    for (const [name, apps, told] of [
      ['which apps are there', ['TikTok', 'Other', 'TikTok'], /Intune detected TikTok$/],
      ['that none is', ['Other'], /Intune detected none of them$/],
    ] as const)
      it(`says ${name}`, async () => {
        server.apps = apps.map((displayName, i) => ({ id: `${i}`, displayName, on: [] }))
        assert.match((await facts({ apps: ['tiktok', 'wechat'] })).at(-1) ?? '', told)
      })

    it('says what is not permitted', async () => {
      server.fault = always({ status: 403 })
      await assert.rejects(facts(), { kind: 'permission' })
    })

    it('shows its secret to nobody by http, but on loopback', async () => {
      await assert.rejects(facts({ login_url: 'http://login.example' }), { kind: 'refused_url' })
    })
  })

  it('asks the global cloud unless told otherwise, and names devices by Intune’s own id', () => {
    const reading = readSettings(intuneKind.settingsSchema, { tenant: TENANT, client_id: CLIENT })
    assert.deepEqual(reading.ok && reading.value, {
      tenant: TENANT,
      client_id: CLIENT,
      device_id: 'id',
      apps: [],
      login_url: 'https://login.microsoftonline.com',
      graph_url: 'https://graph.microsoft.com',
    })
  })

  for (const [change, problem] of [
    [
      { apps: 'com.zhiliaoapp.musically' },
      /Intune knows no ids such as com\.zhiliaoapp\.musically: say tiktok/,
    ],
    [{ apps: 'tiktokk' }, /did you mean tiktok/],
    [{ device_id: 'imei' }, /device_id: must be one of id, azureADDeviceId, serialNumber/],
    [{ tenant: '../x' }, /tenant: must be the id of the tenant/],
    [{ client_id: 'gate' }, /client_id: must be the application's/],
    [{ graph_url: 'https://graph.example/v1.0' }, /graph_url: must be an https URL without a path/],
  ] as const)
    it(`is not added with ${JSON.stringify(change)}`, () => {
      const reading = readSettings(intuneKind.settingsSchema, {
        tenant: TENANT,
        client_id: CLIENT,
        ...change,
      })
      const problems = reading.ok ? (intuneKind.check?.(reading.value) ?? []) : reading.problems
      assert.match(problems.join('; '), problem)
    })
})
