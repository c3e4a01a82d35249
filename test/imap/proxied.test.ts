import assert from 'node:assert/strict'
import { EventEmitter, once } from 'node:events'
import fs from 'node:fs'
import net from 'node:net'
import tls from 'node:tls'
import fc from 'fast-check'

import { ProxyHeaderWait } from '../../src/imap/proxy-header-wait'
import { PROXY_HEADER_PROBLEMS } from '../../src/metrics/words'
import { CertificateAuthority } from '../support/certificates'
import { eventually } from '../support/eventually'
import { connectChannel, type Channel } from '../transcripts/runner/channel'
import { FakeUpstream, MailServer } from './fake-upstream'
import { ImapGate, tagged, type ImapGateOptions } from './imap-gate'

const PROXY = { proxyNetworks: ['127.0.0.1'], plaintextLogin: 'always' } as const
const HEADER = 'PROXY TCP4 192.0.2.10 198.51.100.5 50000 993\r\n'
const LOGIN = 'a LOGIN anna@example.com secret\r\n'
const METRIC = 'device_gate_proxy_headers_refused_total'

describe('the IMAP gate behind a proxy', () => {
  let ca: CertificateAuthority
  let upstream: FakeUpstream
  const gates: ImapGate[] = []
  const channels: Channel[] = []

  before(async () => {
    ca = new CertificateAuthority()
    upstream = await FakeUpstream.start(new MailServer().serve)
  })
  after(() => {
    ca.remove()
    upstream.close()
  })
  afterEach(async () => {
    for (const channel of channels.splice(0)) channel.destroy()
    for (const gate of gates.splice(0)) {
      await gate.close()
      assert.deepEqual(gate.faults, [])
    }
  })

  async function start(options: ImapGateOptions): Promise<ImapGate> {
    const gate = await ImapGate.start({ upstream: { port: upstream.port }, ...options })
    gates.push(gate)
    return gate
  }

  async function connect(gate: ImapGate, ...pieces: string[]): Promise<Channel> {
    const channel = await connectChannel(gate.port)
    channels.push(channel)
    for (const piece of pieces) channel.send(Buffer.from(piece, 'latin1'))
    return channel
  }

  async function loggedIn(channel: Channel): Promise<void> {
    assert.match(await channel.line(), /^\* OK /)
    channel.send(Buffer.from(LOGIN))
    assert.match(await channel.line(), /^a OK /)
  }

  it('takes a header that comes octet by octet', async () => {
    const gate = await start(PROXY)
    const channel = await connect(gate)
    for (const octet of HEADER) {
      channel.send(Buffer.from(octet))
      await new Promise(setImmediate)
    }
    await loggedIn(channel)
  })

  /** What comes in between a client and the gate: it puts the header before what the client says first. */
  async function proxyTo(port: number, inOnePiece: boolean): Promise<number> {
    const server = net.createServer((client) => {
      const inside = net.connect({ port, host: '127.0.0.1', noDelay: true })
      if (!inOnePiece) inside.write(HEADER)
      client.once('data', (first: Buffer) => {
        inside.write(inOnePiece ? Buffer.concat([Buffer.from(HEADER), first]) : first)
        client.pipe(inside)
      })
      inside.pipe(client)
      for (const socket of [client, inside]) socket.on('error', () => undefined)
    })
    server.unref().listen(0, '127.0.0.1')
    await once(server, 'listening')
    return (server.address() as net.AddressInfo).port
  }

  describe('takes the header before TLS on listen_tls', () => {
    for (const [name, inOnePiece] of [
      ['alone', false],
      ['in one piece with the handshake', true],
    ] as const) {
      it(name, async () => {
        const gate = await start({ ...PROXY, plaintextLogin: 'never', tls: ca.server() })
        gate.gate.outcomes.set('d-1', 'block')
        const port = await proxyTo(gate.tlsPort, inOnePiece)
        const client = tls.connect({ port, host: '127.0.0.1', ca: fs.readFileSync(ca.file) })
        await once(client, 'secureConnect')
        client.write(`a LOGIN ${tagged('anna@example.com', 'd-1')} secret\r\n`)
        await eventually(() =>
          assert.deepEqual(gate.gate.recorded, [
            { outcome: 'block', user: 'anna@example.com', remoteAddress: '192.0.2.10' },
          ]),
        )
        client.destroy()
      })
    }
  })

  it('records the client that the header names, at the login and when its session ends', async () => {
    const gate = await start(PROXY)
    gate.gate.outcomes.set('anna@example.com', 'warn')
    const channel = await connect(gate, HEADER)
    assert.match(await channel.line(), /^\* OK /)
    channel.send(Buffer.from(LOGIN))
    assert.match(await channel.line(), /^\* OK \[ALERT\]/)
    assert.match(await channel.line(), /^a OK /)
    const [session] = gate.gate.followed
    const decision = gate.gate.decide({ ...session!.subject, key: '' })
    session?.end({ ...decision, outcome: 'block' })
    assert.deepEqual(
      gate.gate.recorded.map(({ outcome, remoteAddress }) => [outcome, remoteAddress]),
      [
        ['warn', '192.0.2.10'],
        ['block', '192.0.2.10'],
      ],
    )
  })

  describe('goes by the client where a network is exempt', () => {
    const networks: Readonly<Record<string, readonly [string, boolean]>> = {
      'the client’s': ['192.0.2.0/24', true],
      'the proxy’s': ['127.0.0.0/8', false],
    }
    for (const [name, [network, exempt]] of Object.entries(networks)) {
      it(`${name}, by PROXY header`, async () => {
        const gate = await start({ ...PROXY, exemptNetworks: [network] })
        await loggedIn(await connect(gate, HEADER))
        assert.equal(gate.gate.asked.at(-1)?.exemptNetwork, exempt)
      })
      it(`${name}, by ID`, async () => {
        const gate = await start({ forwardingNetworks: ['127.0.0.1'], exemptNetworks: [network] })
        const channel = await connect(gate)
        assert.match(await channel.line(), /^\* OK /)
        channel.send(Buffer.from(`b ID ("x-originating-ip" "192.0.2.10")\r\n${LOGIN}`))
        for (const answer of [/^\* ID NIL/, /^b OK/, /^a OK/]) assert.match(await channel.line(), answer)
        assert.equal(gate.gate.asked.at(-1)?.exemptNetwork, exempt)
      })
    }
    it('and not by what anybody says in ID', async () => {
      const gate = await start({ exemptNetworks: ['192.0.2.0/24'] })
      const channel = await connect(gate)
      assert.match(await channel.line(), /^\* OK /)
      channel.send(Buffer.from(`b ID ("x-originating-ip" "192.0.2.10")\r\n${LOGIN}`))
      for (const answer of [/^\* ID NIL/, /^b OK/, /^a OK/]) assert.match(await channel.line(), answer)
      assert.equal(gate.gate.asked.at(-1)?.exemptNetwork, false)
    })
    it('and not, behind a proxy, by what the client says in ID', async () => {
      const gate = await start({
        ...PROXY,
        forwardingNetworks: ['127.0.0.1'],
        exemptNetworks: ['203.0.113.0/24'],
      })
      const channel = await connect(gate, HEADER)
      assert.match(await channel.line(), /^\* OK /)
      channel.send(Buffer.from(`b ID ("x-originating-ip" "203.0.113.1")\r\n${LOGIN}`))
      for (const answer of [/^\* ID NIL/, /^b OK/, /^a OK/]) assert.match(await channel.line(), answer)
      assert.equal(gate.gate.asked.at(-1)?.exemptNetwork, false)
    })
  })

  it('counts each header that it refuses, tells the log of them, and gives their connections back', async () => {
    const gate = await start({ ...PROXY, limits: { connections: 1 } })
    const does: Readonly<Record<(typeof PROXY_HEADER_PROBLEMS)[number], (channel: Channel) => unknown>> = {
      missing: (channel) => channel.send(Buffer.from('a NOOP\r\n')),
      malformed: (channel) => channel.send(Buffer.from('PROXY TCP4 192.0.2.10\r\n')),
      incomplete: async (channel) => {
        channel.send(Buffer.from('PROXY'))
        await channel.act('end')
      },
      late: () => gate.advance(61_000),
    }
    for (const problem of PROXY_HEADER_PROBLEMS) {
      const channel = await connect(gate)
      await does[problem](channel)
      await channel.closed()
      await eventually(() => assert.ok(gate.warnings.includes(`PROXY header refused: ${problem} (1)`)))
    }
    const counted = gate.counts.counted()
    for (const problem of PROXY_HEADER_PROBLEMS) assert.equal(counted[`${METRIC} ${problem}`], 1, problem)
    await loggedIn(await connect(gate, HEADER))
  })

  it('says and counts nothing of a connection that ends before anything came, as health checks do', async () => {
    const gate = await start({ ...PROXY, limits: { connections: 1 } })
    const channel = await connect(gate)
    await channel.act('end')
    await channel.closed()
    await eventually(async () => loggedIn(await connect(gate, HEADER)))
    assert.deepEqual(
      gate.warnings.filter((line) => line.includes('PROXY')),
      [],
    )
  })

  it('gives a client that waits long with its header no more time to log in', async () => {
    const gate = await start(PROXY)
    const channel = await connect(gate)
    gate.advance(59_000)
    channel.send(Buffer.from(HEADER))
    assert.match(await channel.line(), /^\* OK /)
    gate.advance(2000)
    assert.equal(await channel.line(), '* BYE Too slow to log in')
  })

  it('ends those that wait for their header when it is shut down', async () => {
    const gate = await start(PROXY)
    const channel = await connect(gate, 'PROXY')
    await connect(gate, HEADER).then((other) => other.line())
    await gate.close()
    await channel.closed()
    gates.length = 0
  })
})

