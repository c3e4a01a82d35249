import assert from 'node:assert/strict'

import { addressProblem } from '../../src/net/address-rules'
import { boundedFetch, FetchError, namedHosts, type FetchOptions } from '../../src/net/bounded-fetch'
import { LocalSource, type Answer } from '../feeds/local-source'

describe('a bounded fetch', () => {
  let source: LocalSource
  let answer: Answer
  beforeEach(async () => {
    answer = { status: 200, body: 'hello' }
    source = await LocalSource.start(() => answer)
  })
  afterEach(() => source.close())

  const get = (url: string, options: FetchOptions = {}) =>
    boundedFetch(url, namedHosts({ url: source.url }), options)
  const assertFails = (work: Promise<unknown>, kind: FetchError['kind']): Promise<void> =>
    assert.rejects(work, (error) => error instanceof FetchError && error.kind === kind)

  it('gives status, headers and body', async () => {
    const found = await get(`${source.url}/x`, { headers: { 'x-y': 'z' } })
    assert.deepEqual(
      [found.status, await found.text(), found.header('connection')],
      [200, 'hello', 'keep-alive'],
    )
    assert.equal(source.seen[0]?.headers['x-y'], 'z')
  })

  it('asks for no content coding, and undoes none', async () => {
    answer = { status: 200, headers: { 'content-encoding': 'gzip' }, body: 'x' }
    await assertFails((await get(source.url)).text(), 'unreachable')
    assert.equal(source.seen[0]?.headers['accept-encoding'], 'identity')
  })

  for (const [name, given, options, kind] of [
    ['too long', { status: 200, body: 'x'.repeat(2000) }, { maxOctets: 1000 }, 'too_large'],
    ['cut off', { status: 200, body: 'half', cut: true }, {}, 'unreachable'],
    ['no JSON', { status: 200, body: '{"a":' }, {}, 'not_json'],
  ] as const)
    it(`fails for a body that is ${name}`, async () => {
      answer = given
      await assertFails((await get(source.url, options)).json(), kind)
    })

  it('gives up when nothing comes in time, and when it is told to', async () => {
    answer = 'hang'
    await assertFails(get(source.url, { timeoutMs: 50 }), 'timeout')
    await assertFails(get(source.url, { signal: AbortSignal.abort() }), 'unreachable')
  })

  it('says where nobody listens', async () => {
    const { url } = source
    await source.close()
    await assertFails(boundedFetch(url, namedHosts([url])), 'unreachable')
    source = await LocalSource.start(() => answer)
  })

  it('follows a redirect, and shows its credentials to nobody else', async () => {
    const other = await LocalSource.start(() => ({ status: 200, body: 'there' }))
    answer = { status: 302, headers: { location: `${other.url}/there` } }
    const headers = { authorization: 'Bearer secret', 'x-api-key': 'secret', accept: 'text/csv' }
    assert.equal(await (await get(source.url, { headers })).text(), 'there')
    const seen = other.seen[0]?.headers
    assert.deepEqual(
      [seen?.authorization, seen?.['x-api-key'], seen?.accept],
      [undefined, undefined, 'text/csv'],
    )
    await other.close()
  })

  it('does not follow a redirect of a change', async () => {
    answer = { status: 307, headers: { location: '/x' } }
    await assertFails(get(source.url, { method: 'POST', body: 'x' }), 'redirect')
  })

  for (const location of [
    'file:///etc/passwd',
    'ftp://127.0.0.1/',
    'http://169.254.169.254/',
    'http://127.0.0.2/',
  ])
    it(`does not follow a redirect to ${location}`, async () => {
      answer = { status: 302, headers: { location } }
      await assertFails(get(source.url), 'refused_url')
      assert.equal(source.seen.length, 1)
    })

  it('follows no more than three', async () => {
    answer = { status: 302, headers: { location: '/again' } }
    await assertFails(get(source.url), 'redirect')
    assert.equal(source.seen.length, 4)
  })

  for (const url of [
    'http://example.com/',
    'http://localhost:1/',
    'https://localhost:1/',
    'https://user:password@example.com/',
    'file:///etc/passwd',
    'gopher://example.com/',
    'hello',
    '',
  ])
    it(`does not ask ${JSON.stringify(url)}, which no settings name`, () =>
      assertFails(get(url), 'refused_url'))

  it('looks at the address that a name leads to, not at the name', () =>
    assertFails(boundedFetch('https://localhost:1/', namedHosts([]), {}), 'refused_url'))
})

describe('addresses that are asked', () => {
  for (const [address, others, named] of [
    ['93.184.216.34', true, true],
    ['2606:2800:220:1::1', true, true],
    ['10.1.2.3', false, true],
    ['172.31.0.1', false, true],
    ['172.32.0.1', true, true],
    ['192.168.1.1', false, true],
    ['100.64.0.1', false, true],
    ['127.0.0.1', false, true],
    ['::1', false, true],
    ['fd12::1', false, true],
    ['::ffff:10.1.2.3', false, true],
    ['64:ff9b::a01:203', false, true],
    ['2002:a01:203::1', false, true],
    ['169.254.169.254', false, false],
    ['169.254.0.1', false, false],
    ['::ffff:169.254.169.254', false, false],
    ['64:ff9b::a9fe:a9fe', false, false],
    ['fe80::1', false, false],
    ['fe80::1%eth0', false, false],
    ['fd00:ec2::254', false, false],
    ['100.100.100.200', false, false],
    ['0.0.0.0', false, false],
    ['::', false, false],
    ['224.0.0.1', false, false],
    ['255.255.255.255', false, false],
    ['ff02::1', false, false],
    ['example.com', false, false],
  ] as const)
    it(`${address}: ${others ? 'by everybody' : named ? 'where the settings name its host' : 'never'}`, () => {
      assert.equal(addressProblem(address, false) === undefined, others)
      assert.equal(addressProblem(address, true) === undefined, named)
    })
})
