import assert from 'node:assert/strict'
import type { ClientRequest, IncomingMessage } from 'node:http'
import net from 'node:net'

import { eventually } from '../support/eventually'
import { adminSite, type AdminSite } from './admin-site'
import { block, POLICY } from './samples'

/** Somebody who reads the live list. */
interface Reader {
  readonly request: ClientRequest
  readonly response: IncomingMessage
  text(): string
}

const responseOf = (request: ClientRequest): Promise<IncomingMessage> =>
  new Promise((resolve, reject) => request.once('response', resolve).once('error', reject))

async function read(site: AdminSite, token: string, query = '', lastEventId?: string): Promise<Reader> {
  const headers = lastEventId === undefined ? {} : { 'last-event-id': lastEventId }
  const request = site.request('GET', `/api/v1/blocks/live${query}`, { token, headers })
  const response = await responseOf(request)
  assert.equal(response.statusCode, 200)
  let text = ''
  response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
  response.on('error', () => undefined)
  await eventually(() => assert.match(text, /^retry: 2000$/m))
  return { request, response, text: () => text }
}

const usersIn = (text: string): string[] =>
  [...text.matchAll(/^data: (.*)$/gm)].map(([, data]) => (JSON.parse(data ?? '') as { user: string }).user)
const lastId = (text: string): string => [...text.matchAll(/^id: (.*)$/gm)].at(-1)?.[1] ?? ''

describe('the live list', () => {
  const site = adminSite({ policy: POLICY })

  it('tells what comes within a second, to each what it asked for', async () => {
    const token = site().token('viewer')
    const all = await read(site(), token)
    const bens = await read(site(), token, '?user=Ben@Example.com&outcome=block')
    site().journal.append(block({ user: 'anna@example.com' }))
    site().journal.append(block({ user: 'ben@example.com' }))
    site().journal.append(
      block({ user: 'ben@example.com', device: 'other', outcome: 'warn', reason: 'grace' }),
    )
    await eventually(() => {
      assert.deepEqual(usersIn(all.text()), ['anna@example.com', 'ben@example.com', 'ben@example.com'])
      assert.deepEqual(usersIn(bens.text()), ['ben@example.com'])
    }, 1000)
    for (const { request } of [all, bens]) request.destroy()
  })

  it('goes on where a reader was, with nothing twice and nothing left out', async () => {
    const token = site().token('viewer')
    const first = await read(site(), token)
    site().journal.append(block({ user: 'one@example.com' }))
    await eventually(() => assert.deepEqual(usersIn(first.text()), ['one@example.com']))
    first.request.destroy()
    site().journal.append(block({ user: 'two@example.com' }))
    site().journal.append(block({ user: 'three@example.com' }))
    await site().journal.drain()
    const second = await read(site(), token, '', lastId(first.text()))
    site().journal.append(block({ user: 'four@example.com' }))
    await eventually(() =>
      assert.deepEqual(usersIn(second.text()), ['two@example.com', 'three@example.com', 'four@example.com']),
    )
    second.request.destroy()
  })

  it('takes 20 readers of a token and 500 in all; the next is told so, until one goes', async () => {
    const readers: ClientRequest[] = []
    const open = async (i: number): Promise<number> => {
      const token = site().token('viewer', `reader-${Math.floor(i / 20)}`)
      const request = site().request('GET', '/api/v1/blocks/live', { token })
      request.on('error', () => undefined)
      readers.push(request)
      const response = await responseOf(request)
      response.resume().on('error', () => undefined)
      return response.statusCode ?? 0
    }
    for (let i = 0; i < 500; i += 1) assert.equal(await open(i), 200, String(i))
    const own = await site().call('GET', '/api/v1/blocks/live', { token: site().token('viewer', 'reader-0') })
    assert.equal(own.status, 503)
    assert.match(String(own.json['type']), /too-many-readers$/)
    assert.equal(await open(500), 503)
    const answered = await site().call('GET', '/api/v1/session', { token: site().token('viewer') })
    assert.equal(answered.status, 200, 'everybody else is served')
    readers[0]?.destroy()
    await eventually(async () => assert.equal(await open(501), 200))
    for (const request of readers) request.destroy()
  })

  it('ends a reader that stopped reading, with little of it kept in memory', async () => {
    const token = site().token('viewer')
    const socket = net.connect({ port: Number(site().url.port), host: '127.0.0.1' })
    socket.on('error', () => undefined)
    socket.write(
      `GET /api/v1/blocks/live HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${token}\r\n\r\n`,
    )
    // One that is still catching up is given half a minute: it has to be among those that are told.
    let text = ''
    socket.on('data', (octets) => (text += octets.toString()))
    await eventually(() => assert.match(text, /^retry: 2000$/m))
    site().journal.append(block())
    await eventually(() => assert.match(text, /^event: block$/m))
    socket.pause()
    const last = `99-199-${'x'.repeat(280)}@example.com`
    const told = await read(site(), token, `?user=${last}`)
    const before = process.memoryUsage().arrayBuffers
    // The system's own buffers take some megabytes first.
    for (let i = 0; i < 100; i += 1) {
      for (let j = 0; j < 200; j += 1)
        site().journal.append(
          block({ user: `${i}-${j}-${'x'.repeat(280)}@example.com`, device: `${i}-${j}` }),
        )
      await site().journal.drain()
    }
    await eventually(async () => {
      const { json } = await site().call('GET', '/api/v1/blocks?limit=1', { token })
      assert.match(JSON.stringify(json), /"99-199-x/)
    })
    assert.ok(process.memoryUsage().arrayBuffers - before < 10_000_000)
    // Who came after it is told the last one: it was sent all before that, and may read on now.
    await eventually(() => assert.deepEqual(usersIn(told.text()), [last]))
    told.request.destroy()
    // One that was not ended would go on to be told.
    const closed = new Promise((resolve) => socket.once('close', resolve))
    socket.resume()
    await closed
  })
})
