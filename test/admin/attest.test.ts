import assert from 'node:assert/strict'
import fs from 'node:fs'

import { formatAttestLink } from '../../src/identity/attest-link'
import { formatKeyring, rotateKeyring } from '../../src/identity/tag-keyring'
import { AttestationDesk, AttestationRefusal } from '../../src/orders/attestation-desk'
import { countsUntil, type Attestation } from '../../src/policy/attestation'
import { attestation } from '../devices/samples'
import { AdminSite, type CallAnswer } from './admin-site'
import { POLICY } from './samples'

const ANNA = 'anna@example.com'
const TIKTOK = 'app:com.zhiliaoapp.musically'
const NOW = Date.parse('2026-11-20T08:00:00Z')
const DAY_MS = 86_400_000

describe('the page of a link by which a person makes a statement', () => {
  const KEYS = rotateKeyring([], NOW) ?? []
  const [KEY = assert.fail('no key')] = KEYS
  let site: AdminSite
  let now: number
  let links: number

  const start = async (hostConfig: string): Promise<void> => {
    site = await AdminSite.start({ policy: POLICY, hostConfig, now: () => now })
    fs.writeFileSync(site.file('config', 'device_gate_tag.key'), formatKeyring(KEYS), { mode: 0o600 })
  }

  beforeEach(async () => {
    now = NOW
    links = 0
    await start('attestation: { url: "https://gate.example.com", valid: 14d }')
  })
  afterEach(() => site.stop())

  const desk = (): AttestationDesk => new AttestationDesk(site.store, () => now)
  const asked = (change: Partial<Attestation> = {}): Attestation =>
    attestation({
      link: `link-${(links += 1)}`,
      deviceId: 'anna-phone',
      mandate: 'tiktok-2020-07',
      findings: [TIKTOK],
      createdAt: NOW,
      linkExpiresAt: NOW + 7 * DAY_MS,
      ...change,
    })
  const pathOf = (one: Attestation): string => `/attest/${formatAttestLink(KEY, one)}`
  const link = async (change: Partial<Attestation> = {}): Promise<string> => {
    const one = asked(change)
    await desk().ask(one)
    return pathOf(one)
  }
  const get = (path: string, headers: Readonly<Record<string, string>> = {}): Promise<CallAnswer> =>
    site.call('GET', path, { headers })
  const form = (
    path: string,
    raw = 'stated=yes',
    headers: Readonly<Record<string, string>> = {},
  ): Promise<CallAnswer> =>
    site.call('POST', path, {
      raw,
      headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
    })
  const stated = (): readonly Attestation[] =>
    site.store.attestationsOf(ANNA).filter((one) => countsUntil(one) > now)
  const title = ({ text }: CallAnswer): string => /<h1>(.*)<\/h1>/.exec(text)?.[1] ?? text

  it('says what is stated, of what, and what follows; nothing takes effect by looking at it', async () => {
    const path = await link()
    const before = site.store.sequence()
    const answer = await get(path)
    assert.equal(answer.status, 200)
    for (const told of [
      ANNA,
      'anna-phone',
      'com.zhiliaoapp.musically',
      '14 days',
      'Remove TikTok',
      '+1 555 0100',
    ])
      assert.ok(answer.text.includes(told), told)
    await get(path)
    assert.equal(site.store.sequence(), before)
    assert.deepEqual(stated(), [])
  })

  it('loads nothing, runs nothing, is framed and kept by nobody, and passes its address on to nobody', async () => {
    const { headers, text } = await get(await link())
    assert.equal(headers['content-type'], 'text/html; charset=utf-8')
    assert.match(
      String(headers['content-security-policy']),
      /^default-src 'none'; style-src 'sha256-[^']+'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'$/,
    )
    assert.equal(headers['referrer-policy'], 'no-referrer')
    assert.equal(headers['cache-control'], 'no-store')
    assert.equal(headers['x-content-type-options'], 'nosniff')
    assert.equal(headers['set-cookie'], undefined)
    assert.doesNotMatch(text, /<script|<img|<link|https?:|src=|\son\w+=|style="/)
    assert.match(text, /<meta name="viewport"/)
  })

  it('takes the statement by the button, once, with who, when, from where and for what on record', async () => {
    const path = await link()
    const answer = await form(path, 'stated=yes', { origin: 'null', host: 'gate.example.com' })
    assert.equal(title(answer), 'Thank you')
    assert.match(answer.text, /4 December 2026 08:00 \(UTC\)/)
    const [one] = stated()
    assert.deepEqual(one?.stated, { at: NOW, expiresAt: NOW + 14 * DAY_MS, remote: '127.0.0.1' })
    const [entry] = site.store.history(1)
    assert.ok(entry && 'kind' in entry)
    assert.deepEqual([entry.kind, entry.who, entry.at], ['attest', `link:${ANNA}`, NOW])
    assert.match(
      entry.change,
      /^user anna@example\.com states of device anna-phone from 127\.0\.0\.1: without app:com/,
    )

    for (const again of [await form(path), await get(path)])
      assert.deepEqual([again.status, title(again)], [410, 'This link was used already'])
    assert.equal(stated().length, 1)
  })

  it('takes one of two that come at once', async () => {
    const path = await link()
    const titles = (await Promise.all([form(path), form(path)])).map(title).sort()
    assert.deepEqual(titles, ['Thank you', 'This link was used already'])
  })

  it('takes the statements of many people at once', async () => {
    const users = Array.from({ length: 40 }, (_, i) => `user-${i}@example.com`)
    const paths = []
    for (const user of users) paths.push(await link({ user }))
    const titles = (await Promise.all(paths.map((path) => form(path)))).map(title)
    assert.deepEqual(new Set(titles), new Set(['Thank you']))
    for (const user of users) assert.ok(site.store.attestationsOf(user)[0]?.stated, user)
  })

  it('is given out no more often to one person than can be kept, until some have ended', async () => {
    for (let i = 0; i < 64; i += 1) await link()
    await assert.rejects(link(), AttestationRefusal)
    now += 7 * DAY_MS
    await link({ linkExpiresAt: now + DAY_MS })
    assert.equal(site.store.attestationsOf(ANNA).length, 1)
  })

  it('is used for ever: once a statement was removed, its link makes no other', async () => {
    const path = await link()
    await form(path)
    await desk().remove(ANNA, 'anna-phone', { author: 'ops', reason: 'seen on it', at: now })
    assert.deepEqual(stated(), [])
    assert.equal(title(await form(path)), 'This link was used already')
    assert.deepEqual(stated(), [])
  })

  const NO_FORM: readonly (readonly [
    what: string,
    path: () => Promise<string>,
    status: number,
    title: string,
  ])[] = [
    [
      'forged',
      async () => (await link()).replace(/.$/, (last) => (last === 'A' ? 'E' : 'A')),
      404,
      'This link is not valid',
    ],
    [
      'signed for another device',
      async () => {
        const one = asked()
        await desk().ask(one)
        return pathOf({ ...one, deviceId: 'ben-phone' })
      },
      404,
      'This link is not valid',
    ],
    ['never given out', () => Promise.resolve(pathOf(asked())), 404, 'This link is not valid'],
    ['none at all', () => Promise.resolve('/attest/x'), 404, 'This link is not valid'],
    [
      'removed',
      async () => {
        const path = await link()
        await desk().remove(ANNA, 'anna-phone', { author: 'ops', reason: 'a mistake', at: now })
        return path
      },
      404,
      'This link is not valid',
    ],
    [
      'expired',
      async () => {
        const path = await link()
        now += 7 * DAY_MS
        return path
      },
      410,
      'This link has expired',
    ],
    [
      'about a mandate that is not in force',
      () => link({ mandate: 'other' }),
      410,
      'Nothing needs to be stated',
    ],
    [
      'about what its mandate does not look for any more',
      () => link({ findings: ['app:other'] }),
      410,
      'Nothing needs to be stated',
    ],
  ]
  for (const [what, pathFor, status, told] of NO_FORM)
    it(`shows no form for one that is ${what}, takes nothing by it, and tells nothing else`, async () => {
      const path = await pathFor()
      for (const answer of [await get(path), await form(path)]) {
        assert.deepEqual([answer.status, title(answer)], [status, told])
        assert.doesNotMatch(answer.text, /anna|tiktok|<form/i)
      }
      assert.deepEqual(stated(), [])
    })

  it('takes nothing else than the button sends, and no more than fits', async () => {
    const path = await link()
    for (const raw of ['', 'stated=no', 'other=yes']) assert.equal((await form(path, raw)).status, 404, raw)
    assert.equal((await form(path, `stated=yes&x=${'x'.repeat(2000)}`)).status, 413)
    assert.equal((await site.call('POST', path, { body: { stated: 'yes' } })).status, 415)
    assert.equal((await site.call('POST', path)).status, 404)
    assert.equal((await form(path, 'stated=yes', { 'content-type': 'text/plain' })).status, 415)
    assert.deepEqual(stated(), [])
  })

  it('writes names as text, whatever they are', async () => {
    const { text } = await get(await link({ deviceId: '<script>&"\'' }))
    assert.ok(text.includes('&lt;script&gt;&amp;&quot;&#39;'))
    assert.ok(!text.includes('<script>'))
  })

  it('is told of in no log', async () => {
    const path = await link()
    await get(path)
    await form(path)
    await get('/attest/forged')
    const [token = ''] = path.split('/').slice(-1)
    const log = site.log.join('\n')
    assert.ok(!log.includes(token) && !log.includes(token.slice(-40)), log)
    assert.deepEqual(site.faults, [])
  })

  it('keeps off whoever asks too often, for a minute', async () => {
    const path = await link()
    for (let i = 0; i < 300; i += 1) await get('/attest/x')
    assert.deepEqual([(await get(path)).status, (await form(path)).status], [429, 429])
    now += 60_000
    assert.equal((await get(path)).status, 200)
  })

  it('is not there while statements are off', async () => {
    const path = await link()
    await site.stop()
    await start('')
    for (const answer of [await get(path), await form(path)])
      assert.deepEqual([answer.status, answer.json['detail']], [404, 'there is nothing at this address'])
  })
})
