import assert from 'node:assert/strict'

import { adminSite } from './admin-site'

describe('signing in', () => {
  const site = adminSite()

  it('takes a token that was just issued', async () => {
    const token = site().token('viewer')
    const { status, json } = await site().call('GET', '/api/v1/session', { token })
    assert.equal(status, 200)
    assert.deepEqual(json, { name: 'viewer', role: 'viewer', csrf: null, expires_at: null })
  })

  it('by a browser: a cookie that no script reads, and what changes have to carry', async () => {
    const token = site().token('operator')
    const signedIn = await site().call('POST', '/api/v1/session', { body: { token } })
    assert.equal(signedIn.status, 200)
    const [cookie = ''] = signedIn.headers['set-cookie'] ?? []
    assert.match(cookie, /^device_gate_session=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict$/)
    const headers = { cookie: cookie.split(';')[0] ?? '' }
    const known = await site().call('GET', '/api/v1/session', { headers })
    assert.deepEqual(known.json, signedIn.json)

    const csrf = String(signedIn.json['csrf'])
    const forged = await site().call('DELETE', '/api/v1/session', { headers })
    assert.equal(forged.status, 403)
    const out = await site().call('DELETE', '/api/v1/session', {
      headers: { ...headers, 'x-device-gate-csrf': csrf },
    })
    assert.equal(out.status, 204)
    assert.equal((await site().call('GET', '/api/v1/session', { headers })).status, 401)
  })
})
