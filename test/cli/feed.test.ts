import assert from 'node:assert/strict'

import { LocalSource } from '../feeds/local-source'
import { cliSites, record } from './site'

const REASON = ['--reason', 'a test']

describe('device-gate feed', () => {
  const site = cliSites()

  const devices = (count: number, change: object = {}): string =>
    Array.from({ length: count }, (_, i) => record({ id: `d-${i}`, state: 'compliant', ...change })).join(
      '\n',
    )
  const addFile = (lines: string, ...options: string[]): Promise<string> =>
    site().out(
      'feed',
      'add',
      'mdm',
      '--kind',
      'file',
      '--set',
      `path=${site().write('d.ndjson', lines)}`,
      ...options,
      ...REASON,
    )
  const stateOf = async (id: string): Promise<unknown> =>
    ((await site().json('device', 'get', id)) as { state: string }).state

  it('adds one, tries it without writing, sweeps it, and lists it', async () => {
    assert.match(await addFile(devices(12)), /feed mdm added; try it: device-gate feed test mdm/)
    const tried = await site().out('feed', 'test', 'mdm')
    assert.match(tried, /d-9 /)
    assert.doesNotMatch(tried, /d-10/)
    assert.equal((await site().run('device', 'get', 'd-0')).code, 1)
    assert.match(await site().out('feed', 'sync', 'mdm'), /^12 applied, 0 unchanged, .* 0 gone$/m)
    const [feed] = (await site().json('feed', 'list')) as Record<string, unknown>[]
    assert.deepEqual(
      [feed?.['name'], feed?.['devices'], feed?.['problem'], feed?.['held']],
      ['mdm', 12, null, null],
    )
    assert.match(await site().out('status'), /feed mdm: +file, 12 devices, good 0 min ago/)
    assert.match(await site().out('device', 'get', 'd-0'), /source: +mdm, version 7/)
  })

  it('holds what turns too many, and releases it with the figure, or drops it', async () => {
    await addFile(devices(100))
    await site().out('feed', 'sync', 'mdm')
    site().write('d.ndjson', devices(100, { state: 'noncompliant', version: 8 }))
    const swept = await site().run('feed', 'sync', 'mdm')
    assert.match(swept.out, /100 set aside/)
    assert.match(swept.err, /feed mdm is held: it would turn 100 of 100 devices, its breaker allows 5/)
    assert.equal(await stateOf('d-0'), 'compliant')
    assert.match(await site().out('status'), /HELD: .*; device-gate feed release mdm --confirm 100/)

    const wrong = await site().run('feed', 'release', 'mdm', '--confirm', '99', ...REASON)
    assert.deepEqual([wrong.code, /99 is not the figure/.test(wrong.err)], [1, true])
    assert.equal((await site().run('feed', 'release', 'mdm', ...REASON)).code, 2)
    assert.match(await site().out('feed', 'release', 'mdm', '--drop', ...REASON), /100 records dropped/)
    assert.equal(await stateOf('d-0'), 'compliant')

    await site().run('feed', 'sync', 'mdm')
    assert.match(
      await site().out('feed', 'release', 'mdm', '--confirm', '100', ...REASON),
      /100 records written/,
    )
    assert.equal(await stateOf('d-99'), 'noncompliant')
    assert.equal((await site().run('feed', 'release', 'mdm', '--drop', ...REASON)).code, 1)
  })

  it('holds one by hand, and removes one; the history says who did it', async () => {
    await addFile(devices(30))
    await site().out('feed', 'sync', 'mdm')
    await site().out('feed', 'hold', 'mdm', ...REASON)
    site().write('d.ndjson', devices(30, { version: 8 }).replace('"compliant"', '"noncompliant"'))
    assert.match(await site().out('feed', 'sync', 'mdm'), / 1 set aside/)
    await site().out('feed', 'remove', 'mdm', ...REASON)
    assert.equal(await site().out('feed', 'list'), 'no feeds\n')
    assert.equal(await stateOf('d-0'), 'compliant')
    assert.match(
      await site().out('policy', 'history'),
      /feed mdm removed[^]*feed mdm held[^]*feed mdm \(file\) added/,
    )
  })

  it('says what is wrong with a source, and changes nothing of what it did not see', async () => {
    await addFile(devices(4))
    await site().out('feed', 'sync', 'mdm')
    site().write('d.ndjson', devices(4).slice(0, -30))
    const { code, err } = await site().run('feed', 'sync', 'mdm')
    assert.equal(code, 1)
    assert.match(
      err,
      /d\.ndjson:4 ends within the line: the rest of it is missing; .* nothing was marked gone/,
    )
    assert.match(await site().out('status'), /FAILS: d\.ndjson:4 ends within the line/)
  })

  it('never shows a secret, nor keeps one', async () => {
    const source = await LocalSource.start(() => ({ status: 401 }))
    process.env['TEST_FEED_TOKEN'] = 'not-to-be-seen'
    const add = ['feed', 'add', 'web', '--kind', 'http', '--set', `url=${source.url}/d.csv`, ...REASON]
    const given = await site().run(...add, '--secret', 'token=not-to-be-seen')
    assert.deepEqual([given.code, /not-to-be-seen/.test(given.err)], [2, false])
    await site().out(...add, '--secret', 'token=env:TEST_FEED_TOKEN')
    const tried = await site().run('feed', 'test', 'web')
    await source.close()
    assert.equal(tried.code, 1)
    assert.match(tried.err, /answers 401: check the feed's secrets/)
    const all = [
      tried.out,
      tried.err,
      await site().out('feed', 'list', '--json'),
      await site().out('status', '--json'),
    ]
    assert.doesNotMatch(all.join(''), /not-to-be-seen/)
    const note = await site().store((store) => JSON.stringify(store.note('feed/web')))
    assert.match(note, /"token":"env:TEST_FEED_TOKEN"/)
  })

  it('ends when it has tried a URL', async () => {
    const source = await LocalSource.start(() => ({ status: 200, body: devices(1) }))
    await site().out('feed', 'add', 'web', '--kind', 'http', '--set', `url=${source.url}/d.ndjson`, ...REASON)
    const tried = site().start('feed', 'test', 'web')
    assert.equal(await tried.exited, 0, tried.output)
    await source.close()
  })

  it('tells the bad records of a trial apart from the devices', async () => {
    await addFile(`${record({ id: 'd-1', state: 'fine' })}\n${devices(1)}`)
    const tried = await site().out('feed', 'test', 'mdm')
    assert.match(tried, /^d-0 +anna@example\.com +ios +compliant +app:x$/m)
    assert.match(tried, /^BAD: d\.ndjson:1 state: "fine" is none of /m)
  })

  it('tries every secret, also those by which only others show who they are', async () => {
    const secrets = ['client-secret=env:TEST_FEED_TOKEN', `webhook=file:${site().file('nowhere')}`]
    const sets = ['url=http://127.0.0.1:9', 'client_id=gate'].flatMap((one) => ['--set', one])
    process.env['TEST_FEED_TOKEN'] = 'not-to-be-seen'
    await site().out(
      ...['feed', 'add', 'mdm', '--kind', 'jamf', ...sets, ...REASON],
      ...secrets.flatMap((one) => ['--secret', one]),
    )
    const { code, err } = await site().run('feed', 'test', 'mdm')
    assert.deepEqual([code, /secret webhook: .*nowhere does not exist/.test(err)], [1, true], err)
  })

  for (const [name, url] of [
    ['a password', 'https://gate:not-to-be-seen@mdm.example.com/d.csv'],
    ['a user', 'https://not-to-be-seen@mdm.example.com/d.csv'],
    ['no host', 'https://'],
    ['a host that is none', 'https://[::1/d.csv'],
  ] as const)
    it(`takes no URL that has ${name}, and keeps nothing of it`, async () => {
      const add = ['feed', 'add', 'web', '--kind', 'http', '--set', `url=${url}`, ...REASON]
      const { code, err } = await site().run(...add)
      assert.deepEqual([code, /url: must be a URL that has no user and no password/.test(err)], [2, true])
      assert.doesNotMatch(err, /not-to-be-seen/)
      assert.equal(await site().out('feed', 'list'), 'no feeds\n')
    })

  for (const [name, argv, problem] of [
    ['a name that is none', ['Über', '--kind', 'file', '--set', 'path=/x'], /1 to 32 of a-z/],
    ['an unknown kind', ['x', '--kind', 'moon'], /Allowed choices are/],
    [
      'an unknown setting',
      ['x', '--kind', 'file', '--set', 'path=/x', '--set', 'pth=/y'],
      /pth: unknown; known: path, format/,
    ],
    ['a missing setting', ['x', '--kind', 'http'], /url: is missing/],
    [
      'a setting of another form',
      ['x', '--kind', 'file', '--set', 'path=x'],
      /path: must be the absolute path/,
    ],
    [
      'a secret that it has not',
      ['x', '--kind', 'file', '--set', 'path=/x', '--secret', 'token=env:A'],
      /kind file has none/,
    ],
    [
      'a secret that is missing',
      ['x', '--kind', 'caep-poll', '--set', 'issuer=https://t.example', '--set', 'audience=a'],
      /api-token: is missing/,
    ],
    [
      'a sweep of events',
      [
        'x',
        '--kind',
        'caep-push',
        '--set',
        'issuer=https://t.example',
        '--set',
        'audience=a',
        '--every',
        '1h',
      ],
      /has no sweep/,
    ],
    ['no reason', ['x', '--kind', 'file', '--set', 'path=/x', '--reason', ''], /say why/],
  ] as const)
    it(`refuses ${name}`, async () => {
      const { code, err } = await site().run('feed', 'add', ...REASON, ...argv)
      assert.equal(code, 2, err)
      assert.match(err, problem)
    })

  it('refuses to bring events for a feed that is not there, and two feeds of one name', async () => {
    const caep = [
      '--kind',
      'caep-push',
      '--set',
      'issuer=https://t.example',
      '--set',
      'audience=a',
      ...REASON,
    ]
    const { code, err } = await site().run('feed', 'add', 'events', '--of', 'mdm', ...caep)
    assert.deepEqual([code, /mdm is no feed with a sweep/.test(err)], [1, true])
    await addFile('')
    assert.equal((await site().run('feed', 'add', 'mdm', ...caep)).code, 1)
    await site().out('feed', 'add', 'events', '--of', 'mdm', ...caep)
    const swept = await site().run('feed', 'sync', 'events')
    assert.deepEqual([swept.code, /has no sweep.*device-gate feed sync mdm$/m.test(swept.err)], [1, true])
    assert.doesNotMatch(await site().out('feed', 'list'), /FAILS/)
    assert.match(
      (await site().run('feed', 'remove', 'mdm', ...REASON)).err,
      /feed events brings events for mdm/,
    )
  })
})
