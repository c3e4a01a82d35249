import assert from 'node:assert/strict'

import { FleetServer, TOKEN } from '../feeds/fleetdm/fleet-server'
import { answer, fleetHost, passing, serial as hostSerial } from '../feeds/fleetdm/samples'
import { CLIENT_ID, CLIENT_SECRET, JamfPro } from '../feeds/jamf/jamf-pro'
import { group, jamfPhone, serial as phoneSerial } from '../feeds/jamf/samples'
import { LocalSource } from '../feeds/local-source'
import { eventually } from '../support/eventually'
import { HarakaSite } from '../support/haraka-site'
import { parsePage } from '../support/prometheus'
import { WorkerProbe } from '../support/worker-probe'

const USER = 'anna@example.com'
const PASSWORD = 'secret'
const JAMF_WEBHOOK = 'agreed-on:with Jamf'
const FLEET_WEBHOOK = 'agreed-on-with-Fleet'
const MIB = 1024 * 1024

interface Answer {
  readonly status: number
  readonly body: string
}

describe('webhooks of device managers, to real Haraka', function () {
  this.timeout(120_000)
  let jamf: { readonly server: JamfPro; readonly source: LocalSource }
  let fleet: { readonly server: FleetServer; readonly source: LocalSource }
  let site: HarakaSite
  let metricsToken: string
  const seen = (): string => new Date().toISOString()

  before(async () => {
    process.env['TEST_E2E_FLEET_WEBHOOK'] = FLEET_WEBHOOK
    const jamfServer = new JamfPro()
    jamf = { server: jamfServer, source: await LocalSource.start((request) => jamfServer.answer(request)) }
    const fleetServer = new FleetServer()
    fleet = { server: fleetServer, source: await LocalSource.start((request) => fleetServer.answer(request)) }
    for (const number of [1, 2, 3]) {
      put(number, '14')
      host(number)
    }
    site = await HarakaSite.create({
      nodes: 2,
      policy: 'mode: enforce\nnoncompliant: block\n',
      upstreamPort: 9,
      users: { [USER]: PASSWORD },
      admin: '{ listen: "127.0.0.1:0" }',
      files: {
        'jamf.secret': `${CLIENT_SECRET}\n`,
        'jamf.webhook': `${JAMF_WEBHOOK}\n`,
        'fleet.token': `${TOKEN}\n`,
      },
    })
    await site.run('tag', 'rotate')
    const made = await site.run('token', 'issue', 'prometheus', '--role', 'viewer', '--json')
    metricsToken = (JSON.parse(made) as { token: string }).token
    // What turns is one device of three.
    const rest = ['--percent', '100', '--reason', 'a test']
    await site.run(
      ...['feed', 'add', 'jamf', '--kind', 'jamf', '--set', `url=${jamf.source.url}`],
      ...[
        '--set',
        `client_id=${CLIENT_ID}`,
        '--set',
        'noncompliant_mobile_groups=12',
        '--set',
        'computers=false',
      ],
      ...['--secret', `client-secret=file:${site.file('jamf.secret')}`],
      ...['--secret', `webhook=file:${site.file('jamf.webhook')}`],
      ...rest,
    )
    await site.run(
      ...['feed', 'add', 'fleet', '--kind', 'fleetdm', '--set', `url=${fleet.source.url}`],
      ...[
        '--secret',
        `token=file:${site.file('fleet.token')}`,
        '--secret',
        'webhook=env:TEST_E2E_FLEET_WEBHOOK',
      ],
      ...rest,
    )
    await site.start()
    await eventually(() => site.adminUrl)
    await eventually(async () => {
      // The next sweep is in an hour: what comes until then comes by a webhook.
      for (const feed of await list())
        assert.deepEqual([feed['devices'], feed['next_at'] !== null], [3, true])
    })
  })
  after(async () => {
    await site.remove()
    for (const { source } of [jamf, fleet]) await source.close()
  })

  /** A phone of Jamf Pro, in a smart group: 12 is of those that are not compliant. */
  function put(number: number, inGroup: string): void {
    const change = {
      general: { lastInventoryUpdateDate: seen() },
      userAndLocation: { username: USER, emailAddress: USER },
      groups: [group(inGroup)],
    }
    jamf.server.phones.set(number, jamfPhone(number, change))
  }
  /** A Mac of Fleet. */
  function host(number: number, policies = passing()): void {
    const owners = [{ email: USER, source: 'mdm_idp_accounts' }]
    const change = { detail_updated_at: seen(), device_mapping: owners, policies }
    fleet.server.hosts.set(number, fleetHost(number, change))
  }
  const list = async (): Promise<Record<string, unknown>[]> =>
    JSON.parse(await site.run('feed', 'list', '--json')) as Record<string, unknown>[]

  /** As docs/feeds.md has it written into the manager. */
  async function post(feed: string, body: unknown, secret: string, user = 'any'): Promise<Answer> {
    const response = await fetch(`${site.adminUrl}/feeds/${feed}/events`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        authorization: `Basic ${Buffer.from(`${user}:${secret}`).toString('base64')}`,
      },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    })
    return { status: response.status, body: await response.text() }
  }
  const groupChange = (added: readonly number[], removed: readonly number[]): unknown => ({
    webhook: {
      eventTimestamp: Date.now(),
      id: 1,
      name: 'gate',
      webhookEvent: 'SmartGroupMobileDeviceMembershipChange',
    },
    event: {
      computer: false,
      groupAddedDevicesIds: added,
      groupRemovedDevicesIds: removed,
      jssid: 12,
      name: 'Not compliant',
      smartGroup: true,
    },
  })
  const failing = (id: number): unknown => ({
    timestamp: seen(),
    policy: { id: 3, name: 'OS up to date', critical: true },
    hosts: [{ id, hostname: `host-${id}`, url: `https://fleet.example.com/hosts/${id}` }],
  })

  const probesOf = async (device: string): Promise<WorkerProbe[]> =>
    WorkerProbe.inEach(site, { user: await site.tag(USER, device), pass: PASSWORD })
  const untilAllReply = (probes: readonly WorkerProbe[], code: string): Promise<void> =>
    eventually(async () =>
      assert.deepEqual(await Promise.all(probes.map((probe) => probe.mail())), [code, code]),
    )
  const stateOf = async (device: string): Promise<unknown> =>
    (JSON.parse(await site.run('device', 'get', device, '--json')) as Record<string, unknown>)['state']

  it('of Jamf Pro: who comes into a smart group is blocked in every worker, and let in when it leaves', async () => {
    const probes = await probesOf(phoneSerial(1))
    await untilAllReply(probes, '250')
    put(1, '12')
    assert.equal((await post('jamf', groupChange([1], []), JAMF_WEBHOOK)).status, 202)
    await untilAllReply(probes, '550')
    assert.equal(await stateOf(phoneSerial(1)), 'noncompliant')
    put(1, '14')
    assert.equal((await post('jamf', groupChange([], [1]), JAMF_WEBHOOK)).status, 202)
    await untilAllReply(probes, '250')
    for (const probe of probes) probe.close()
  })

  it('of Fleet: who fails a policy is blocked in every worker', async () => {
    const probes = await probesOf(hostSerial(1))
    await untilAllReply(probes, '250')
    host(1, [...passing().slice(0, 2), answer(3, 'fail')])
    assert.equal((await post('fleet', failing(1), FLEET_WEBHOOK)).status, 202)
    await untilAllReply(probes, '550')
    assert.equal(await stateOf(hostSerial(1)), 'noncompliant')
    for (const probe of probes) probe.close()
  })

  it('are believed in nothing: what they say of a device that did not change changes nothing', async () => {
    assert.equal((await post('jamf', groupChange([2], []), JAMF_WEBHOOK)).status, 202)
    assert.equal((await post('fleet', failing(2), FLEET_WEBHOOK)).status, 202)
    assert.deepEqual(await Promise.all([phoneSerial(2), hostSerial(2)].map(stateOf)), [
      'compliant',
      'compliant',
    ])
  })

  for (const [feed, secret, body, server] of [
    ['jamf', JAMF_WEBHOOK, groupChange([3], []), () => jamf],
    ['fleet', FLEET_WEBHOOK, failing(3), () => fleet],
  ] as const)
    it(`are refused, counted and logged once each: to ${feed} with a wrong secret, and too large`, async () => {
      put(3, '12')
      host(3, [...passing().slice(0, 2), answer(3, 'fail')])
      const asked = server().source.seen.length
      for (const [wrong, user] of [
        ['wrong', 'any'],
        ['', secret],
        [`${secret}x`, 'any'],
      ] as const)
        assert.equal((await post(feed, body, wrong, user)).status, 401)
      for (const octets of [MIB + 1, 3 * MIB]) {
        const { status, body: said } = await post(feed, ' '.repeat(octets), secret)
        assert.deepEqual([status, said], [413, '{"error":"a webhook is at most 1048576 octets"}'])
      }
      assert.equal(server().source.seen.length, asked, 'the manager was asked')
      const page = await fetch(`${site.adminUrl}/metrics`, {
        headers: { authorization: `Bearer ${metricsToken}` },
      })
      const { series } = parsePage(await page.text())
      const refused = (code: string): number | undefined =>
        series.get(`device_gate_feed_refused_events_total{feed="${feed}",code="${code}"}`)
      assert.deepEqual([refused('authentication_failed'), refused('other')], [3, 2])
      const lines = site.haraka.output
        .split('\n')
        .filter((line) => line.includes(`feed ${feed} refused an event`))
      assert.deepEqual(
        lines.map((line) => /refused an event: (\w+, \d+)/.exec(line)?.[1]),
        ['authentication_failed, 401', 'other, 413'],
      )
      await eventually(async () => {
        const standing = (await list()).find(({ name }) => name === feed)
        assert.equal(standing?.['refused_events'], 5)
      })
    })

  it('leave no secret behind', async () => {
    const told = [
      site.haraka.output,
      await site.run('feed', 'list', '--json'),
      await site.run('status', '--json'),
    ]
    for (const secret of [JAMF_WEBHOOK, FLEET_WEBHOOK, CLIENT_SECRET, TOKEN, ...jamf.server.tokens])
      for (const form of [secret, Buffer.from(`any:${secret}`).toString('base64')])
        assert.ok(!told.join('\n').includes(form), form)
  })
})
