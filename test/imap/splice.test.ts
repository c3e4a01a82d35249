import assert from 'node:assert/strict'
import { once } from 'node:events'
import net from 'node:net'

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
  const live = new Set<Splice>()
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

  async function splice(): Promise<Spliced> {
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
    new Splice(toClient, upstream, live)
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
})
