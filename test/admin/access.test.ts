import assert from 'node:assert/strict'

import type { AdminRole } from '../../src/config/admin-tokens'
import { eventually } from '../support/eventually'
import { AdminSite, adminSite, type CallAnswer, type CallOptions } from './admin-site'
import { POLICY, seed } from './samples'

const ROLES: readonly AdminRole[] = ['viewer', 'operator', 'approver']

const kind = ({ json }: CallAnswer): string => String(json['type']).replace('urn:device-gate:problem:', '')

/** A browser that signed in: what it sends with each call. */
async function signIn(site: AdminSite, token: string): Promise<{ cookie: string; csrf: string }> {
  const { headers, json } = await site.call('POST', '/api/v1/session', { body: { token } })
  return { cookie: headers['set-cookie']?.[0]?.split(';')[0] ?? '', csrf: String(json['csrf']) }
}

describe('who may call the admin server', () => {
  const site = adminSite({ policy: POLICY })
  before(() => seed(site()))

  describe('every route of the OpenAPI document', () => {
    interface Route {
      readonly method: string
      readonly path: string
      readonly role: AdminRole | 'anyone'
    }
    const routes = async (): Promise<readonly Route[]> => {
      const { json } = await site().call('GET', '/api/v1/openapi.json')
      const paths = json['paths'] as Record<string, Record<string, { 'x-role': Route['role'] }>>
      return Object.entries(paths).flatMap(([path, methods]) =>
        Object.entries(methods).map(([method, { 'x-role': role }]) => ({
          method: method.toUpperCase(),
          path: path.replaceAll(/\{\w+\}/g, '1'),
          role,
        })),
      )
    }
    /** Without a body, so that what is let in is refused for that and changes nothing. */
    const call = ({ method, path }: Route, options: CallOptions = {}): Promise<CallAnswer> =>
      site().call(method, path, options)

    it('answers 401 to who shows no token', async () => {
      for (const route of await routes()) {
        if (route.role === 'anyone') continue
        const answer = await call(route)
        assert.equal(answer.status, 401, `${route.method} ${route.path}`)
        assert.equal(answer.headers['www-authenticate'], 'Bearer')
      }
    })

    it('answers 403 to a lesser role than it asks for, and to no other', async () => {
      const seen: string[] = []
      for (const route of await routes()) {
        if (route.role === 'anyone' || route.path.endsWith('/live') || route.path === '/api/v1/session')
          continue
        for (const role of ROLES) {
          const answer: CallAnswer = await call(route, { token: site().token(role) })
          const isLess: boolean = ROLES.indexOf(role) < ROLES.indexOf(route.role)
          assert.equal(
            answer.status === 403,
            isLess,
            `${role}: ${route.method} ${route.path}: ${answer.text}`,
          )
          if (isLess) {
            assert.equal(kind(answer), 'role')
            seen.push(`${role} ${route.method} ${route.path}`)
          }
        }
      }
      assert.ok(seen.includes('viewer POST /api/v1/recall'))
      assert.ok(seen.includes('operator POST /api/v1/policy/approve'))
      assert.equal(site().store.newestOrder(), 1, 'nothing was ordered')
    })

    it('asks for more than viewer wherever something is changed', async () => {
      const free = (await routes()).filter(({ method, role }) => method !== 'GET' && role === 'viewer')
      assert.deepEqual(free.map(({ method, path }) => `${method} ${path}`).sort(), [
        'DELETE /api/v1/session',
        'POST /api/v1/policy/check',
        'POST /api/v1/policy/what-if',
      ])
    })
  })

  it('changes nothing by GET', async () => {
    for (const path of ['/api/v1/mode', '/api/v1/recall', '/api/v1/policy/apply']) {
      const answer = await site().call('GET', `${path}?mode=off&reason=x`, {
        token: site().token('approver'),
      })
      assert.equal(answer.status, 404, path)
    }
  })

  describe('another site’s page in a signed-in browser', () => {
    const order = { mode: 'off', reason: 'forged' }
    const forgeries: readonly (readonly [
      what: string,
      headers: Record<string, string>,
      status: number,
      type: string,
    ])[] = [
      ['without the header', {}, 403, 'csrf'],
      ['with a guessed header', { 'x-device-gate-csrf': 'A'.repeat(43) }, 403, 'csrf'],
      ['with an empty header', { 'x-device-gate-csrf': '' }, 403, 'csrf'],
      [
        'from another origin',
        { 'x-device-gate-csrf': 'CSRF', origin: 'https://evil.example' },
        403,
        'origin',
      ],
      ['from a page without origin', { 'x-device-gate-csrf': 'CSRF', origin: 'null' }, 403, 'origin'],
      [
        'as a form',
        { 'x-device-gate-csrf': 'CSRF', 'content-type': 'application/x-www-form-urlencoded' },
        415,
        'media-type',
      ],
      [
        'as a form with files',
        { 'x-device-gate-csrf': 'CSRF', 'content-type': 'multipart/form-data; boundary=x' },
        415,
        'media-type',
      ],
      ['as plain text', { 'x-device-gate-csrf': 'CSRF', 'content-type': 'text/plain' }, 415, 'media-type'],
    ]
    for (const [what, headers, status, type] of forgeries)
      it(`is refused ${what}`, async () => {
        const { cookie, csrf } = await signIn(site(), site().token('approver'))
        const sent = Object.fromEntries(
          Object.entries({ cookie, ...headers }).map(([name, value]) => [
            name,
            value === 'CSRF' ? csrf : value,
          ]),
        )
        const answer = await site().call('POST', '/api/v1/mode', { body: order, headers: sent })
        assert.equal(answer.status, status, answer.text)
        assert.equal(kind(answer), type)
        assert.equal(site().store.modeOverride(), undefined)
      })

    it('cannot sign the browser in as somebody else', async () => {
      const answer = await site().call('POST', '/api/v1/session', {
        body: { token: site().token('viewer') },
        headers: { origin: 'https://evil.example' },
      })
      assert.equal(answer.status, 403)
      assert.equal(answer.headers['set-cookie'], undefined)
    })

    it('is told apart from the console itself', async () => {
      const { cookie, csrf } = await signIn(site(), site().token('operator'))
      const answer = await site().call('POST', '/api/v1/mode', {
        body: { mode: 'monitor', reason: 'by the console' },
        headers: { cookie, 'x-device-gate-csrf': csrf, origin: site().url.origin },
      })
      assert.equal(answer.status, 200, answer.text)
      const [newest] = site().store.history(1)
      assert.equal((newest as { who: string }).who, 'token:operator')
      await site().store.setModeOverride(null, { author: 'test', reason: 'as before', at: Date.now() })
    })
  })

  describe('a session', () => {
    it('has an id of its own at each login, whatever the browser brought, and the former one ends', async () => {
      const planted = 'device_gate_session=plantedplantedplantedplantedplantedplanted0'
      const signedIn = await site().call('POST', '/api/v1/session', {
        body: { token: site().token('viewer') },
        headers: { cookie: planted },
      })
      const first = signedIn.headers['set-cookie']?.[0]?.split(';')[0] ?? ''
      assert.notEqual(first, planted)
      assert.equal(
        (await site().call('GET', '/api/v1/session', { headers: { cookie: planted } })).status,
        401,
      )
      const again = await site().call('POST', '/api/v1/session', {
        body: { token: site().token('viewer') },
        headers: { cookie: first },
      })
      const second = again.headers['set-cookie']?.[0]?.split(';')[0] ?? ''
      assert.notEqual(second, first)
      assert.equal((await site().call('GET', '/api/v1/session', { headers: { cookie: first } })).status, 401)
      assert.equal((await site().call('GET', '/api/v1/session', { headers: { cookie: second } })).status, 200)
    })

    it('ends within a second when its token is revoked, and its live list too', async () => {
      const { cookie } = await signIn(site(), site().token('viewer', 'leaver'))
      const request = site().request('GET', '/api/v1/blocks/live', { headers: { cookie } })
      const response = await new Promise<import('node:http').IncomingMessage>((resolve) =>
        request.once('response', resolve),
      )
      assert.equal(response.statusCode, 200)
      const ended = new Promise((resolve) => response.once('close', resolve).once('error', resolve).resume())
      const revokedAt = performance.now()
      site().revoke('leaver')
      await ended
      assert.ok(performance.now() - revokedAt < 1000)
      assert.equal((await site().call('GET', '/api/v1/session', { headers: { cookie } })).status, 401)
    })

    it('does not outlive a token that was issued anew under its name', async () => {
      const { cookie } = await signIn(site(), site().token('operator', 'renamed'))
      site().revoke('renamed')
      const fresh = site().token('viewer', 'renamed')
      assert.equal((await site().call('GET', '/api/v1/session', { token: fresh })).status, 200)
      await eventually(async () => {
        assert.equal((await site().call('GET', '/api/v1/session', { headers: { cookie } })).status, 401)
      })
    })
  })

  it('answers only to names of its own (DNS rebinding)', async () => {
    const { port } = site().url
    const token = site().token('viewer')
    const hosts: Readonly<Record<string, number>> = {
      [`127.0.0.1:${port}`]: 200,
      [`localhost:${port}`]: 200,
      [`[::1]:${port}`]: 200,
      'evil.example': 421,
      [`evil.example:${port}`]: 421,
      '127.0.0.1.evil.example': 421,
      'localhost.evil.example': 421,
      '10.0.0.1': 421,
      'user@localhost': 421,
    }
    for (const [host, status] of Object.entries(hosts)) {
      const answer = await site().call('GET', '/api/v1/session', { token, headers: { host } })
      assert.equal(answer.status, status, host)
    }
    // Who probes it does so under any name, and is told nothing.
    assert.equal((await site().call('GET', '/healthz', { headers: { host: '10.0.0.1' } })).status, 200)
  })
})

