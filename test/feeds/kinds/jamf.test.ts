import assert from 'node:assert/strict'

import { jamfKind } from '../../../src/feeds/kinds/jamf'
import type { DeviceRecord } from '../../../src/policy/device'
import { AT } from '../../devices/samples'
import { tempDirs } from '../../support/temp-dir'
import { itStandsFaults } from '../faults'
import { FeedSite } from '../feed-site'
import { CLIENT_ID, CLIENT_SECRET, JamfPro, PRIVILEGES } from '../jamf/jamf-pro'
import { app, group, jamfMac, jamfPhone, mac, phone, serial } from '../jamf/samples'
import { LocalSource } from '../local-source'
import { ManagerTrial } from '../manager-trial'

/** Two pages, and a few of a third. */
const MANY = 205
const FEW = 60
const MACS = 3
const GAME = 'com.example.game'
const WEBHOOK_SECRET = 'agreed-on:with Jamf'
const LATER = AT + 60_000

describe('a feed of kind jamf', () => {
  const tempDir = tempDirs()
  let site: FeedSite
  let jamf: JamfPro
  let source: LocalSource
  let trial: ManagerTrial
  let count: number

  before(() => {
    process.env['TEST_JAMF_SECRET'] = CLIENT_SECRET
    process.env['TEST_JAMF_WEBHOOK'] = WEBHOOK_SECRET
  })
  beforeEach(async () => {
    site = new FeedSite(tempDir())
    jamf = new JamfPro()
    source = await LocalSource.start((request) => jamf.answer(request))
  })
  afterEach(async () => {
    trial.assertToldNothingOf([
      CLIENT_SECRET,
      encodeURIComponent(CLIENT_SECRET),
      WEBHOOK_SECRET,
      ...jamf.tokens,
    ])
    await source.close()
    await site.close()
  })

  /** After a first sweep. */
  async function start(phoneCount: number): Promise<void> {
    count = phoneCount
    for (let number = 1; number <= count; number += 1) jamf.phones.set(number, jamfPhone(number))
    for (let number = 1; number <= MACS; number += 1) jamf.macs.set(number, jamfMac(number))
    trial = newTrial()
    const { error, applied } = await trial.sweep()
    assert.deepEqual([error, applied], [null, count + MACS])
    site.now = LATER
    jamf.pages = 0
  }
  const settings = (): Record<string, unknown> => ({
    url: source.url,
    client_id: CLIENT_ID,
    noncompliant_mobile_groups: '12,13',
    noncompliant_computer_groups: '7',
    apps: GAME,
  })
  const newTrial = (change: Record<string, unknown> = {}): ManagerTrial =>
    new ManagerTrial(
      site,
      jamfKind,
      { ...settings(), ...change },
      { 'client-secret': 'env:TEST_JAMF_SECRET', webhook: 'env:TEST_JAMF_WEBHOOK' },
    )

  const phones = (from = 1, to = count): DeviceRecord[] =>
    Array.from({ length: to - from + 1 }, (_, i) => phone(from + i))
  const macs = (): DeviceRecord[] => Array.from({ length: MACS }, (_, i) => mac(i + 1))
  const gone = (one: DeviceRecord): DeviceRecord => ({ ...one, state: 'unknown', findings: ['source:gone'] })

  describe('of which one is turned, one has a wanted app, one is gone and one is new', () => {
    beforeEach(async () => {
      await start(MANY)
      jamf.phones.set(2, jamfPhone(2, { groups: [group('14'), group('12')] }))
      jamf.phones.set(150, jamfPhone(150, { applications: [app(GAME), app('com.example.mail')] }))
      jamf.phones.delete(205)
      jamf.phones.set(206, jamfPhone(206))
    })
    const turned = phone(2, { state: 'noncompliant', version: LATER })
    const afterFirstPage = (): DeviceRecord[] => [phone(1), turned, ...phones(3), ...macs()]
    const after = (): DeviceRecord[] => [
      phone(1),
      turned,
      ...phones(3, 149),
      phone(150, { findings: [`app:${GAME}`], version: LATER }),
      ...phones(151, 204),
      gone(phone(205)),
      phone(206, { version: LATER }),
      ...macs(),
    ]

    it('brings just that', async () => {
      const { error, applied, gone: left, devices } = await trial.sweep()
      assert.deepEqual([error, applied, left, devices], [null, 3, 1, MANY + MACS])
      site.assertReplica(after())
    })

    itStandsFaults(() => ({
      site,
      source,
      sweep: () => trial.sweep(),
      isPage: ({ url }) => url.pathname.endsWith('/detail') && url.searchParams.get('page-size') === '100',
      before: [...phones(), ...macs()],
      afterFirstPage: afterFirstPage(),
      after: after(),
    }))

    it('goes on with a new token when the one it has is refused in mid-sweep', async () => {
      jamf.tokenRequests = 4
      assert.equal((await trial.sweep()).error, null)
      site.assertReplica(after())
      assert.ok(jamf.tokens.length > 3)
    })

    it('does not mind that a page ends early, nor that devices come and go meanwhile', async () => {
      jamf.distort = (page) => page.slice(0, 30)
      jamf.onPage = (page) => {
        if (page !== 2) return
        // What comes after it moves up by one.
        jamf.phones.delete(3)
        jamf.phones.set(207, jamfPhone(207))
      }
      assert.equal((await trial.sweep()).error, null)
      site.assertReplica([...after(), phone(207, { version: LATER })])
      assert.equal((await trial.sweep()).gone, 1)
      const rest = after().filter(({ id }) => id !== serial(3))
      site.assertReplica([...rest, gone(phone(3)), phone(207, { version: LATER })])
    })

    for (const [name, distort] of [
      ['that repeats the page before', (page) => page.map((one) => ({ ...one, mobileDeviceId: '7' }))],
      ['that sorts otherwise', (page) => [...page].reverse()],
      ['that says there are more, and gives none', () => []],
      [
        'that has a device without its number',
        (page) => page.map((one) => ({ ...one, mobileDeviceId: null })),
      ],
    ] as const satisfies readonly (readonly [string, JamfPro['distort']])[])
      it(`ends at a page ${name}, and marks nobody gone`, async () => {
        jamf.distort = (page, filter) => (filter === 'mobileDeviceId>0' ? page : distort(page))
        assert.equal((await trial.sweep()).error?.kind, 'answer')
        site.assertReplica(afterFirstPage())
        jamf.distort = (page) => page
        assert.equal((await trial.sweep()).error, null)
        site.assertReplica(after())
      })

    it('marks nobody gone when the server leaves out devices without saying so', async () => {
      // As one would that compares numbers as texts.
      const answer = jamf.answer.bind(jamf)
      source.answer = (request) =>
        request.url.searchParams.get('filter') === 'mobileDeviceId>200'
          ? { status: 200, body: '{"totalCount":0,"results":[]}' }
          : answer(request)
      const { error, gone: left } = await trial.sweep()
      assert.match(error?.message ?? '', /brought 200 of 205/)
      assert.equal(left, 0)
      assert.equal(site.replica().get(serial(205))?.state, 'compliant')
    })

    for (const [name, lose] of [
      ['is not there', () => jamf.phoneGroups.delete('13')],
      ['may not be read', () => jamf.privileges.delete('Read Smart Mobile Device Groups')],
    ] as const)
      it(`judges nobody when a smart group ${name}`, async () => {
        lose()
        const { error, read } = await trial.sweep()
        assert.ok(error && ['settings', 'permission'].includes(error.kind), error?.message)
        assert.equal(read, 0)
        site.assertReplica([...phones(), ...macs()])
      })

    it('judges nobody by a page in the middle of which a smart group went away', async () => {
      jamf.onPage = (page) => {
        if (page !== 2) return
        jamf.phoneGroups.delete('12')
        for (const device of jamf.phones.values()) device['groups'] = [group('14')]
      }
      const { error } = await trial.sweep()
      assert.match(error?.message ?? '', /no smart group 12/)
      site.assertReplica(afterFirstPage())
    })
  })

  it('holds a flip of everybody, and writes the rest', async () => {
    await start(MANY)
    for (const device of jamf.phones.values()) device['groups'] = [group('12')]
    jamf.phones.set(206, jamfPhone(206))
    const { error, held, applied } = await trial.sweep()
    assert.deepEqual([error, held, applied], [null, MANY, 1])
    site.assertReplica([...phones(), phone(206, { version: LATER }), ...macs()])
  })

  describe('makes of an iPhone', () => {
    beforeEach(() => start(FEW))

    const UNSEEN = 'unseen:app'
    for (const [name, json, expected] of [
      ['in another group of those named', { groups: [group('13')] }, { state: 'noncompliant' }],
      ['in a group whose id is a number', { groups: [{ groupId: 12 }] }, { state: 'noncompliant' }],
      [
        'that is not managed any more',
        { general: { managed: false } },
        { state: 'unknown', findings: ['device:unmanaged', UNSEEN] },
      ],
      [
        'that is not managed, in a group',
        { general: { managed: false }, groups: [group('12')] },
        { state: 'noncompliant', findings: ['device:unmanaged', UNSEEN] },
      ],
      ['that is not supervised', { general: { supervised: false } }, { findings: ['device:unsupervised'] }],
      [
        'of a person, whose own apps are not told',
        { general: { deviceOwnershipType: 'AccountDrivenUserEnrollment' } },
        { findings: [UNSEEN] },
      ],
      [
        'of a person, of which a wanted app is told all the same',
        { general: { deviceOwnershipType: 'AccountDrivenUserEnrollment' }, applications: [app(GAME)] },
        { findings: [`app:${GAME}`, UNSEEN] },
      ],
      [
        'enrolled in the older way for people’s own',
        { general: { deviceOwnershipType: 'UserEnrollment' } },
        { findings: [UNSEEN] },
      ],
      [
        'enrolled in a way that is not known yet',
        { general: { deviceOwnershipType: 'Telepathy' } },
        { findings: [UNSEEN] },
      ],
      [
        'enrolled by an account for the company',
        { general: { deviceOwnershipType: 'AccountDrivenDeviceEnrollment' } },
        {},
      ],
      [
        'with a wanted app in other letters',
        { applications: [app('COM.example.GAME')] },
        { findings: [`app:${GAME}`] },
      ],
      ['that is an iPad', { deviceType: 'iPadOS' }, { platform: 'ios' }],
      ['that is an Android phone', { deviceType: 'Android' }, { platform: 'android' }],
      ['that is an Apple TV', { deviceType: 'tvOS' }, { platform: 'other' }],
      ['of a type that is not known yet', { deviceType: 'glassOS' }, { platform: 'other' }],
      [
        'whose user signs in by another address',
        { userAndLocation: { username: 'Anna@Example.com' } },
        { owners: ['user1@example.com', 'anna@example.com'] },
      ],
      ['of nobody', { userAndLocation: { username: '', emailAddress: '' } }, { owners: [] }],
      [
        'that told its inventory a day ago',
        { general: { lastInventoryUpdateDate: '2026-11-19T08:00:00.5Z' } },
        { evidenceAt: Date.parse('2026-11-19T08:00:00.5Z') },
      ],
    ] as const satisfies readonly (readonly [string, Record<string, unknown>, Partial<DeviceRecord>])[])
      it(`${name}: ${JSON.stringify(expected)}`, async () => {
        await site.store.forgetDevice(serial(1))
        jamf.phones.set(1, jamfPhone(1, json))
        assert.equal((await trial.sweep()).error, null)
        site.assertReplica([phone(1, { version: LATER, ...expected }), ...phones(2), ...macs()])
      })

    it('without a serial number a device by its number', async () => {
      jamf.phones.set(1, jamfPhone(1, { hardware: { serialNumber: null } }))
      assert.equal((await trial.sweep()).error, null)
      site.assertReplica([
        gone(phone(1)),
        phone(1, { id: 'mdm-mobile-1', version: LATER }),
        ...phones(2),
        ...macs(),
      ])
    })

    for (const [setting, id] of [
      ['udid', '00008110-1'],
      ['management_id', '9932fad3-1'],
    ] as const)
      it(`a device named by ${setting}, where the site says so`, async () => {
        trial = newTrial({ device_id: setting })
        await trial.sweep()
        assert.deepEqual(site.replica().get(id), phone(1, { id, version: LATER }))
      })

    for (const [name, json, problem] of [
      ['without managed', { general: { managed: null } }, /^managed: /],
      ['that never told its inventory', { general: { lastInventoryUpdateDate: null } }, /^evidence_at: /],
      [
        'with a time that is none',
        { general: { lastInventoryUpdateDate: '17/10/2022' } },
        /^evidence_at: .*no RFC 3339 time/,
      ],
      ['without its groups', { groups: 'none' }, /^groups: is missing/],
      ['without its apps', { applications: {} }, /^applications: is missing/],
      ['with an id of endless length', { hardware: { serialNumber: 'F'.repeat(257) } }, /^serial: /],
    ] as const satisfies readonly (readonly [string, Record<string, unknown>, RegExp])[])
      it(`${name} nothing, and tells which`, async () => {
        jamf.phones.set(1, jamfPhone(1, json))
        const { error, problems } = await trial.sweep()
        assert.deepEqual([error, problems.length, problems[0]?.place], [null, 1, 'mobile-1'])
        assert.match(problems[0]?.problem ?? '', problem)
        site.assertReplica([...phones(), ...macs()])
      })

    it('without whole sections nothing, and nobody is gone', async () => {
      jamf.phones.delete(FEW)
      jamf.phones.set(1, { ...jamfPhone(1), hardware: null })
      const { problems, goneHeld } = await trial.sweep()
      assert.deepEqual(problems, [{ place: 'mobile-1', problem: 'hardware: is missing' }])
      assert.match(goneHeld ?? '', /without an id/)
      site.assertReplica([...phones(), ...macs()])
    })
  })

  describe('makes of a Mac', () => {
    beforeEach(() => start(FEW))

    for (const [name, json, expected] of [
      ['in its group', { groupMemberships: [{ groupId: '7', smartGroup: true }] }, { state: 'noncompliant' }],
      ['in a group of the same id as one of mobile devices', { groupMemberships: [{ groupId: '12' }] }, {}],
      [
        'that is not managed any more',
        { general: { remoteManagement: { managed: false } } },
        { state: 'unknown', findings: ['device:unmanaged', 'unseen:app'] },
      ],
      ['with a wanted app', { applications: [{ bundleId: GAME }] }, { findings: [`app:${GAME}`] }],
      ['of another platform', { general: { platform: 'Windows' } }, { platform: 'other' }],
    ] as const satisfies readonly (readonly [string, Record<string, unknown>, Partial<DeviceRecord>])[])
      it(`${name}: ${JSON.stringify(expected)}`, async () => {
        await site.store.forgetDevice(mac(1).id)
        jamf.macs.set(1, jamfMac(1, json))
        assert.equal((await trial.sweep()).error, null)
        site.assertReplica([...phones(), mac(1, { version: LATER, ...expected }), ...macs().slice(1)])
      })
  })

  describe('by its settings', () => {
    beforeEach(() => start(FEW))

    it('asks for neither computers nor apps where nobody wants them', async () => {
      trial = newTrial({ computers: 'false', noncompliant_computer_groups: [], apps: [] })
      source.seen.length = 0
      jamf.privileges.delete('Read Computers')
      assert.equal((await trial.sweep()).error, null)
      const sections = source.seen.flatMap(({ url }) => url.searchParams.getAll('section'))
      assert.deepEqual([...new Set(sections)].sort(), ['GENERAL', 'GROUPS', 'HARDWARE', 'USER_AND_LOCATION'])
      assert.deepEqual(site.replica().get(serial(1)), phone(1, { version: LATER, findings: ['unseen:app'] }))
    })

    it('finds nobody compliant where no group says who is not', async () => {
      trial = newTrial({ noncompliant_mobile_groups: [] })
      await trial.sweep()
      site.assertReplica([
        ...phones().map((one) => ({ ...one, state: 'unknown' as const, version: LATER })),
        ...macs(),
      ])
    })

    for (const [name, change, problem] of [
      ['groups of computers that are not read', { computers: 'false' }, /computers are not read/],
      ['an app that is almost one', { apps: 'tiktokk' }, /did you mean tiktok/],
    ] as const)
      it(`refuses ${name}`, () => {
        assert.match(jamfKind.check!(newTrial(change).settings).join('; '), problem)
      })
  })

  describe('when it is tried', () => {
    beforeEach(() => start(FEW))

    it('says what it may see', async () => {
      jamf.phones.set(2, jamfPhone(2, { groups: [group('12')] }))
      assert.deepEqual(await trial.test(), [
        'Jamf Pro 11.30.1-t1784555528405',
        '60 mobile devices',
        'noncompliant: smart group 12, Not compliant, of 1 mobile devices',
        'noncompliant: smart group 13, Passcode missing, of 0 mobile devices',
        '3 computers',
        'noncompliant: smart group 7, Not compliant Macs, of 0 computers',
      ])
    })

    it('says where no group tells who is noncompliant', async () => {
      trial = newTrial({ noncompliant_computer_groups: [] })
      assert.match((await trial.test()).at(-1) ?? '', /^noncompliant_computer_groups names none: no state/)
    })

    for (const privilege of PRIVILEGES)
      it(`fails without the privilege ${privilege}`, async () => {
        jamf.privileges.delete(privilege)
        await assert.rejects(trial.test(), { code: 'ERR_FEED', kind: 'permission' })
      })

    it('fails with the secret of another client', async () => {
      process.env['TEST_JAMF_SECRET'] = 'another secret'
      try {
        await assert.rejects(trial.test(), { code: 'ERR_FEED', kind: 'credentials' })
      } finally {
        process.env['TEST_JAMF_SECRET'] = CLIENT_SECRET
      }
    })
  })

  describe('that is told of a change in a smart group', () => {
    const BEARER = { authorization: `Bearer ${WEBHOOK_SECRET}` }
    const change = (added: unknown, removed: unknown = [], of: Record<string, unknown> = {}): unknown => ({
      webhook: {
        eventTimestamp: AT,
        id: 1,
        name: 'Device Gate',
        webhookEvent: 'SmartGroupMobileDeviceMembershipChange',
        ...of,
      },
      event: {
        computer: false,
        groupAddedDevices: [],
        groupAddedDevicesIds: added,
        groupRemovedDevices: [],
        groupRemovedDevicesIds: removed,
        jssid: 12,
        name: 'Not compliant',
        smartGroup: true,
      },
    })
    const turned = phone(2, { state: 'noncompliant', version: LATER })

    beforeEach(async () => {
      await start(FEW)
      jamf.phones.set(2, jamfPhone(2, { groups: [group('12')] }))
      jamf.phones.set(3, jamfPhone(3, { groups: [group('12')] }))
      source.seen.length = 0
    })
    const assertAsked = (requests: number): void => assert.equal(source.seen.length, requests)

    for (const [name, authorization] of [
      ['as a bearer', BEARER.authorization],
      ['as a password', `Basic ${Buffer.from(`jamf:${WEBHOOK_SECRET}`).toString('base64')}`],
    ] as const)
      it(`reads just those devices again, shown the secret ${name}`, async () => {
        assert.deepEqual(await trial.receive(change([2]), { authorization }), {
          status: 202,
          headers: {},
          body: '',
        })
        site.assertReplica([phone(1), turned, ...phones(3), ...macs()])
      })

    it('believes Jamf Pro and not the webhook', async () => {
      assert.equal((await trial.receive(change([1], [2, 3]), BEARER)).status, 202)
      site.assertReplica([
        phone(1),
        turned,
        phone(3, { state: 'noncompliant', version: LATER }),
        ...phones(4),
        ...macs(),
      ])
    })

    it('takes the same again, and one that is late, without harm', async () => {
      await trial.receive(change([2]), BEARER)
      site.now += 1000
      jamf.phones.set(2, jamfPhone(2))
      await trial.receive(change([2]), BEARER)
      const back = phone(2, { version: site.now })
      site.assertReplica([phone(1), back, ...phones(3), ...macs()])
      const sequence = site.store.sequence()
      await trial.receive(change([2]), BEARER)
      assert.equal(site.store.sequence(), sequence)
    })

    it('is newer than a sweep that began before', async () => {
      site.now -= 30_000
      const sweep = jamfKind.sweep!(trial.context())
      const { value } = await sweep.next()
      site.now += 30_000
      jamf.phones.set(2, jamfPhone(2))
      await trial.receive(change([], [2]), BEARER)
      assert.ok(Array.isArray(value))
      const outcomes = await site.intake.take('mdm', value)
      assert.equal(outcomes[1], 'older')
      assert.equal(site.replica().get(serial(2))?.state, 'compliant')
    })

    it('reads many in pages, and those no more that are deleted', async () => {
      jamf.phones.delete(FEW)
      const all = Array.from({ length: 250 }, (_, i) => i + 1)
      assert.equal((await trial.receive(change(all), BEARER)).status, 202)
      site.assertReplica([
        phone(1),
        turned,
        phone(3, { state: 'noncompliant', version: LATER }),
        ...phones(4),
        ...macs(),
      ])
    })

    it('reads computers, told of theirs', async () => {
      jamf.macs.set(1, jamfMac(1, { groupMemberships: [{ groupId: '7' }] }))
      const told = change([1], [], { webhookEvent: 'SmartGroupComputerMembershipChange' }) as {
        event: Record<string, unknown>
      }
      told.event['jssid'] = 7
      assert.equal((await trial.receive(told, BEARER)).status, 202)
      site.assertReplica([...phones(), mac(1, { state: 'noncompliant', version: LATER }), ...macs().slice(1)])
    })

    for (const [name, body] of [
      [
        'of a group that nobody named',
        () => ({
          ...(change([2]) as object),
          event: { ...(change([2]) as { event: object }).event, jssid: 99 },
        }),
      ],
      ['of another kind', () => change([2], [], { webhookEvent: 'MobileDeviceCheckIn' })],
      ['as a test', () => change([2], [], { webhookEvent: 'SmartGroupMobileDeviceMembershipChange(TEST)' })],
      ['of nobody', () => change([])],
    ] as const)
      it(`does nothing for one ${name}`, async () => {
        assert.equal((await trial.receive(body(), BEARER)).status, 202)
        assertAsked(0)
      })

    for (const [name, authorization] of [
      ['none', undefined],
      ['an empty one', ''],
      ['another', 'Bearer agreed-on'],
      ['another password', `Basic ${Buffer.from('jamf:agreed-on').toString('base64')}`],
      ['a password that is no base64', 'Basic ***'],
      ['the secret as a user', `Basic ${Buffer.from(`${WEBHOOK_SECRET}:`).toString('base64')}`],
      ['the secret alone', WEBHOOK_SECRET],
    ] as const)
      it(`is refused with the secret: ${name}`, async () => {
        const headers = authorization === undefined ? {} : { authorization }
        assert.equal((await trial.receive(change([2]), headers)).status, 401)
        assertAsked(0)
        site.assertReplica([...phones(), ...macs()])
      })

    for (const [name, body, status] of [
      ['an empty body', '', 400],
      ['no JSON', '<JSSEvent/>', 400],
      ['null', 'null', 400],
      ['a list', [], 400],
      ['no event', { webhook: { webhookEvent: 'SmartGroupMobileDeviceMembershipChange' } }, 400],
      ['no webhook', { event: {} }, 400],
      ['ids that are no list', change('2'), 400],
      ['ids that are none', change([2, { id: 3 }]), 400],
      ['an id that would be more than one', change(['2,3']), 400],
      ['an id below one', change([0]), 400],
      ['an id beyond all', change([1e300]), 400],
      ['more devices than are read', change(Array.from({ length: 5001 }, (_, i) => i + 1)), 413],
      ['more than a megabyte', `"${'x'.repeat(1024 * 1024)}"`, 413],
    ] as const)
      it(`is refused with ${name}`, async () => {
        assert.equal((await trial.receive(body, BEARER)).status, status)
        assertAsked(0)
        site.assertReplica([...phones(), ...macs()])
      })

    it('is refused by another method, and where the feed has no secret for it', async () => {
      assert.equal((await trial.receive(change([2]), BEARER, 'PUT')).status, 405)
      trial = new ManagerTrial(site, jamfKind, settings(), { 'client-secret': 'env:TEST_JAMF_SECRET' })
      assert.equal((await trial.receive(change([2]), BEARER)).status, 403)
      assertAsked(0)
    })

    it('is to come again when Jamf Pro does not answer, or its group is gone', async () => {
      source.isFaulty = ({ url }) => url.pathname.endsWith('/detail')
      source.faults.push(...Array.from({ length: 4 }, () => ({ status: 500 })))
      await assert.rejects(trial.receive(change([2]), BEARER), { code: 'ERR_FEED', kind: 'unreachable' })
      jamf.phoneGroups.delete('12')
      await assert.rejects(trial.receive(change([1]), BEARER), { code: 'ERR_FEED', kind: 'settings' })
      site.assertReplica([...phones(), ...macs()])
    })
  })
})