describe('a connection that waits for its PROXY header', () => {
  /** What a socket does that the wait has to do with. */
  class FakeSocket extends EventEmitter {
    readonly unshifted: Buffer[] = []
    destroyed = false
    paused = false
    unshift = (rest: Buffer): number => this.unshifted.push(rest)
    pause = (): boolean => (this.paused = true)
    destroy = (): boolean => (this.destroyed = true)
  }

  /** What is made of octets that come in pieces of these lengths. */
  function outcome(octets: Buffer, lengths: readonly number[]): unknown {
    const socket = new FakeSocket()
    const told: unknown[] = []
    new ProxyHeaderWait(socket as unknown as net.Socket, Infinity, {
      onHeader: (client) => told.push(client),
      onRefused: (problem) => told.push(problem),
    })
    let behind = Buffer.alloc(0)
    for (let at = 0, piece = 0; at < octets.length; piece += 1) {
      const chunk = Buffer.from(octets.subarray(at, at + (lengths[piece % lengths.length] ?? 1)))
      at += chunk.length
      // What comes when the wait is over goes to whoever reads then.
      if (socket.listenerCount('data') === 0) behind = Buffer.concat([behind, chunk])
      else socket.emit('data', chunk)
    }
    const ended = socket.listenerCount('end') === 0
    if (!ended) socket.emit('end')
    assert.equal(told.length, 1)
    assert.equal(socket.listenerCount('data') + socket.listenerCount('close'), 0)
    const rest = socket.destroyed ? '' : Buffer.concat([...socket.unshifted, behind]).toString('latin1')
    return { told, destroyed: socket.destroyed, rest }
  }

  const V2 = '\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x0a\xc6\x33\x64\x05\xc3\x50\x03\xe1'
  const octets = fc
    .tuple(
      fc.constantFrom(HEADER, V2, 'PROXY UNKNOWN\r\n', 'PROXY TCP4 no\r\n', V2.slice(0, -1), ''),
      fc.uint8Array({ maxLength: 200 }),
    )
    .map(([header, more]) => Buffer.concat([Buffer.from(header, 'latin1'), more]))

  it('comes to the same, with the same rest, however its octets are split', () =>
    fc.assert(
      fc.property(
        octets,
        fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 20 }),
        (all, lengths) => {
          assert.deepEqual(outcome(all, lengths), outcome(all, [Math.max(1, all.length)]))
        },
      ),
      { numRuns: 1000 },
    ))
})