describe('the end of a session', () => {
  let now = Date.now()
  const site = adminSite({ now: () => now })
  const isOpen = async (cookie: string): Promise<boolean> =>
    (await site().call('GET', '/api/v1/session', { headers: { cookie } })).status === 200

  it('comes after an hour without a call', async () => {
    const { cookie } = await signIn(site(), site().token('viewer'))
    now += 3_599_000
    assert.ok(await isOpen(cookie))
    now += 3_599_000
    assert.ok(await isOpen(cookie))
    now += 3_600_000
    assert.equal(await isOpen(cookie), false)
  })
  it('comes after eight hours with calls', async () => {
    const { cookie } = await signIn(site(), site().token('viewer'))
    for (let minutes = 0; minutes < 479; minutes += 1) {
      now += 60_000
      if (minutes % 30 === 0) assert.ok(await isOpen(cookie), `after ${minutes} minutes`)
    }
    now += 60_000
    assert.equal(await isOpen(cookie), false)
  })
  it('comes with that of its token', async () => {
    const token = site().token('viewer', 'short', { expiresAt: now + 600_000 })
    const { cookie } = await signIn(site(), token)
    now += 599_000
    assert.ok(await isOpen(cookie))
    now += 1000
    assert.equal(await isOpen(cookie), false)
    assert.equal((await site().call('GET', '/api/v1/session', { token })).status, 401)
  })
})

