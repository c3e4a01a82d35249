import assert from 'node:assert/strict'
import net from 'node:net'

import { adminSite, type CallOptions } from './admin-site'
import { block, POLICY, seed } from './samples'

/** Text that does harm where it is taken for markup, a formula, a line of a log or an event, or a terminal's order. */
const HOSTILE = `<img src=x onerror=alert(1)>"'\`=cmd|' /C calc'!A0`

describe('what the admin server is sent', () => {
  const site = adminSite({
    policy: POLICY,
    console: { 'index.html': '<!doctype html>', 'app-AbCdEf12.js': '1' },
  })
  before(() => seed(site()))

  interface Case {
    readonly what: string
    readonly method?: string
    readonly path: string
    readonly options?: CallOptions
    readonly status?: number
    readonly field?: string
    readonly detail: RegExp
  }
  const CASES: readonly Case[] = [
    {
      what: 'a time without a zone',
      path: '/api/v1/blocks?since=2026-07-10T23:59:00',
      field: 'since',
      detail: /a time with a zone/,
    },
    {
      what: 'a day that no calendar has',
      path: '/api/v1/blocks?until=2026-06-31T00:00:00Z',
      field: 'until',
      detail: /a time with a zone/,
    },
    {
      what: 'a + that the address made a blank',
      path: '/api/v1/blocks?since=2026-07-10T23:59:00+02:00',
      field: 'since',
      detail: /%2B/,
    },
    { what: 'an unknown filter', path: '/api/v1/blocks?usr=anna', field: 'usr', detail: /is not known here/ },
    { what: 'a filter twice', path: '/api/v1/blocks?user=a&user=b', field: 'user', detail: /must be/ },
    {
      what: 'a platform that there is not',
      path: '/api/v1/blocks?platform=phone',
      field: 'platform',
      detail: /one of ios, android/,
    },
    { what: 'a limit of none', path: '/api/v1/blocks?limit=0', field: 'limit', detail: />= 1/ },
    { what: 'a limit too large', path: '/api/v1/blocks?limit=501', field: 'limit', detail: /<= 500/ },
    {
      what: 'a limit that is no number',
      path: '/api/v1/blocks?limit=ten',
      field: 'limit',
      detail: /integer/,
    },
    {
      what: 'a cursor that is none',
      path: '/api/v1/blocks?cursor=x',
      field: 'cursor',
      detail: /another query/,
    },
    {
      what: 'a cursor of no JSON',
      path: `/api/v1/audit?cursor=${Buffer.from('[1').toString('base64url')}`,
      field: 'cursor',
      detail: /another query/,
    },
    {
      what: 'two questions',
      path: '/api/v1/why?user=a@b.c&device=d',
      field: 'user',
      detail: /one of user, device, decision/,
    },
    { what: 'no question', path: '/api/v1/why', field: 'user', detail: /one of user, device, decision/ },
    {
      what: 'a device nobody reported',
      path: '/api/v1/devices/none',
      status: 404,
      detail: /never reported|was ever reported/,
    },
    {
      what: 'a version that is none',
      path: '/api/v1/policy/versions/one',
      field: 'version',
      detail: /integer/,
    },
    {
      what: 'a version that there is not',
      path: '/api/v1/policy/versions/99',
      status: 404,
      detail: /no policy version 99/,
    },
    {
      what: 'a body that is no JSON',
      method: 'POST',
      path: '/api/v1/mode',
      options: { raw: '{"mode":' },
      detail: /no JSON/,
    },
    {
      what: 'a body that is no object',
      method: 'POST',
      path: '/api/v1/mode',
      options: { raw: '[]' },
      detail: /object/,
    },
    { what: 'no body', method: 'POST', path: '/api/v1/mode', options: { raw: '' }, detail: /object/ },
    {
      what: 'a body that would change every object',
      method: 'POST',
      path: '/api/v1/mode',
      options: { raw: '{"__proto__":{"role":"approver"},"mode":"off","reason":"x"}' },
      detail: /no JSON/,
    },
    {
      what: 'a field too many',
      method: 'POST',
      path: '/api/v1/mode',
      options: { body: { mode: 'off', reason: 'x', author: 'root' } },
      field: 'author',
      detail: /not known here/,
    },
    {
      what: 'no reason',
      method: 'POST',
      path: '/api/v1/mode',
      options: { body: { mode: 'off' } },
      field: 'reason',
      detail: /lacks a field/,
    },
    {
      what: 'a blank reason',
      method: 'POST',
      path: '/api/v1/mode',
      options: { body: { mode: 'off', reason: ' ' } },
      field: 'reason',
      detail: /a reason of one line/,
    },
    {
      what: 'a reason of two lines',
      method: 'POST',
      path: '/api/v1/mode',
      options: { body: { mode: 'off', reason: 'a\n{"level":60}' } },
      field: 'reason',
      detail: /a reason of one line/,
    },
    {
      what: 'a reason that reorders text',
      method: 'POST',
      path: '/api/v1/mode',
      options: { body: { mode: 'off', reason: 'a\u202eb' } },
      field: 'reason',
      detail: /a reason of one line/,
    },
    {
      what: 'a number as text',
      method: 'POST',
      path: '/api/v1/mode',
      options: { body: { mode: 'off', reason: 'x', confirm: '5' } },
      field: 'confirm',
      detail: /integer/,
    },
    {
      what: 'an exemption without end',
      method: 'POST',
      path: '/api/v1/overrides',
      options: { body: { kind: 'exemption', subject: { kind: 'user', id: 'a@b.c' }, reason: 'x' } },
      field: 'hours',
      detail: /an exemption ends/,
    },
    {
      what: 'an end that is over',
      method: 'POST',
      path: '/api/v1/overrides',
      options: {
        body: {
          kind: 'lock',
          subject: { kind: 'user', id: 'a@b.c' },
          reason: 'x',
          expires_at: '2020-01-01T00:00:00Z',
        },
      },
      field: 'expires_at',
      detail: /already over/,
    },
    {
      what: 'a subject with a line end',
      method: 'POST',
      path: '/api/v1/overrides',
      options: { body: { kind: 'lock', subject: { kind: 'device', id: 'd\n1' }, reason: 'x' } },
      field: 'subject.id',
      detail: /a device id/,
    },
    {
      what: 'a policy that is none',
      method: 'POST',
      path: '/api/v1/policy/what-if',
      options: { body: { text: 'mode: on\n' } },
      field: 'text',
      detail: /mend what/,
    },
    {
      what: 'another way than JSON',
      method: 'POST',
      path: '/api/v1/mode',
      options: { raw: 'mode=off', headers: { 'content-type': 'application/x-www-form-urlencoded' } },
      status: 415,
      detail: /application\/json/,
    },
    {
      what: 'an id of an event that is none',
      path: '/api/v1/blocks/live',
      options: { headers: { 'last-event-id': 'x' } },
      field: 'last-event-id',
      detail: /id of an event/,
    },
    {
      what: 'a method that there is not',
      method: 'PUT',
      path: '/api/v1/mode',
      options: { body: {} },
      status: 404,
      detail: /nothing at this address/,
    },
    {
      what: 'the method QUERY, which wants to know what is sent (RFC 10008)',
      method: 'QUERY',
      path: '/',
      status: 415,
      detail: /application\/json/,
    },
    { what: 'an address that is not encoded', path: '/api/v1/devices/%ff', detail: /percent-encoded/ },
    {
      what: 'the end of an exemption that there is not',
      method: 'DELETE',
      path: '/api/v1/overrides',
      options: { body: { kind: 'exemption', subject: { kind: 'user', id: 'a@b.c' }, reason: 'x' } },
      status: 404,
      detail: /there is no exemption/,
    },
    {
      what: 'an edit of a file’s policy',
      method: 'POST',
      path: '/api/v1/policy/apply',
      options: { body: { text: POLICY, reason: 'x' } },
      status: 409,
      detail: /edit device_gate_policy.yaml/,
    },
  ]
  for (const { what, method = 'GET', path, options = {}, status = 400, field, detail } of CASES)
    it(`answers ${status} to ${what}, and what to mend`, async () => {
      const answer = await site().call(method, path, { token: site().token('approver'), ...options })
      assert.equal(answer.status, status, answer.text)
      assert.equal(answer.headers['content-type'], 'application/problem+json')
      assert.match(String(answer.json['detail']), detail)
      assert.equal(answer.json['field'], field)
      assert.equal(answer.json['status'], status)
      assert.doesNotMatch(answer.text, /\bat .*\(|node_modules|\.ts:|Error:/)
    })

  it('gives the next page for a cursor of this query alone', async () => {
    const token = site().token('viewer')
    const first = await site().call('GET', '/api/v1/blocks?user=anna@example.com&limit=2', { token })
    const cursor = String(first.json['next'])
    const next = await site().call('GET', `/api/v1/blocks?limit=1&user=Anna@example.com&cursor=${cursor}`, {
      token,
    })
    assert.equal(next.status, 200, 'the same in other words, and another limit')
    const ids = [first, next].flatMap(({ json }) =>
      (json['items'] as { time: string }[]).map(({ time }) => time),
    )
    assert.equal(new Set(ids).size, 3)
    for (const other of [
      '/api/v1/blocks?user=ben@example.com',
      '/api/v1/blocks?',
      '/api/v1/audit?',
      '/api/v1/devices?',
    ]) {
      const { status, json } = await site().call('GET', `${other}&cursor=${cursor}`, { token })
      assert.equal(status, 400, other)
      assert.equal(json['field'], 'cursor')
    }
  })

  describe('in any size', () => {
    it('is refused beyond 64 kB, and a policy beyond 1 MB', async () => {
      const token = site().token('approver')
      const post = async (path: string, octets: number): Promise<number> =>
        (await site().call('POST', path, { token, body: { text: 'x'.repeat(octets) } })).status
      assert.equal(await post('/api/v1/mode', 65_000), 400)
      assert.equal(await post('/api/v1/mode', 66_000), 413)
      assert.equal(await post('/api/v1/policy/check', 1_048_000), 200)
      assert.equal(await post('/api/v1/policy/check', 1_049_000), 413)
    })
    it('is not even read from who may not send it', async () => {
      const answer = await site()
        .call('POST', '/api/v1/policy/check', { body: { text: 'x'.repeat(4_000_000) } })
        .catch((error: unknown) => (error as NodeJS.ErrnoException).code)
      if (typeof answer === 'object') assert.equal(answer.status, 401)
      else assert.match(String(answer), /ECONNRESET|EPIPE/)
    })
    it('is refused with headers beyond 16 kB', async () => {
      const { status, json } = await site().call('GET', '/healthz', {
        headers: { 'x-long': 'x'.repeat(17_000) },
      })
      assert.equal(status, 431)
      assert.match(String(json['detail']), /headers are longer/)
    })
    it('is answered as HTTP is where it is none', async () => {
      const socket = net.connect(Number(site().url.port), '127.0.0.1')
      socket.end('EHLO phone.example\r\n\r\n')
      let text = ''
      for await (const chunk of socket.setEncoding('utf8')) text += chunk as string
      assert.match(
        text,
        /^HTTP\/1\.1 400 .*content-type: application\/problem\+json.*"this is no HTTP request"/s,
      )
    })
  })

  it('leads to no file but the console’s', async () => {
    for (const path of [
      '/../package.json',
      '/..%2f..%2fpackage.json',
      '/%2e%2e/%2e%2e/etc/passwd',
      '/..\\..\\etc\\passwd',
      '/app-AbCdEf12.js/../../config/device_gate_admin.token',
      '//etc/passwd',
      '/config/device_gate_admin.token',
      '/app-AbCdEf12.js%00.html',
      '/index.html/../../../etc/passwd',
    ]) {
      const { status, text } = await site().call('GET', path)
      assert.ok(status === 404 || status === 400, `${path}: ${status}`)
      assert.doesNotMatch(text, /root:|dgt_|"name":/)
    }
  })

  it('has a safe way out: headers of every kind of answer', async () => {
    for (const path of [
      '/',
      '/blocks',
      '/people/anna@example.com',
      '/app-AbCdEf12.js',
      '/api/v1/overview',
      '/nothing',
      '/%ff',
    ]) {
      const { headers } = await site().call('GET', path)
      const policy = String(headers['content-security-policy'])
      assert.match(policy, /^default-src 'none'; script-src 'self'; style-src 'self';/, path)
      assert.doesNotMatch(policy, /unsafe|\*|http/)
      assert.match(policy, /frame-ancestors 'none'; base-uri 'none'; form-action 'self'$/)
      assert.equal(headers['x-content-type-options'], 'nosniff', path)
      assert.equal(headers['referrer-policy'], 'no-referrer', path)
      assert.equal(headers['access-control-allow-origin'], undefined)
      if (path.startsWith('/api')) assert.equal(headers['cache-control'], 'no-store')
    }
  })

  describe('through clients and feeds', () => {
    before(async () => {
      const id = HOSTILE.slice(0, 60)
      await site().put({
        id,
        owners: [`${HOSTILE}@example.com`],
        findings: [`app:${HOSTILE}`],
        source: 'mdm<script>',
      })
      site().journal.append(
        block({ user: `=2+5+cmd|' /C calc'!A0`, device: id, rule: '<b>\u2028\u202e', remote: '@SUM(1)' }),
      )
      site().journal.append(
        block({ user: 'x\r\nevent: forged\r\ndata: {}\r\n\r\n', device: '-1"\n,2', rule: '+1' }),
      )
      site().journal.append(
        block({ user: '\uff1d1+1', device: '\uff20SUM(1)', rule: '\n-1', remote: '\t=1' }),
      )
      await site().journal.drain()
    })

    it('comes out as JSON that no browser takes for a page', async () => {
      const token = site().token('viewer')
      for (const path of [
        '/api/v1/blocks',
        `/api/v1/devices/${encodeURIComponent(HOSTILE.slice(0, 60))}`,
        `/api/v1/people/${encodeURIComponent(HOSTILE)}%40example.com`,
        `/api/v1/why?device=${encodeURIComponent(HOSTILE.slice(0, 60))}`,
      ]) {
        const { status, headers, text } = await site().call('GET', path, { token })
        assert.equal(status, 200, text)
        assert.match(String(headers['content-type']), /^application\/json/)
        assert.equal(headers['x-content-type-options'], 'nosniff')
        assert.ok(JSON.parse(text))
      }
      const page = await site().call('GET', `/people/${encodeURIComponent(HOSTILE)}`)
      assert.equal(page.text, '<!doctype html>', 'what the address says is not in the page')
    })

    it('is no formula and no further row in the export', async () => {
      const { text, headers } = await site().call('GET', '/api/v1/blocks/export?format=csv', {
        token: site().token('viewer'),
      })
      assert.match(String(headers['content-type']), /^text\/csv/)
      assert.match(String(headers['content-disposition']), /^attachment; filename="device-gate-blocks\.csv"$/)
      const rows = text.split('\r\n')
      const calc = rows.find((row) => row.includes('calc')) ?? ''
      assert.match(calc, /,'=2\+5\+cmd\|' \/C calc'!A0,/)
      assert.match(calc, /,'@SUM\(1\),/)
      assert.match(text, /,"'-1""\n,2",/)
      assert.match(text, /,'\+1,/)
      assert.match(text, /,'\uff1d1\+1,'\uff20SUM\(1\),/)
      assert.match(text, /,"'\n-1",[^\n]*,"?'\t=1"?,/)
      assert.doesNotMatch(text, /(^|,)[=+@]/m)
    })

    it('is one event of the live list', async () => {
      const request = site().request('GET', '/api/v1/blocks/live', {
        token: site().token('viewer'),
        headers: { 'last-event-id': '0' },
      })
      const response = await new Promise<import('node:http').IncomingMessage>((resolve) =>
        request.once('response', resolve),
      )
      let text = ''
      for await (const chunk of response.setEncoding('utf8')) {
        text += chunk as string
        if (text.includes('forged')) break
      }
      request.destroy()
      assert.deepEqual([...new Set(text.match(/^event: .*$/gm))], ['event: block'])
      assert.match(text, /^data: \{.*\\r\\nevent: forged.*\}$/m)
    })

    it('is no line of the log, nor is a token or what was asked', async () => {
      const token = site().token('operator')
      await site().call('POST', '/api/v1/session', { body: { token } })
      await site().call('GET', `/api/v1/people/${encodeURIComponent(`${HOSTILE}\n{"level":60}`)}`, { token })
      await site().call('POST', '/api/v1/overrides', {
        token,
        body: {
          kind: 'exemption',
          subject: { kind: 'user', id: 'anna@example.com' },
          hours: 1,
          reason: HOSTILE,
        },
      })
      for (const line of site().log) {
        assert.equal(line.trimEnd().split('\n').length, 1)
        assert.doesNotMatch(line, /dgt_|device_gate_session|onerror|calc|anna/)
      }
      const order = site().log.findLast((line) => line.includes('/api/v1/overrides')) ?? ''
      const { who, method, route, status } = JSON.parse(order) as Record<string, unknown>
      assert.deepEqual(
        { who, method, route, status },
        { who: 'operator', method: 'POST', route: '/api/v1/overrides', status: 200 },
      )
    })
  })
})

describe('a fault inside the admin server', () => {
  const site = adminSite({
    policy: POLICY,
    watch: {
      metrics: () => Promise.reject(new Error('secret of the inside')),
      unhealthy: () => [],
      unready: () => Promise.resolve(['lease']),
      decisionsPerS: () => null,
    },
  })

  it('is a 500 that tells nothing but where the log tells it', async () => {
    const { status, json, text } = await site().call('GET', '/metrics', { token: site().token('viewer') })
    assert.equal(status, 500)
    assert.doesNotMatch(text, /secret/)
    const id = /under (\w{12})$/.exec(String(json['detail']))?.[1] ?? 'none'
    assert.match(String(site().faults[0]), new RegExp(`request ${id} failed: Error: secret of the inside`))
  })

  it('is no 200 for who asks whether it is ready', async () => {
    const { status, json } = await site().call('GET', '/readyz')
    assert.equal(status, 503)
    assert.deepEqual(json, { ok: false, failed: ['lease'] })
  })
})
