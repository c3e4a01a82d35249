import assert from 'node:assert/strict'

import { fleetdmKind } from '../../../src/feeds/kinds/fleetdm'
import type { DeviceRecord } from '../../../src/policy/device'
import { AT } from '../../devices/samples'
import { tempDirs } from '../../support/temp-dir'
import { itStandsFaults } from '../faults'
import { FeedSite } from '../feed-site'
import { FleetServer, TOKEN } from '../fleetdm/fleet-server'
import { answer, fleetHost, fleetPhone, host, passing, serial } from '../fleetdm/samples'
import { LocalSource } from '../local-source'
import { ManagerTrial } from '../manager-trial'

/** Of 50 a page: two pages, and a few of a third. */
const MANY = 105
const FEW = 60
const GAME = 'com.example.game'
const WEBHOOK_SECRET = 'agreed-on:with Fleet'
const LATER = AT + 60_000

describe('a feed of kind fleetdm', () => {
  const tempDir = tempDirs()
  let site: FeedSite
  let fleet: FleetServer
  let source: LocalSource
  let trial: ManagerTrial
  let count: number

  before(() => {
    process.env['TEST_FLEET_TOKEN'] = TOKEN
    process.env['TEST_FLEET_WEBHOOK'] = WEBHOOK_SECRET
  })
  beforeEach(async () => {
    site = new FeedSite(tempDir())
    fleet = new FleetServer()
    source = await LocalSource.start((request) => fleet.answer(request))
  })
  afterEach(async () => {
    trial.assertToldNothingOf([TOKEN, WEBHOOK_SECRET])
    await source.close()
    await site.close()
  })

  const newTrial = (change: Record<string, unknown> = {}): ManagerTrial =>
    new ManagerTrial(
      site,
      fleetdmKind,
      { url: source.url, apps: GAME, ...change },
      { token: 'env:TEST_FLEET_TOKEN', webhook: 'env:TEST_FLEET_WEBHOOK' },
    )
  /** After a first sweep. */
  async function start(hostCount: number): Promise<void> {
    count = hostCount
    for (let number = 1; number <= count; number += 1) fleet.hosts.set(number, fleetHost(number))
    trial = newTrial()
    const { error, applied } = await trial.sweep()
    assert.deepEqual([error, applied], [null, count])
    site.now = LATER
    fleet.pages = 0
  }
  const hosts = (from = 1, to = count): DeviceRecord[] =>
    Array.from({ length: to - from + 1 }, (_, i) => host(from + i))
  const gone = (one: DeviceRecord): DeviceRecord => ({ ...one, state: 'unknown', findings: ['source:gone'] })
  const failing = [answer(1, 'pass'), answer(2, 'fail'), answer(3, 'pass')]
  const turned = host(2, { state: 'noncompliant', findings: ['policy:2'], version: LATER })

  describe('of which one is turned, one has a wanted app, one is gone and one is new', () => {
    beforeEach(async () => {
      await start(MANY)
      fleet.hosts.set(2, fleetHost(2, { policies: failing }))
      fleet.hosts.set(60, fleetHost(60, { software: [{ bundle_identifier: GAME }] }))
      fleet.hosts.delete(105)
      fleet.hosts.set(106, fleetHost(106))
    })
    const afterFirstPage = (): DeviceRecord[] => [host(1), turned, ...hosts(3)]
    const after = (): DeviceRecord[] => [
      host(1),
      turned,
      ...hosts(3, 59),
      host(60, { findings: [`app:${GAME}`], version: LATER }),
      ...hosts(61, 104),
      gone(host(105)),
      host(106, { version: LATER }),
    ]

    it('brings just that', async () => {
      const { error, applied, gone: left, devices } = await trial.sweep()
      assert.deepEqual([error, applied, left, devices], [null, 3, 1, MANY])
      site.assertReplica(after())
    })

    itStandsFaults(() => ({
      site,
      source,
      sweep: () => trial.sweep(),
      isPage: ({ url }) => url.pathname === '/api/v1/fleet/hosts',
      before: hosts(),
      afterFirstPage: afterFirstPage(),
      after: after(),
    }))

    it('does not mind that a page ends early, nor that hosts come and go meanwhile', async () => {
      fleet.distort = (page) => page.slice(0, 30)
      fleet.onPage = (page) => {
        if (page !== 2) return
        fleet.hosts.delete(3)
        fleet.hosts.set(107, fleetHost(107))
      }
      assert.equal((await trial.sweep()).error, null)
      site.assertReplica([...after(), host(107, { version: LATER })])
    })

    for (const [name, distort] of [
      ['that repeats the page before', (page) => page.map((one) => ({ ...one, id: 7 }))],
      ['that sorts otherwise', (page) => [...page].reverse()],
      ['that is empty before the end', () => []],
      ['that has a host without its id', (page) => page.map((one) => ({ ...one, id: null }))],
    ] as const satisfies readonly (readonly [string, FleetServer['distort']])[])
      it(`ends at a page ${name}, and marks nobody gone`, async () => {
        fleet.distort = (page, from) => (from === '0' ? page : distort(page))
        assert.equal((await trial.sweep()).error?.kind, 'answer')
        site.assertReplica(afterFirstPage())
        fleet.distort = (page) => page
        assert.equal((await trial.sweep()).error, null)
        site.assertReplica(after())
      })

    it('judges nobody by a page in the middle of which a policy went away', async () => {
      fleet.onPage = (page) => {
        if (page !== 2) return
        fleet.policies = fleet.policies.filter(({ id }) => id !== 2)
        for (const one of fleet.hosts.values()) one['policies'] = [answer(3, 'pass')]
      }
      assert.match((await trial.sweep()).error?.message ?? '', /other policies count/)
      site.assertReplica(afterFirstPage())
    })

    for (const [name, lose, kind] of [
      [
        'a policy of the settings is not there',
        () => void (trial = newTrial({ policies: '2,8' })),
        'settings',
      ],
      ['policies may not be read', () => void fleet.forbidden.add('global/policies'), 'permission'],
    ] as const)
      it(`judges nobody when ${name}`, async () => {
        lose()
        const { error, read } = await trial.sweep()
        assert.deepEqual([error?.kind, read], [kind, 0])
        site.assertReplica(hosts())
      })
  })

  it('holds a flip of everybody, and writes the rest', async () => {
    await start(MANY)
    for (const one of fleet.hosts.values()) one['policies'] = failing
    fleet.hosts.set(106, fleetHost(106))
    const { error, held, applied } = await trial.sweep()
    assert.deepEqual([error, held, applied], [null, MANY, 1])
    site.assertReplica([...hosts(), host(106, { version: LATER })])
  })

  describe('makes of a host', () => {
    beforeEach(() => start(FEW))
    const UNSEEN = 'unseen:app'
    const phone = { platform: 'ios', state: 'unknown' } as const
    for (const [name, json, expected] of [
      [
        'that fails two',
        fleetHost(1, { policies: [answer(2, 'fail'), answer(3, 'fail')] }),
        { state: 'noncompliant', findings: ['policy:2', 'policy:3'] },
      ],
      [
        'that has not answered yet',
        fleetHost(1, { policies: [answer(2, ''), answer(3, 'pass')] }),
        { state: 'unknown' },
      ],
      [
        'with an answer that is not known yet',
        fleetHost(1, { policies: [answer(2, 'maybe'), answer(3, 'pass')] }),
        { state: 'unknown' },
      ],
      [
        'that no critical policy is about',
        fleetHost(1, { policies: [answer(1, 'fail')] }),
        { state: 'unknown' },
      ],
      ['that only some are about', fleetHost(1, { policies: [answer(3, 'pass')] }), {}],
      [
        'on Windows',
        fleetHost(1, { platform: 'windows', mdm: { enrollment_status: 'Off' } }),
        { platform: 'windows' },
      ],
      ['on Ubuntu', fleetHost(1, { platform: 'ubuntu', mdm: null }), { platform: 'linux' }],
      ['on NixOS', fleetHost(1, { platform: 'nixos' }), { platform: 'linux' }],
      [
        'that is a Chromebook',
        fleetHost(1, { platform: 'chrome' }),
        { platform: 'chromeos', findings: [UNSEEN] },
      ],
      ['of a platform that is not known yet', fleetHost(1, { platform: 'plan9' }), { platform: 'other' }],
      ['that is an iPhone', fleetPhone(1), phone],
      [
        'that is an iPad without a list of policies',
        fleetPhone(1, { platform: 'ipados', policies: null }),
        phone,
      ],
      [
        'that is an iPhone with a wanted app',
        fleetPhone(1, { software: [{ name: 'Game', source: 'ios_apps', bundle_identifier: GAME }] }),
        { ...phone, findings: [`app:${GAME}`] },
      ],
      [
        'that is an Android phone with a wanted app',
        fleetPhone(1, {
          platform: 'android',
          software: [{ name: 'Game', source: 'android_apps', application_id: GAME }],
        }),
        { ...phone, platform: 'android', findings: [`app:${GAME}`] },
      ],
      [
        'that is somebody’s own iPhone',
        fleetPhone(1, {
          mdm: { enrollment_status: 'On (personal)' },
          software: [{ bundle_identifier: GAME }],
        }),
        { ...phone, findings: [`app:${GAME}`, UNSEEN] },
      ],
      [
        'that is somebody’s own, enrolled by a profile',
        fleetPhone(1, { mdm: { enrollment_status: 'On (manual - personal)' } }),
        { ...phone, findings: [UNSEEN] },
      ],
      [
        'that is a phone enrolled in a way that is not known yet',
        fleetPhone(1, { mdm: { enrollment_status: 'On (telepathy)' } }),
        { ...phone, findings: ['device:unmanaged', UNSEEN] },
      ],
      [
        'that is a phone and not enrolled any more',
        fleetPhone(1, { mdm: { enrollment_status: 'Off' } }),
        { ...phone, findings: ['device:unmanaged', UNSEEN] },
      ],
      ['without a list of software', fleetHost(1, { software: null }), { findings: [UNSEEN] }],
      [
        'with a program that has a name alone',
        fleetHost(1, { platform: 'windows', software: [{ name: 'COM.example.GAME', source: 'programs' }] }),
        { platform: 'windows', findings: [`app:${GAME}`] },
      ],
      [
        'of somebody that only a browser’s profile names',
        fleetHost(1, { device_mapping: [{ email: 'boss@example.com', source: 'google_chrome_profiles' }] }),
        { owners: [] },
      ],
      [
        'of two, one of them set by an administrator',
        fleetHost(1, {
          device_mapping: [
            { email: 'Anna@Example.com', source: 'mdm_idp_accounts' },
            { email: 'erin@example.com', source: 'custom' },
            { email: 'erin', source: 'idp' },
          ],
        }),
        { owners: ['anna@example.com', 'erin@example.com'] },
      ],
      ['of nobody', fleetHost(1, { device_mapping: null }), { owners: [] }],
      [
        'that told its details a day ago',
        fleetHost(1, { detail_updated_at: '2026-11-19T08:00:00Z' }),
        { evidenceAt: Date.parse('2026-11-19T08:00:00Z') },
      ],
    ] as const satisfies readonly (readonly [string, Record<string, unknown>, Partial<DeviceRecord>])[])
      it(`${name}: ${JSON.stringify(expected)}`, async () => {
        await site.store.forgetDevice(serial(1))
        fleet.hosts.set(1, json)
        assert.equal((await trial.sweep()).error, null)
        site.assertReplica([host(1, { version: LATER, ...expected }), ...hosts(2)])
      })

    it('without a serial number a device by its number', async () => {
      fleet.hosts.set(1, fleetHost(1, { hardware_serial: '' }))
      assert.equal((await trial.sweep()).error, null)
      site.assertReplica([gone(host(1)), host(1, { id: 'mdm-host-1', version: LATER }), ...hosts(2)])
    })

    it('that is only announced nothing', async () => {
      fleet.hosts.set(61, fleetHost(61, { mdm: { enrollment_status: 'Pending' } }))
      const { error, problems } = await trial.sweep()
      assert.deepEqual([error, problems], [null, []])
      site.assertReplica(hosts())
    })

    for (const [name, json, problem] of [
      ['without policies', fleetHost(1, { policies: null }), /^policies: is missing/],
      [
        'that never told its details',
        fleetHost(1, { detail_updated_at: '2000-01-01T00:00:00Z' }),
        /never told/,
      ],
      ['with a time that is none', fleetHost(1, { detail_updated_at: 'yesterday' }), /no RFC 3339 time/],
      ['with an id of endless length', fleetHost(1, { hardware_serial: 'S'.repeat(257) }), /^serial: /],
    ] as const satisfies readonly (readonly [string, Record<string, unknown>, RegExp])[])
      it(`${name} nothing, and tells which`, async () => {
        fleet.hosts.set(1, json)
        const { error, problems } = await trial.sweep()
        assert.deepEqual([error, problems.length, problems[0]?.place], [null, 1, 'host-1'])
        assert.match(problems[0]?.problem ?? '', problem)
        site.assertReplica(hosts())
      })
  })

  describe('by its settings', () => {
    beforeEach(() => start(FEW))

    for (const policies of ['1', 'Gatekeeper enabled'])
      it(`counts the policy ${policies}, and not the critical ones`, async () => {
        trial = newTrial({ policies })
        fleet.hosts.set(2, fleetHost(2, { policies: [answer(1, 'pass'), answer(2, 'fail')] }))
        assert.equal((await trial.sweep()).held, count - 1)
        site.assertReplica(hosts())
      })

    it('reads one team, with the policies it has and inherits', async () => {
      for (const [number, one] of fleet.hosts) one['team_id'] = number === 1 ? 7 : 8
      fleet.hosts.set(1, fleetHost(1, { team_id: 7, policies: [...passing(), answer(9, 'fail')] }))
      trial = newTrial({ team_id: '7', policies: 'VPN on,Disk encrypted' })
      const { devices, applied } = await trial.sweep()
      assert.deepEqual([devices, applied], [1, 1])
      assert.deepEqual(
        site.replica().get(serial(1)),
        host(1, { state: 'noncompliant', findings: ['policy:9'], version: LATER }),
      )
    })

    it('finds nobody compliant where no policy is critical', async () => {
      fleet.policies = fleet.policies.map((one) => ({ ...one, critical: false }))
      await trial.sweep()
      site.assertReplica(hosts().map((one) => ({ ...one, state: 'unknown' as const, version: LATER })))
    })

    it('names devices by their UUID, where the site says so, and asks for no software where nobody wants it', async () => {
      trial = newTrial({ device_id: 'uuid', apps: [] })
      source.seen.length = 0
      await trial.sweep()
      const id = '392547dc-1'
      assert.deepEqual(site.replica().get(id), host(1, { id, version: LATER, findings: ['unseen:app'] }))
      assert.ok(source.seen.every(({ url }) => !url.searchParams.has('populate_software')))
    })
  })

  describe('when it is tried', () => {
    beforeEach(() => start(FEW))

    it('says what it may see', async () => {
      assert.deepEqual(await trial.test(), [
        'Fleet 4.89.2',
        '60 hosts',
        'policy 2 counts, Disk encrypted: 0 hosts fail it',
        'policy 3 counts, OS up to date: 0 hosts fail it',
      ])
      fleet.policies = []
      assert.match((await trial.test()).at(-1) ?? '', /no policy is critical/)
    })

    for (const path of ['hosts', 'hosts/count', 'global/policies'])
      it(`fails where the role does not permit ${path}`, async () => {
        fleet.forbidden.add(path)
        await assert.rejects(trial.test(), { code: 'ERR_FEED', kind: 'permission' })
      })

    it('fails with the token of nobody', async () => {
      process.env['TEST_FLEET_TOKEN'] = 'another token'
      try {
        await assert.rejects(trial.test(), { code: 'ERR_FEED', kind: 'credentials' })
      } finally {
        process.env['TEST_FLEET_TOKEN'] = TOKEN
      }
    })

    it('fails for a team without Fleet Premium', async () => {
      fleet.isPremium = false
      trial = newTrial({ team_id: '7' })
      await assert.rejects(trial.test(), { code: 'ERR_FEED', kind: 'answer' })
    })
  })

  describe('that is told of hosts that newly fail a policy', () => {
    const BASIC = { authorization: `Basic ${Buffer.from(`fleet:${WEBHOOK_SECRET}`).toString('base64')}` }
    const told = (...ids: readonly unknown[]): unknown => ({
      timestamp: new Date(AT).toISOString(),
      policy: { id: 2, name: 'Disk encrypted', critical: true },
      hosts: ids.map((id) => ({
        id,
        hostname: `host-${String(id)}`,
        url: `https://fleet.example.com/hosts/1`,
      })),
    })
    beforeEach(async () => {
      await start(FEW)
      fleet.hosts.set(2, fleetHost(2, { policies: failing }))
      fleet.hosts.set(55, fleetHost(55, { policies: failing }))
      source.seen.length = 0
    })

    it('reads just those hosts again', async () => {
      assert.equal((await trial.receive(told(2), BASIC)).status, 202)
      site.assertReplica([host(1), turned, ...hosts(3)])
    })

    it('believes Fleet and not the webhook, also of many, and of one that is deleted', async () => {
      fleet.hosts.delete(3)
      assert.equal((await trial.receive(told(55, 1, 3, 2, 99), BASIC)).status, 202)
      const other = host(55, { state: 'noncompliant', findings: ['policy:2'], version: LATER })
      site.assertReplica([host(1), turned, ...hosts(3, 54), other, ...hosts(56)])
    })

    it('takes the same again without harm', async () => {
      await trial.receive(told(2), BASIC)
      const sequence = site.store.sequence()
      await trial.receive(told(2), BASIC)
      assert.equal(site.store.sequence(), sequence)
    })

    for (const [name, body, headers, status] of [
      ['without the secret', told(2), {}, 401],
      ['with another', told(2), { authorization: 'Bearer agreed-on' }, 401],
      ['that is no JSON', 'policy', BASIC, 400],
      ['of a vulnerability', { vulnerability: { cve: 'CVE-2014-9471', hosts_affected: [] } }, BASIC, 400],
      ['without hosts', { policy: {} }, BASIC, 400],
      ['with an id that is none', told('2; DROP'), BASIC, 400],
      ['of too many', told(...Array.from({ length: 5001 }, (_, i) => i + 1)), BASIC, 413],
    ] as const)
      it(`refuses one ${name}`, async () => {
        assert.equal((await trial.receive(body, headers)).status, status)
        assert.equal(source.seen.length, 0)
        site.assertReplica(hosts())
      })

    it('is to come again when Fleet does not answer', async () => {
      source.faults.push(...Array.from({ length: 4 }, () => ({ status: 502 })))
      await assert.rejects(trial.receive(told(2), BASIC), { code: 'ERR_FEED', kind: 'unreachable' })
      site.assertReplica(hosts())
    })
  })
})