describe('guessing tokens', () => {
  let now = Date.now()
  const site = adminSite({ now: () => now })
  const guess = (i: number): string => `dgt_${String(i).padStart(43, 'A')}`
  const bearer = async (token: string): Promise<number> =>
    (await site().call('GET', '/api/v1/session', { token })).status

  it('is shut out after ten in a minute, also with a right one; who came in before goes on', async () => {
    const known = site().token('viewer', 'prometheus')
    assert.equal(await bearer(known), 200)
    for (let i = 0; i < 10; i += 1) assert.equal(await bearer(guess(i)), 401)
    assert.equal(await bearer(guess(10)), 429)
    const right = site().token('approver')
    assert.equal(await bearer(right), 429)
    const { status } = await site().call('POST', '/api/v1/session', { body: { token: right } })
    assert.equal(status, 429)
    assert.equal(await bearer(known), 200)
    now += 60_000
    assert.equal(await bearer(right), 200)
  })

  it('is told with a count, at most twice a minute and without what was tried', () => {
    const told = site().log.filter((line) => line.includes('not valid'))
    assert.equal(told.length, 2)
    assert.match(told[1] ?? '', /"tries":10,"addresses":\["127\.0\.0\.1"\]/)
    assert.doesNotMatch(site().log.join(''), /dgt_/)
  })
})
