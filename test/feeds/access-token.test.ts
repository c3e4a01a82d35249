import assert from 'node:assert/strict'

import { AccessToken } from '../../src/feeds/access-token'
import { FeedError } from '../../src/feeds/feed-error'
import { json, LocalSource, type Answer } from './local-source'
import { trialContext } from './trial-context'

const SECRET = 'not to be seen & never told'

describe('an access token of a client', () => {
  let source: LocalSource
  let now: number
  let given: number
  /** What the next request for a token gets; undefined: a token that lives an hour. */
  let grant: Answer | undefined

  before(() => {
    process.env['TEST_CLIENT_SECRET'] = SECRET
  })
  beforeEach(async () => {
    now = 1_000_000
    given = 0
    grant = undefined
    source = await LocalSource.start(({ url }) => {
      if (url.pathname !== '/token') return json({ ok: true })
      given += 1
      return grant ?? json({ token_type: 'Bearer', expires_in: 3600, access_token: `token-${given}` })
    })
  })
  afterEach(() => source.close())

  function tokens(scope?: string): AccessToken {
    const settings = { url: source.url }
    const context = trialContext(settings, { 'client-secret': 'env:TEST_CLIENT_SECRET' }, () => now)
    return new AccessToken(context, {
      url: `${source.url}/token`,
      clientId: 'gate',
      secret: 'client-secret',
      ...(scope !== undefined && { scope }),
    })
  }
  const shown = (): (string | undefined)[] =>
    source.seen.filter(({ url }) => url.pathname !== '/token').map(({ headers }) => headers.authorization)
  const ask = (token: AccessToken): Promise<unknown> => token.askJson(`${source.url}/devices`)

  it('is asked for with the client credentials in the body, and shown to the source', async () => {
    assert.deepEqual(await ask(tokens('https://graph.example/.default')), { ok: true })
    const [request] = source.seen
    assert.equal(request?.method, 'POST')
    assert.equal(request.headers['content-type'], 'application/x-www-form-urlencoded')
    assert.deepEqual(Object.fromEntries(new URLSearchParams(request.body)), {
      grant_type: 'client_credentials',
      client_id: 'gate',
      client_secret: SECRET,
      scope: 'https://graph.example/.default',
    })
    assert.deepEqual(shown(), ['Bearer token-1'])
  })

  for (const [name, expires, renewed] of [
    ['an hour', 3600, 3_540_000],
    ['ten minutes, told as a text', '600', 540_000],
    ['a minute', 60, 30_000],
  ] as const)
    it(`that lives ${name} is used until shortly before its end`, async () => {
      grant = json({ access_token: 'short', expires_in: expires })
      const token = tokens()
      await ask(token)
      now += renewed - 1
      await ask(token)
      assert.equal(given, 1)
      now += 1
      await ask(token)
      assert.equal(given, 2)
    })

  it('that does not say how long it lives is used until it is refused', async () => {
    grant = json({ access_token: 'token' })
    const token = tokens()
    await ask(token)
    now += 1e9
    await ask(token)
    assert.equal(given, 1)
  })

  it('that is refused is renewed once', async () => {
    const token = tokens()
    await ask(token)
    source.faults.push({ status: 401 })
    assert.deepEqual(await ask(token), { ok: true })
    assert.deepEqual(shown(), ['Bearer token-1', 'Bearer token-1', 'Bearer token-2'])
  })

  it('that is refused when it is new is not renewed', async () => {
    source.answer = ({ url }) =>
      url.pathname === '/token' ? json({ access_token: 'token-1' }) : { status: 401 }
    await assert.rejects(ask(tokens()), { kind: 'credentials' })
    assert.equal(source.seen.length, 2)
    const token = tokens()
    await assert.rejects(ask(token))
    source.seen.length = 0
    await assert.rejects(ask(token), { kind: 'credentials' })
    assert.deepEqual(
      source.seen.map(({ url }) => url.pathname),
      ['/devices', '/token', '/devices'],
    )
  })

  for (const [name, answer, kind, message] of [
    [
      'a wrong secret',
      refusal(401, 'invalid_client'),
      'credentials',
      /invalid_client; check the client's id/,
    ],
    ['a client that is not there', refusal(400, 'unauthorized_client'), 'credentials', /unauthorized_client/],
    ['a code that is none', refusal(400, `x ${SECRET}`), 'credentials', /answers 400;/],
    ['a page of HTML', { status: 401, body: '<html>' }, 'credentials', /answers 401;/],
    ['403', { status: 403 }, 'permission', /answers 403/],
    ['no JSON', { status: 200, body: 'token' }, 'answer', /no JSON/],
    ['no token', json({ expires_in: 3600 }), 'answer', /without an access token/],
    ['a token that is none', json({ access_token: 'a\r\nb' }), 'answer', /without an access token/],
    [
      'a redirect',
      { status: 302, headers: { location: 'https://other.example/' } },
      'refused_url',
      /redirects/,
    ],
  ] as const)
    it(`is not had by ${name}`, async () => {
      grant = answer
      const error: unknown = await ask(tokens()).then(
        () => undefined,
        (problem: unknown) => problem,
      )
      assert.ok(error instanceof FeedError)
      assert.equal(error.kind, kind)
      assert.match(error.message, message)
      assert.doesNotMatch(error.message, /not to be seen|not\+to\+be\+seen/)
      assert.deepEqual(shown(), [])
    })

  it('is asked for again after what passes', async () => {
    source.faults.push({ status: 503, headers: { 'retry-after': '2' } }, { status: 500 })
    assert.deepEqual(await ask(tokens()), { ok: true })
  })

  function refusal(status: number, error: string): Answer {
    return { status, body: JSON.stringify({ error, error_description: `told ${SECRET}` }) }
  }
})
