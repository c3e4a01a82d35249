import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'

import { METRICS, type MetricDefinition } from '../../src/metrics/catalogue'
import { openEnvironment } from '../../src/lmdb/environment'
import { deviceLine } from '../support/device-line'
import { Dovecot } from '../support/dovecot'
import { eventually } from '../support/eventually'
import { HarakaSite } from '../support/haraka-site'
import { imapClient, submitMail, syncMail, type Login, type Sync } from '../support/mail-client'
import { checkMetrics } from '../support/prometheus'
import { Prometheus } from '../support/prometheus-server'

const USER = 'anna@example.com'
const PASSWORD = 'secret'
const RULES = path.resolve(__dirname, '..', '..', 'ops', 'prometheus', 'alerts.yaml')
/** Those of a host that is in no fleet. */
const COUNTERS = Object.entries<MetricDefinition>(METRICS)
  .filter(([, { type, when }]) => type === 'counter' && when === undefined)
  .map(([name]) => name)

describe('a Prometheus that reads the gate', () => {
  let dovecot: Dovecot
  let site: HarakaSite
  let prometheus: Prometheus
  let token: string

  before(async () => {
    dovecot = await Dovecot.start({ users: { [USER]: PASSWORD } })
    site = await HarakaSite.create({
      nodes: 2,
      policy: 'mode: enforce\nnoncompliant: block\ngrace: warn\n',
      upstreamPort: dovecot.port,
      users: { [USER]: PASSWORD },
      admin: '{ listen: "127.0.0.1:0" }',
    })
    await site.run('tag', 'rotate')
    for (const state of ['compliant', 'noncompliant', 'grace'])
      await site.run('device', 'put', deviceLine({ id: `${state}-phone`, state }))
    const issued = await site.run('token', 'issue', 'prometheus', '--role', 'viewer', '--json')
    token = (JSON.parse(issued) as { readonly token: string }).token
    await site.start()
    prometheus = await Prometheus.start({ url: site.adminUrl, token }, [RULES])
  })
  after(async () => {
    await prometheus.remove()
    await site.remove()
    await dovecot.remove()
  })

  const login = async (state: string): Promise<Login> => ({
    user: await site.tag(USER, `${state}-phone`),
    pass: PASSWORD,
  })
  const sync = async (state: string): Promise<Sync> => syncMail(imapClient(site.imapPort, await login(state)))
  const submit = async (state: string): Promise<string> => submitMail(site.smtpPort, await login(state))
  /** The worker tells each second, and Prometheus asks each second. */
  const comesTo = (expression: string, value: number): Promise<void> =>
    eventually(async () => assert.equal(await prometheus.value(expression), value, expression))

  it('finds it up, with a page that its own tool has nothing against', async () => {
    await comesTo('up{job="device-gate"}', 1)
    const page = await fetch(`${site.adminUrl}/metrics`, { headers: { authorization: `Bearer ${token}` } })
    assert.match(page.headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/)
    assert.deepEqual(checkMetrics(await page.text()), { code: 0, output: '' })
  })

  it('takes the rules, and none of them is about something that is not so', async () => {
    await eventually(async () => {
      const health = (await prometheus.rules()).map((rule) => rule.health)
      assert.ok(health.length > 10)
      assert.deepEqual([...new Set(health)], ['ok'])
    })
    assert.deepEqual(await prometheus.query('ALERTS{alertstate="firing"}'), [])
  })

  it('gets nothing without a token', async () => {
    assert.equal((await fetch(`${site.adminUrl}/metrics`)).status, 401)
  })

  it('has what clients met, by protocol, outcome and reason', async () => {
    for (const state of ['compliant', 'compliant', 'grace', 'noncompliant']) await sync(state)
    for (const state of ['compliant', 'grace', 'noncompliant', 'noncompliant']) await submit(state)
    const figures: Readonly<Record<string, number>> = {
      'imap allow compliant': 2,
      'imap warn grace': 1,
      'imap block noncompliant': 1,
      'smtp allow compliant': 1,
      'smtp warn grace': 1,
      'smtp block noncompliant': 2,
    }
    for (const [series, value] of Object.entries(figures)) {
      const [protocol, outcome, reason] = series.split(' ')
      await comesTo(
        `device_gate_decisions_total{protocol="${protocol}",outcome="${outcome}",reason="${reason}",enforced="true"}`,
        value,
      )
    }
    await comesTo('sum(device_gate_decisions_total)', 8)
    await comesTo('device_gate_imap_logins_total{result="accepted"}', 3)
    await comesTo('device_gate_imap_logins_total{result="refused"}', 1)
    await comesTo('device_gate_mode{mode="enforce"}', 1)
    await comesTo('device_gate_workers', 2)
    await comesTo('device_gate_devices', 3)
    await comesTo('device_gate_policy_version', 1)
    await comesTo('sum(device_gate_check_failed)', 0)
    await comesTo('device_gate_fail_open_total', 0)
  })

  it('sees that the site’s server is down, by what clients met', async () => {
    await dovecot.stop()
    await sync('compliant')
    await dovecot.restart()
    await comesTo('device_gate_upstream_errors_total{kind="connect"}', 1)
    await comesTo('device_gate_imap_logins_total{result="unavailable"}', 1)
  })

  it('sees what would have been done, in monitor', async () => {
    await site.run('mode', 'monitor', '--reason', 'test')
    await submit('noncompliant')
    await comesTo('device_gate_mode{mode="monitor"}', 1)
    await comesTo(
      'device_gate_decisions_total{protocol="smtp",outcome="block",reason="noncompliant",enforced="false"}',
      1,
    )
    await site.run('mode', 'policy', '--reason', 'test')
  })

  it('sees what a feed brings, and that it fails', async () => {
    const file = path.join(site.dir, 'export.ndjson')
    fs.writeFileSync(file, `${deviceLine({ id: 'fed-phone' })}\n`)
    await site.run('feed', 'add', 'export', '--kind', 'file', '--set', `path=${file}`, '--reason', 'test')
    await comesTo('device_gate_feed_records_total{feed="export",outcome="applied"}', 1)
    await comesTo('device_gate_feed_age_seconds{feed="export"} < bool 60', 1)
    await comesTo('device_gate_feed_problem{feed="export"}', 0)
    fs.writeFileSync(file, deviceLine({ id: 'fed-phone' }).slice(0, -10))
    await comesTo('device_gate_feed_problem{feed="export"}', 1)
    await site.run('feed', 'remove', 'export', '--reason', 'test')
    await comesTo('count(device_gate_feed_problem) or vector(0)', 0)
  })

  it('never sees a counter go down when a worker is killed, and goes on counting', async () => {
    const before = (await prometheus.value('sum(device_gate_decisions_total)')) ?? 0
    const [killed = 0] = site.workers
    process.kill(killed, 'SIGKILL')
    await eventually(() => {
      assert.equal(site.workers.length, 2)
      assert.ok(!site.workers.includes(killed))
    })
    for (let i = 0; i < 4; i += 1) await submit('compliant')
    await comesTo('sum(device_gate_decisions_total)', before + 4)
    await comesTo('device_gate_workers', 2)
    for (const name of COUNTERS) {
      assert.ok((await prometheus.query(name)).length > 0, name)
      assert.deepEqual(await prometheus.query(`resets(${name}[5m]) > 0`), [])
    }
  })

  it('sees what was let through because it could not be decided, and raises the alert', async () => {
    site.editFile('device_gate.yaml', (text) => `fail_mode: open\n${text}`)
    const environment = openEnvironment(path.join(site.dir, 'var', 'replica'), { schema: 1 })
    const devices = environment.database('devices')
    await environment.write(() => void devices.put('broken-phone', '{"id":"broken-ph'))
    await environment.close()
    await eventually(async () => assert.match(await submit('broken'), /^250 /))
    await prometheus.until('device_gate_fail_open_total > 0')
    await prometheus.until('ALERTS{alertname="DeviceGateFailOpen",alertstate="firing"}')
  })

  it('sees an edit of the policy that is not taken', async () => {
    site.writeFile('device_gate_policy.yaml', 'mode: enforce\nnoncompliant: explode\n')
    await comesTo('device_gate_policy_problems', 1)
    site.writeFile('device_gate_policy.yaml', 'mode: enforce\n')
    await comesTo('device_gate_policy_problems', 0)
  })

  it('is not told who the clients are', async () => {
    const page = await fetch(`${site.adminUrl}/metrics`, { headers: { authorization: `Bearer ${token}` } })
    assert.doesNotMatch(await page.text(), /anna|phone|127\.0\.0\.1/)
  })
})
