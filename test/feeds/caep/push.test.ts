import assert from 'node:assert/strict'
import { generateKeyPairSync, randomBytes } from 'node:crypto'

import { FeedError } from '../../../src/feeds/feed-error'
import type { FeedRequest, Received } from '../../../src/feeds/kind'
import { caepPushKind } from '../../../src/feeds/kinds/caep-push'
import { trialContext, type TrialContext } from '../trial-context'
import { AUDIENCE, COMPLIANCE, Transmitter } from './transmitter'

const WEEK_S = 7 * 86_400

describe('a pushed SET (RFC 8935)', () => {
  let transmitter: Transmitter
  let context: TrialContext
  before(() => {
    process.env['TEST_PUSH_TOKEN'] = 'agreed-on'
  })
  beforeEach(async () => {
    transmitter = await Transmitter.start()
    context = trialContext({ issuer: transmitter.issuer, audience: AUDIENCE })
  })
  afterEach(() => transmitter.source.close())

  const push = (
    body: string | Uint8Array,
    headers: FeedRequest['headers'] = {},
    method = 'POST',
  ): Promise<Received> =>
    caepPushKind.receive!(context, {
      method,
      headers: { 'content-type': 'application/secevent+jwt', ...headers },
      body: Buffer.from(body),
    })
  const now = (): number => Math.floor(Date.now() / 1000)

  async function assertTaken(set: string, id: string): Promise<void> {
    const { readings, answer } = await push(set)
    assert.deepEqual([answer.status, answer.body], [202, ''])
    assert.deepEqual(
      readings.map((one) => 'change' in one && one.change.id),
      [id],
    )
  }

  async function assertRefused(set: string, err: string): Promise<void> {
    const { readings, events, refused, answer } = await push(set)
    assert.deepEqual([readings, events, refused], [[], [], [err]])
    assert.equal(answer.status, 400, answer.body)
    assert.equal((JSON.parse(answer.body) as { err: string }).err, err, answer.body)
    assert.equal(answer.headers['content-type'], 'application/json')
  }

  it('is taken with the time of the event, and answered without words', async () => {
    const seconds = now() - 100
    const event = { previous_status: 'not-compliant', current_status: 'compliant', event_timestamp: seconds }
    const { readings, events, answer } = await push(
      await transmitter.sign(transmitter.claims({ events: { [COMPLIANCE]: event } })),
    )
    assert.deepEqual(readings, [
      { place: 'event event-1', change: { id: 'd-1', state: 'compliant', at: seconds * 1000 } },
    ])
    assert.deepEqual([events, answer.status], [['event-1'], 202])
  })

  it('is taken by RS256 too, in an audience of many, of a type written out', async () => {
    await transmitter.rotate('k2', 'RS256')
    const claims = transmitter.claims({ aud: ['someone', AUDIENCE] })
    const header = { alg: 'RS256', kid: 'k2', typ: 'application/secevent+jwt' }
    await assertTaken(await transmitter.sign(claims, header), 'd-1')
  })

  for (const [name, subject, id] of [
    ['opaque', { format: 'opaque', id: 'd-7' }, 'd-7'],
    ['iss_sub', { format: 'iss_sub', iss: 'https://idp.example.com', sub: 'd-7' }, 'd-7'],
    [
      'uri',
      { format: 'uri', uri: 'urn:uuid:9ff5cb9d-0000-4000-8000-3a2f6a7c0001' },
      '9ff5cb9d-0000-4000-8000-3a2f6a7c0001',
    ],
    [
      'aliases',
      {
        format: 'aliases',
        identifiers: [
          { format: 'email', email: 'a@example.com' },
          { format: 'opaque', id: 'd-7' },
        ],
      },
      'd-7',
    ],
    [
      'complex',
      {
        format: 'complex',
        user: { format: 'email', email: 'anna@example.com' },
        device: { format: 'opaque', id: 'd-7' },
        tenant: { format: 'opaque', id: 't-1' },
      },
      'd-7',
    ],
    ['complex without a format', { device: { format: 'opaque', id: 'd-7' } }, 'd-7'],
    ['of the drafts', { subject_type: 'opaque', id: 'd-7' }, 'd-7'],
  ] as const)
    it(`finds the device of a subject: ${name}`, async () => {
      await assertTaken(await transmitter.sign(transmitter.claims({ sub_id: subject })), id)
    })

  it('finds it in the event too, where sub_id is missing, and believes sub_id first', async () => {
    const event = { previous_status: 'compliant', current_status: 'not-compliant' }
    const events = { [COMPLIANCE]: { ...event, subject: { format: 'opaque', id: 'd-8' } } }
    await assertTaken(await transmitter.sign(transmitter.claims({ sub_id: undefined, events })), 'd-8')
    await assertTaken(await transmitter.sign(transmitter.claims({ events })), 'd-1')
  })

  describe('is refused with the code of the RFC', () => {
    const status = { previous_status: 'compliant', current_status: 'not-compliant' }
    for (const [name, claims, header, err] of [
      ['another issuer', { iss: 'https://other.example.com' }, {}, 'invalid_issuer'],
      ['an issuer that differs by a slash', { iss: 'SLASH' }, {}, 'invalid_issuer'],
      ['another audience', { aud: 'https://other.example.com' }, {}, 'invalid_audience'],
      ['no audience', { aud: undefined }, {}, 'invalid_audience'],
      ['another typ', {}, { typ: 'JWT' }, 'invalid_request'],
      ['no typ', {}, { typ: undefined }, 'invalid_request'],
      ['no jti', { jti: undefined }, {}, 'invalid_request'],
      ['an endless jti', { jti: 'x'.repeat(513) }, {}, 'invalid_request'],
      ['no iat', { iat: undefined }, {}, 'invalid_request'],
      ['iat in the future', { iat: now() + 3600 }, {}, 'invalid_request'],
      ['iat more than a week ago', { iat: now() - WEEK_S - 60 }, {}, 'invalid_request'],
      ['an exp, as an ID token has', { exp: now() + 3600 }, {}, 'invalid_request'],
      ['a sub, as an ID token has', { sub: 'd-1' }, {}, 'invalid_request'],
      ['no events', { events: undefined }, {}, 'invalid_request'],
      ['events without one', { events: {} }, {}, 'invalid_request'],
      [
        'two events',
        { events: { [COMPLIANCE]: status, 'https://example.com/x': {} } },
        {},
        'invalid_request',
      ],
      ['an event that is no object', { events: { [COMPLIANCE]: 'not-compliant' } }, {}, 'invalid_request'],
      [
        'an unknown status',
        { events: { [COMPLIANCE]: { ...status, current_status: 'fine' } } },
        {},
        'invalid_request',
      ],
      [
        'no previous status',
        { events: { [COMPLIANCE]: { current_status: 'compliant' } } },
        {},
        'invalid_request',
      ],
      [
        'an event of the future',
        { events: { [COMPLIANCE]: { ...status, event_timestamp: now() + 3600 } } },
        {},
        'invalid_request',
      ],
      ['no subject', { sub_id: undefined }, {}, 'invalid_request'],
      ['an unknown subject format', { sub_id: { format: 'moon', id: 'd-1' } }, {}, 'invalid_request'],
      [
        'a person for a subject',
        { sub_id: { format: 'email', email: 'a@example.com' } },
        {},
        'invalid_request',
      ],
      ['a subject of endless depth', { sub_id: nested(50) }, {}, 'invalid_request'],
      ['an id with a line end', { sub_id: { format: 'opaque', id: 'd-1\n' } }, {}, 'invalid_request'],
      ['an id that is a number', { sub_id: { format: 'opaque', id: 1 } }, {}, 'invalid_request'],
      ['an unknown key id', {}, { kid: 'k9' }, 'invalid_key'],
    ] as const)
      it(name, async () => {
        const issuer = (claims as { iss?: string }).iss === 'SLASH' ? { iss: `${transmitter.issuer}/` } : {}
        await assertRefused(await transmitter.sign(transmitter.claims({ ...claims, ...issuer }), header), err)
      })

    const unsigned = (header: object, claims: object): string =>
      [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')

    it('alg none', async () => {
      const set = unsigned({ alg: 'none', typ: 'secevent+jwt', kid: 'k1' }, transmitter.claims())
      await assertRefused(`${set}.`, 'invalid_key')
    })

    it('HS256 under the public key', async () => {
      const { createHmac } = await import('node:crypto')
      const set = unsigned({ alg: 'HS256', typ: 'secevent+jwt', kid: 'k1' }, transmitter.claims())
      const secret = JSON.stringify((transmitter.jwks as { keys: object[] }).keys[0])
      const mac = createHmac('sha256', secret).update(set).digest('base64url')
      await assertRefused(`${set}.${mac}`, 'invalid_key')
      transmitter.jwks = { keys: [{ kty: 'oct', kid: 'k1', k: Buffer.from('shared').toString('base64url') }] }
      context = trialContext({ issuer: transmitter.issuer, audience: AUDIENCE })
      const shared = createHmac('sha256', 'shared').update(set).digest('base64url')
      await assertRefused(`${set}.${shared}`, 'invalid_key')
    })

    it('the signature of another token', async () => {
      const [header, payload] = (await transmitter.sign(transmitter.claims())).split('.')
      const [, , signature] = (await transmitter.change('d-2', 'compliant')).split('.')
      await assertRefused(`${header}.${payload}.${signature}`, 'authentication_failed')
    })

    for (const [name, body] of [
      ['an empty body', ''],
      ['no token', 'hello'],
      ['two dots', '..'],
      ['noise', randomBytes(300).toString('latin1')],
      ['JSON', '{"iss":"x"}'],
      ['a megabyte', 'a'.repeat(1024 * 1024)],
    ] as const)
      it(`${name} for a body`, () => assertRefused(body, 'invalid_request'))

    it('another content type', async () => {
      const { answer, refused } = await push(await transmitter.sign(transmitter.claims()), {
        'content-type': 'application/json',
      })
      assert.deepEqual(
        [answer.status, (JSON.parse(answer.body) as { err: string }).err, refused],
        [400, 'invalid_request', ['invalid_request']],
      )
    })
  })

  it('is asked for by POST alone', async () => {
    assert.equal((await push('', {}, 'GET')).answer.status, 405)
  })

  it('needs the bearer token that was agreed on, where one was', async () => {
    const settings = { issuer: transmitter.issuer, audience: AUDIENCE }
    context = trialContext(settings, { 'push-token': 'env:TEST_PUSH_TOKEN' })
    const set = await transmitter.sign(transmitter.claims())
    for (const authorization of [undefined, 'Bearer ', 'Bearer wrong', 'Basic agreed-on', 'agreed-on']) {
      const { answer, readings, refused } = await push(set, { authorization })
      assert.deepEqual(
        [answer.status, readings, refused],
        [401, [], ['authentication_failed']],
        authorization,
      )
      assert.equal((JSON.parse(answer.body) as { err: string }).err, 'authentication_failed')
    }
    assert.equal((await push(set, { authorization: 'Bearer agreed-on' })).answer.status, 202)
  })

  it('is success and nothing more when it comes again', async () => {
    const again = { ...context, isKnown: (event: string) => event === 'event-1' }
    const request = {
      method: 'POST',
      headers: { 'content-type': 'application/secevent+jwt' },
      body: Buffer.from(await transmitter.sign(transmitter.claims())),
    }
    const { readings, events, answer } = await caepPushKind.receive!(again, request)
    assert.deepEqual([readings, events, answer.status], [[], [], 202])
  })

  it('may carry an event of another type, which is none of ours', async () => {
    const events = { 'https://schemas.openid.net/secevent/caep/event-type/session-revoked': {} }
    const {
      readings,
      events: known,
      answer,
    } = await push(await transmitter.sign(transmitter.claims({ events })))
    assert.deepEqual([readings, known.length, answer.status], [[], 1, 202])
  })

  describe('and the keys of its issuer', () => {
    it('are looked for again when a new key signs, and not for each made-up one', async () => {
      let at = Date.now()
      context = trialContext({ issuer: transmitter.issuer, audience: AUDIENCE }, {}, () => at)
      await assertTaken(await transmitter.sign(transmitter.claims()), 'd-1')
      await transmitter.rotate('k2')
      at += 31_000
      await assertTaken(await transmitter.sign(transmitter.claims(), { kid: 'k2' }), 'd-1')
      const asked = transmitter.source.seen.length
      for (let i = 0; i < 20; i += 1)
        await assertRefused(await transmitter.sign(transmitter.claims(), { kid: `x${i}` }), 'invalid_key')
      assert.equal(transmitter.source.seen.length, asked)
    })

    it('are good for a day when they cannot be had anew, and no longer', async () => {
      let at = Date.now()
      context = trialContext({ issuer: transmitter.issuer, audience: AUDIENCE }, {}, () => at)
      const set = (): Promise<string> => transmitter.sign(transmitter.claims({ iat: Math.floor(at / 1000) }))
      await assertTaken(await set(), 'd-1')
      transmitter.source.answer = () => ({ status: 500 })
      at += 23 * 3_600_000
      await assertTaken(await set(), 'd-1')
      at += 2 * 3_600_000
      await assert.rejects(
        push(await set()),
        (error) => error instanceof FeedError && error.kind === 'unreachable',
      )
    })

    const oneKey = (): unknown =>
      generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'jwk' })
    for (const [name, jwks] of [
      ['ten thousand keys', { keys: Array.from({ length: 10_000 }, () => ({ kty: 'EC' })) }],
      ['more than a megabyte', { keys: [oneKey()], padding: 'x'.repeat(1024 * 1024) }],
      ['no list of keys', { keys: 'k1' }],
      ['null', null],
    ] as const)
      it(`refuse ${name}: nothing is taken, and the sender is to come again`, async () => {
        transmitter.jwks = jwks
        await assert.rejects(push(await transmitter.sign(transmitter.claims())), FeedError)
      })

    for (const [name, uri] of [
      ['a file', 'file:///etc/passwd'],
      ['cloud metadata', 'http://169.254.169.254/latest/meta-data'],
      ['cloud metadata by https', 'https://169.254.169.254/'],
      ['a link-local address', 'https://[fe80::1]/'],
      ['a private address that nobody named', 'https://10.0.0.1/jwks'],
      ['another loopback address', 'http://127.0.0.2/jwks'],
      ['a loopback address in IPv6 clothes', 'https://[::ffff:127.0.0.2]/jwks'],
      ['data', 'data:application/json,{"keys":[]}'],
    ] as const)
      it(`are not asked for where discovery points to ${name}`, async () => {
        const answer = transmitter.answer.bind(transmitter)
        transmitter.source.answer = (request) =>
          request.url.pathname.startsWith('/.well-known')
            ? { status: 200, body: JSON.stringify({ issuer: transmitter.issuer, jwks_uri: uri }) }
            : answer(request)
        await assert.rejects(
          push(await transmitter.sign(transmitter.claims())),
          (error) => error instanceof FeedError && error.kind === 'refused_url',
        )
      })

    it('are not followed round in circles', async () => {
      const answer = transmitter.answer.bind(transmitter)
      transmitter.source.answer = (request) =>
        request.url.pathname === '/jwks' ? { status: 302, headers: { location: '/jwks' } } : answer(request)
      await assert.rejects(push(await transmitter.sign(transmitter.claims())), /redirects endlessly/)
      assert.equal(transmitter.source.seen.filter(({ url }) => url.pathname === '/jwks').length, 4)
    })

    it('are not taken from a discovery document of another issuer', async () => {
      transmitter.source.answer = () => ({
        status: 200,
        body: JSON.stringify({ issuer: 'https://other.example.com', jwks_uri: `${transmitter.issuer}/jwks` }),
      })
      await assert.rejects(push(await transmitter.sign(transmitter.claims())), /of another issuer/)
    })
  })
})

function nested(depth: number): object {
  return depth === 0 ? { format: 'opaque', id: 'd-1' } : { format: 'complex', device: nested(depth - 1) }
}
