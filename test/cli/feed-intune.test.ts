import assert from 'node:assert/strict'

import { CLIENT, IntuneServer, managedDevice, SECRET, TENANT } from '../feeds/intune/intune-server'
import { cliSites } from './site'

const REASON = ['--reason', 'our MDM']

describe('device-gate feed with Intune', () => {
  const site = cliSites()
  let server: IntuneServer

  beforeEach(async () => {
    process.env['TEST_INTUNE_SECRET'] = SECRET
    server = await IntuneServer.start()
    server.devices = [
      managedDevice('d-1', { complianceState: 'noncompliant' }),
      managedDevice('d-2', { operatingSystem: 'AndroidEnterprise', managedDeviceOwnerType: 'personal' }),
    ]
    server.apps = [{ id: 'a-1', displayName: 'TikTok', on: ['d-1'] }]
  })
  afterEach(() => server.source.close())

  const settings = (): string[] =>
    [
      `tenant=${TENANT}`,
      `client_id=${CLIENT}`,
      'apps=tiktok,wechat',
      `login_url=${server.source.url}`,
      `graph_url=${server.source.url}`,
    ].flatMap((setting) => ['--set', setting])
  const add = (...secret: string[]): Promise<string> =>
    site().out('feed', 'add', 'mdm', '--kind', 'intune', ...settings(), ...secret, ...REASON)

  it('is added, tried, swept and asked about', async () => {
    await add('--secret', `client-secret=file:${site().write('intune.secret', `${SECRET}\n`)}`)
    const tried = await site().out('feed', 'test', 'mdm')
    assert.match(tried, /may read managed devices/)
    assert.match(tried, /Intune detected TikTok/)
    assert.match(tried, /d-1 .* ios +noncompliant +app:tiktok/)
    assert.equal((await site().run('device', 'get', 'd-1')).code, 1)

    assert.match(await site().out('feed', 'sync', 'mdm'), /^2 applied, /m)
    const phone = (await site().json('device', 'get', 'd-2')) as Record<string, unknown>
    assert.deepEqual(
      [phone['platform'], phone['state'], phone['findings'], phone['owners'], phone['source']],
      ['android', 'compliant', ['unseen:app'], ['anna@example.com'], 'mdm'],
    )
    assert.match(await site().out('status'), /feed mdm: +intune, 2 devices, good 0 min ago/)
  })

  it('says which mandates are about apps that it does not look for', async () => {
    await add('--secret', 'client-secret=env:TEST_INTUNE_SECRET')
    const mandate = (id: string, finding: string): string =>
      `  - { id: ${id}, finding: '${finding}', platforms: [ios], deadline: 2026-07-10T00:00:00Z, message: M }\n`
    await site().applyPolicy(
      `mode: monitor\nmandates:\n${mandate('by-name', 'app:tiktok')}${mandate('by-id', 'app:com.zhiliaoapp.musically')}`,
    )
    assert.match(await site().out('feed', 'list'), /does not look for the apps of by-id$/m)
    const [feed] = (await site().json('feed', 'list')) as { readonly blind_to: unknown }[]
    assert.deepEqual(feed?.blind_to, ['by-id'])
  })

  it('says what is wrong, and never a secret or a token', async () => {
    process.env['TEST_INTUNE_SECRET'] = 'old~secret'
    await add('--secret', 'client-secret=env:TEST_INTUNE_SECRET')
    const tried = await site().run('feed', 'test', 'mdm')
    assert.match(
      tried.err,
      /gives no access token: invalid_client; .* secret client-secret: it may have expired/,
    )
    process.env['TEST_INTUNE_SECRET'] = SECRET
    server.fault = ({ url }) => (url.pathname.startsWith('/v1.0/') ? { status: 403 } : undefined)
    const swept = await site().run('feed', 'sync', 'mdm')
    assert.equal(swept.code, 1)
    assert.match(swept.err, /answers 403: give the feed's account the permissions of docs\/feeds\.md/)
    const all = [
      tried.out,
      tried.err,
      swept.out,
      swept.err,
      await site().out('feed', 'list', '--json'),
      await site().out('status', '--json'),
      await site().out('policy', 'history', '--json'),
      await site().store((store) => JSON.stringify(store.note('feed/mdm'))),
    ]
    assert.doesNotMatch(all.join(''), /old~secret|client~secret|token-\d/)
  })
})
