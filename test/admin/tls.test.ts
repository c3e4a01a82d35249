import assert from 'node:assert/strict'

import { adminSite } from './admin-site'

describe('the admin server with TLS', () => {
  const site = adminSite({ tls: true })

  it('answers under the names of its certificate, and sets a cookie for TLS and this host alone', async () => {
    assert.equal(site().url.protocol, 'https:')
    const { port, origin } = site().url
    const token = site().token('viewer')
    const signedIn = await site().call('POST', '/api/v1/session', { body: { token }, headers: { origin } })
    assert.equal(signedIn.status, 200, signedIn.text)
    const [cookie = ''] = signedIn.headers['set-cookie'] ?? []
    assert.match(cookie, /^__Host-device_gate_session=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict; Secure$/)
    for (const [host, status] of [
      [`localhost:${port}`, 200],
      ['evil.example', 421],
    ] as const)
      assert.equal((await site().call('GET', '/api/v1/session', { token, headers: { host } })).status, status)
  })

  it('takes no page without TLS for its own', async () => {
    const answer = await site().call('POST', '/api/v1/session', {
      body: { token: site().token('viewer') },
      headers: { origin: `http://127.0.0.1:${site().url.port}` },
    })
    assert.equal(answer.status, 403)
  })

  it('does not take the cookie that a server without TLS would set', async () => {
    const { headers } = await site().call('POST', '/api/v1/session', {
      body: { token: site().token('viewer') },
    })
    const cookie = (headers['set-cookie']?.[0]?.split(';')[0] ?? '').replace('__Host-', '')
    assert.equal((await site().call('GET', '/api/v1/session', { headers: { cookie } })).status, 401)
  })
})
