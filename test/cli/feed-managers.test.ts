import assert from 'node:assert/strict'

import { FleetServer, TOKEN } from '../feeds/fleetdm/fleet-server'
import { answer, fleetHost, fleetPhone } from '../feeds/fleetdm/samples'
import { CLIENT_ID, CLIENT_SECRET, JamfPro } from '../feeds/jamf/jamf-pro'
import { app, group, jamfMac, jamfPhone } from '../feeds/jamf/samples'
import { LocalSource } from '../feeds/local-source'
import { cliSites } from './site'

const REASON = ['--reason', 'our MDM']
const sets = (...settings: string[]): string[] => settings.flatMap((setting) => ['--set', setting])

describe('device-gate feed with a device manager', () => {
  const site = cliSites()
  let source: LocalSource
  afterEach(() => source.close())

  it('adds, tries, sweeps and asks about Jamf Pro', async () => {
    const jamf = new JamfPro()
    source = await LocalSource.start((request) => jamf.answer(request))
    jamf.phones.set(
      1,
      jamfPhone(1, { groups: [group('12')], applications: [app('com.zhiliaoapp.musically')] }),
    )
    jamf.macs.set(1, jamfMac(1))
    const secret = site().write('jamf.secret', `${CLIENT_SECRET}\n`)
    await site().out(
      ...['feed', 'add', 'mdm', '--kind', 'jamf', '--secret', `client-secret=file:${secret}`, ...REASON],
      ...sets(`url=${source.url}`, `client_id=${CLIENT_ID}`, 'noncompliant_mobile_groups=12', 'apps=tiktok'),
    )
    const tried = await site().out('feed', 'test', 'mdm')
    assert.match(tried, /noncompliant: smart group 12, Not compliant, of 1 mobile devices/)
    assert.match(tried, /F000000001 .* ios +noncompliant +app:com\.zhiliaoapp\.musically/)
    assert.match(await site().out('feed', 'sync', 'mdm'), /^2 applied, /m)
    assert.match(await site().out('status'), /feed mdm: +jamf, 2 devices, good 0 min ago/)
    const mac = (await site().json('device', 'get', 'CF000000001')) as Record<string, unknown>
    assert.deepEqual([mac['platform'], mac['state'], mac['source']], ['macos', 'unknown', 'mdm'])
  })

  it('adds, tries, sweeps and asks about Fleet', async () => {
    const fleet = new FleetServer()
    source = await LocalSource.start((request) => fleet.answer(request))
    fleet.hosts.set(1, fleetHost(1, { policies: [answer(3, 'fail')] }))
    fleet.hosts.set(2, fleetPhone(2))
    const token = site().write('fleet.token', `${TOKEN}\n`)
    await site().out(
      ...['feed', 'add', 'mdm', '--kind', 'fleetdm', '--secret', `token=file:${token}`, ...REASON],
      ...sets(`url=${source.url}`, 'policies=OS up to date', 'apps=tiktok'),
    )
    const tried = await site().out('feed', 'test', 'mdm')
    assert.match(tried, /policy 3 counts, OS up to date: 1 hosts fail it/)
    assert.match(tried, /S000000001 .* macos +noncompliant +policy:3/)
    assert.match(await site().out('feed', 'sync', 'mdm'), /^2 applied, /m)
    const phone = (await site().json('device', 'get', 'S000000002')) as Record<string, unknown>
    assert.deepEqual([phone['platform'], phone['state'], phone['findings']], ['ios', 'unknown', []])
  })
})
