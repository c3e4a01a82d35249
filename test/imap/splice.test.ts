import assert from 'node:assert/strict'
import { once } from 'node:events'
import net from 'node:net'
import sinon from 'sinon'

import { ClientConnection } from '../../src/imap/connection'
import { Roster } from '../../src/gate/roster'
import { Splice } from '../../src/imap/splice'
import { UpstreamSocket } from '../../src/imap/upstream-socket'

/** The two far ends of a splice, and the near ones it joins. */
interface Spliced {
  /** The mail client. */
  readonly client: net.Socket
  /** The mail server's end. */
  readonly server: net.Socket
  /** The gate's ends. */
  readonly toClient: net.Socket
  readonly toServer: net.Socket
}

/** Octets that can be made again at any place: no two seeds give the same. */
function octetsAt(seed: number, from: number, length: number): Buffer {
  const octets = Buffer.allocUnsafe(length)
  for (let i = 0; i < length; i += 1) {
    let x = Math.imul((from + i) ^ (seed * 0x9e3779b1), 0x85ebca6b)
    x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35)
    octets[i] = x ^ (x >>> 16)
  }
  return octets
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

describe('the splice', () => {
  const live = new Roster<Splice>()
  const sockets: net.Socket[] = []
  const listeners: net.Server[] = []

  async function listen(): Promise<{ port: number; accepted: () => Promise<net.Socket> }> {
    const server = net.createServer({ allowHalfOpen: true, noDelay: true })
    listeners.push(server)
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const accepted = async (): Promise<net.Socket> => {
      const [socket] = (await once(server, 'connection')) as [net.Socket]
      socket.on('error', () => undefined)
      sockets.push(socket)
      return socket
    }
    return { port: (server.address() as net.AddressInfo).port, accepted }
  }

  async function splice({ clientEndsFirst = false } = {}): Promise<Spliced> {
    const [front, back] = [await listen(), await listen()]
    const client = net.connect({ port: front.port, host: '127.0.0.1', allowHalfOpen: true })
    client.on('error', () => undefined)
    sockets.push(client)
    const toClient = await front.accepted()
    const upstream = new UpstreamSocket({ host: '127.0.0.1', port: back.port, tls: 'none', ca: null })
    upstream.socket.on('error', () => undefined)
    sockets.push(upstream.socket)
    const server = await back.accepted()
    if (upstream.socket.connecting) await once(upstream.socket, 'connect')
    if (clientEndsFirst) {
      client.end()
      toClient.resume()
      await once(toClient, 'end')
    }
    const nothing = Buffer.alloc(0)
    new Splice(new ClientConnection(toClient, undefined), upstream, live, nothing, nothing)
    return { client, server, toClient, toServer: upstream.socket }
  }

  afterEach(() => {
    for (const socket of sockets.splice(0)) socket.destroy()
    for (const listener of listeners.splice(0)) listener.close()
  })

  it('never mixes the octets of sessions, however slowly their clients read', async () => {
    const OCTETS = 6_000_000
    const sessions = await Promise.all(Array.from({ length: 8 }, () => splice()))
    await Promise.all(
      sessions.map(async ({ client, server }, seed) => {
        let next = seed + 1
        const random = (below: number): number => {
          next = (Math.imul(next, 1103515245) + 12345) >>> 0
          return (next >>> 8) % below
        }
        const send = async (): Promise<void> => {
          for (let at = 0; at < OCTETS;) {
            const size = Math.min(OCTETS - at, 1 + random(random(4) === 0 ? 200_000 : 2000))
            if (!server.write(octetsAt(seed, at, size))) await once(server, 'drain')
            if (random(3) === 0) await turn()
            at += size
          }
          server.end()
        }
        const receive = async (): Promise<void> => {
          let at = 0
          for await (const chunk of client as AsyncIterable<Buffer>) {
            const wrong = Buffer.compare(chunk, octetsAt(seed, at, chunk.length))
            assert.equal(wrong, 0, `session ${seed} got other octets within ${at}..${at + chunk.length}`)
            at += chunk.length
            for (let pause = random(6); pause > 0; pause -= 1) await turn()
          }
          assert.equal(at, OCTETS)
        }
        await Promise.all([send(), receive()])
      }),
    )
  })

  /** Fills a direction until nothing more goes in, and says how much went in. */
  async function fill(into: net.Socket, full: () => boolean): Promise<number> {
    const octets = Buffer.alloc(100_000, 'x')
    for (let sent = 0; ;) {
      if (full() && into.writableNeedDrain) return sent
      if (!into.writableNeedDrain) {
        into.write(octets)
        sent += octets.length
      }
      await turn()
    }
  }

  /** What the gate may hold of one direction: a chunk, and what its socket takes beyond that. */
  const MAX_HELD = 256 * 1024

  it('reads from the mail server only as fast as the client takes it', async () => {
    const { client, server, toClient } = await splice()
    const sent = await fill(server, () => toClient.writableNeedDrain)
    assert.ok(toClient.writableLength <= MAX_HELD, `holds ${toClient.writableLength} octets`)
    let received = 0
    client.on('data', (chunk: Buffer) => (received += chunk.length))
    server.end()
    await once(client, 'end')
    assert.equal(received, sent)
  })

  it('reads from the client only as fast as the mail server takes it', async () => {
    const { client, server, toServer } = await splice()
    const sent = await fill(client, () => toServer.writableNeedDrain)
    assert.ok(toServer.writableLength <= MAX_HELD, `holds ${toServer.writableLength} octets`)
    let received = 0
    server.on('data', (chunk: Buffer) => (received += chunk.length))
    client.end()
    await once(server, 'end')
    assert.equal(received, sent)
  })

  it('passes the end of one direction on, and keeps the other', async () => {
    const { client, server } = await splice()
    client.end('LOGOUT')
    assert.equal(await textOf(server), 'LOGOUT')
    server.end('BYE')
    assert.equal(await textOf(client), 'BYE')
    await untilGone()
  })

  it('passes on an end that came before it began', async () => {
    const ended = await splice({ clientEndsFirst: true })
    assert.equal(await textOf(ended.server), '')
    ended.server.end('BYE')
    assert.equal(await textOf(ended.client), 'BYE')
    await untilGone()
  })

  it('ends the mail server’s side when the client is reset, with what the client had sent', async () => {
    const { client, server } = await splice()
    client.write('STORE')
    const [chunk] = (await once(server, 'data')) as [Buffer]
    assert.equal(chunk.toString(), 'STORE')
    client.resetAndDestroy()
    assert.equal(await textOf(server), '')
    await untilGone()
  })

  it('ends the client’s side when the mail server is reset', async () => {
    const { client, server } = await splice()
    server.resetAndDestroy()
    assert.equal(await textOf(client), '')
    await untilGone()
  })

  it('does not wait for ever for a client that stays when its mail server has ended', async () => {
    const clock = sinon.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    try {
      const { client, server } = await splice()
      server.end('BYE')
      assert.equal(await textOf(client), 'BYE')
      clock.tick(5 * 60_000 - 1)
      assert.equal(live.size, 1)
      clock.tick(1)
      await untilGone()
    } finally {
      clock.restore()
    }
  })

  it('can be ended at once', async () => {
    const { client, server } = await splice()
    for (const spliced of live) spliced.destroy()
    assert.deepEqual(await Promise.all([textOf(client), textOf(server)]), ['', ''])
    await untilGone()
  })

  /** All that comes until the other side ends. */
  async function textOf(socket: net.Socket): Promise<string> {
    let text = ''
    socket.on('data', (chunk: Buffer) => (text += chunk.toString()))
    if (!socket.readableEnded) await once(socket, 'end')
    return text
  }

  async function untilGone(): Promise<void> {
    while (live.size > 0) await turn()
  }
})
