import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import fs from 'node:fs'
import net from 'node:net'
import tls from 'node:tls'

import { CertificateAuthority } from '../support/certificates'
import { eventually } from '../support/eventually'
import { connectChannel, type Channel } from '../transcripts/runner/channel'
import { FakeUpstream, MailServer, scripted, type Serve } from './fake-upstream'
import { DECISION_ID, ImapGate, tagged, type ImapGateOptions } from './imap-gate'

const LOGIN = 'a LOGIN anna@example.com secret\r\n'

describe('the IMAP proxy', () => {
  let ca: CertificateAuthority
  const gates: ImapGate[] = []
  const upstreams: FakeUpstream[] = []
  const sockets: net.Socket[] = []
  const channels: Channel[] = []

  before(() => {
    ca = new CertificateAuthority()
  })
  after(() => {
    ca.remove()
  })
  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy()
    for (const channel of channels.splice(0)) channel.destroy()
    for (const upstream of upstreams.splice(0)) upstream.close()
    for (const gate of gates.splice(0)) {
      await gate.close()
      assert.deepEqual(gate.faults, [])
    }
  })

  async function startUpstream(...args: Parameters<typeof FakeUpstream.start>): Promise<FakeUpstream> {
    const upstream = await FakeUpstream.start(...args)
    upstreams.push(upstream)
    return upstream
  }

  async function startGate(serve: Serve, options: ImapGateOptions = {}): Promise<ImapGate> {
    const { port } = await startUpstream(serve)
    const gate = await ImapGate.start({ ...options, upstream: { port, ...options.upstream } })
    gates.push(gate)
    return gate
  }

  /** A client that was greeted. */
  async function client(gate: ImapGate): Promise<Channel> {
    const channel = await connectChannel(gate.port)
    channels.push(channel)
    assert.match(await channel.line(), /^\* OK /)
    return channel
  }

  /** A client's socket, unread. */
  function socketTo(port: number): net.Socket {
    const socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    socket.on('error', () => undefined)
    sockets.push(socket)
    return socket
  }

  const trusting = (socket: net.Socket): tls.TLSSocket =>
    tls.connect({ socket, host: '127.0.0.1', ca: fs.readFileSync(ca.file) })

  const send = (channel: Channel, text: string): void => channel.send(Buffer.from(text, 'latin1'))

  describe('under attack', () => {
    it('gives the connection of a client back that stays when it was told goodbye', async () => {
      const gate = await startGate(scripted, { limits: { perAddress: 1 } })
      const staying = await client(gate)
      send(staying, `a LOGIN {1000000000+}\r\n${'x'.repeat(500_000)}`)
      await eventually(() => client(gate))
      assert.equal(await staying.line(), '* BYE Literal too large')
    })

    it('lets no other session notice a thousand bad ones', async () => {
      const mail = new MailServer()
      const gate = await startGate(mail.serve, { limits: { perAddress: 100, connections: 100 } })
      const good = await client(gate)
      const bad = [
        '\0\0\0',
        'x'.repeat(9000),
        '{1+}\r\n',
        'a LOGIN {70000+}\r\n',
        '\x16\x03\x01\x02\x00',
        LOGIN,
        '',
      ]
      for (let i = 0; i < 1000; i += 1) {
        const socket = socketTo(gate.port)
        socket.on('connect', () => {
          socket.write(bad[i % bad.length] ?? '')
          if (i % 2 === 0) socket.resetAndDestroy()
          else setImmediate(() => socket.destroy())
        })
      }
      send(good, LOGIN)
      assert.match(await good.line(), /^a OK /)
      send(good, 'b NOOP\r\n')
      assert.equal(await good.line(), 'b OK NOOP completed')
      // All of their connections are given back.
      await eventually(async () => {
        const channel = await connectChannel(gate.port)
        assert.match(await channel.line(), /^\* OK /)
        channel.destroy()
      })
    })
  })

  describe('with a fault inside', () => {
    it('ends that session, says so, and serves the others', async () => {
      const gate = await startGate(new MailServer().serve)
      gate.gate.outcomes.set('anna@example.com', new Error('the replica is gone'))
      const unlucky = await client(gate)
      send(unlucky, LOGIN)
      assert.equal(await unlucky.line(), '* BYE [UNAVAILABLE] Internal error; please try again later.')
      await unlucky.closed()
      assert.match(String(gate.faults.splice(0)[0]), /the replica is gone/)
      const other = await client(gate)
      send(other, 'a LOGIN bob@example.com b0b\r\n')
      assert.match(await other.line(), /^a OK /)
    })

    it('names a CA file that is not there', async () => {
      const gate = await startGate(scripted, { upstream: { tls: 'implicit', ca: '/nowhere/ca.pem' } })
      const channel = await client(gate)
      send(channel, LOGIN)
      assert.match(await channel.line(), /^\* BYE \[UNAVAILABLE\]/)
      assert.match(String(gate.faults.splice(0)[0]), /\/nowhere\/ca\.pem/)
    })
  })

  it('tells the log of upstream problems and limits, each once a second with its count', async () => {
    const gate = await startGate(scripted, { upstream: { port: 1 }, limits: { perAddress: 2 } })
    const [first, second] = [await client(gate), await client(gate)]
    for (const tag of ['a', 'b', 'c']) {
      send(first, `${tag} LOGIN anna@example.com secret\r\n`)
      assert.match(await first.line(), /NO \[UNAVAILABLE\]/)
    }
    const third = await connectChannel(gate.port)
    assert.match(await third.line(), /^\* BYE \[UNAVAILABLE\]/)
    await eventually(() =>
      assert.deepEqual(gate.warnings, [
        'upstream unavailable: connect (3)',
        'limit reached: connections of one address (1)',
      ]),
    )
    second.destroy()
  })

  it('passes the platform that ID names on to the decision, and forgets what was said before STARTTLS', async () => {
    const gate = await startGate(new MailServer().serve, { tls: ca.server() })
    const channel = await client(gate)
    send(channel, 'a ID ("name" "com.apple.mobilemail" "os" "iOS")\r\n' + LOGIN)
    await channel.line()
    await channel.line()
    assert.match(await channel.line(), /^a OK /)
    assert.equal(gate.gate.asked.at(-1)?.platformHint, 'ios')

    const other = await connectChannel(gate.port, trusting)
    await other.line()
    send(other, 'a ID ("os" "Android")\r\n')
    await other.line()
    await other.line()
    send(other, 'b STARTTLS\r\n')
    await other.line()
    await other.act('TLS')
    send(other, LOGIN)
    assert.match(await other.line(), /^a OK /)
    assert.equal(gate.gate.asked.at(-1)?.platformHint, null)
  })

  it('records who was refused and warned, never a plain failure', async () => {
    const gate = await startGate(new MailServer({ accounts: { 'anna@example.com': 'secret' } }).serve)
    gate.gate.outcomes.set('anna@example.com', 'block')
    const channel = await client(gate)
    send(channel, 'a LOGIN anna@example.com wrong\r\n')
    assert.match(await channel.line(), /^a NO \[AUTHENTICATIONFAILED\]/)
    assert.deepEqual(gate.gate.recorded, [])
    send(channel, 'b LOGIN Anna@example.com secret\r\n')
    assert.match(await channel.line(), /^b NO \[AUTHENTICATIONFAILED\]/)
    send(channel, 'c LOGIN anna@example.com secret\r\n')
    assert.match(await channel.line(), new RegExp(`^\\* OK \\[ALERT\\] .*\\(${DECISION_ID}\\)$`))
    assert.deepEqual(gate.gate.recorded, [
      { outcome: 'block', user: 'anna@example.com', remoteAddress: '127.0.0.1' },
    ])
  })

  it('makes a blocked device wait that goes on trying, and lets it in if the block is taken back meanwhile', async () => {
    const gate = await startGate(new MailServer().serve)
    gate.gate.outcomes.set('d-1', 'block')
    const login = `LOGIN ${tagged('anna@example.com', 'd-1')} secret\r\n`
    for (let tries = 0; tries < 10;) {
      const channel = await client(gate)
      for (let i = 0; i < 4 && tries < 10; i += 1, tries += 1) {
        send(channel, `a ${login}`)
        assert.match(await channel.line(), /^\* OK \[ALERT\]/)
        assert.match(await channel.line(), /^a NO \[CONTACTADMIN\]/)
      }
      channel.destroy()
    }
    const channel = await client(gate)
    const asked = gate.gate.asked.length
    send(channel, `b ${login}`)
    await eventually(() => assert.ok(gate.gate.asked.length > asked))
    gate.gate.outcomes.delete('d-1')
    assert.match(await channel.line(), /^b OK /)
  })

  it('holds little of what is pipelined behind a login that takes its time, and loses none of it', async () => {
    const upload = Buffer.alloc(30 * 1024 * 1024, 'what a client may upload. ')
    const gate = await startGate(scripted)
    const socket = socketTo(gate.port)
    const before = process.memoryUsage().arrayBuffers
    socket.write(LOGIN)
    socket.write(upload)
    const { channel } = await upstreams[0]!.accepted()
    send(channel, '* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hello\r\n')
    await channel.line()
    // What the gate took by now it will not take more of: the kernel's buffers are full.
    for (let taken = -1; taken !== socket.bytesWritten - socket.writableLength;) {
      taken = socket.bytesWritten - socket.writableLength
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    assert.ok(process.memoryUsage().arrayBuffers - before < 8 * 1024 * 1024)
    send(channel, 'a OK [CAPABILITY IMAP4rev1] in\r\n')
    const server = channel.release()
    const hash = createHash('sha256')
    server.on('data', (chunk: Buffer) => hash.update(chunk)).resume()
    socket.end()
    await once(server, 'end')
    assert.equal(hash.digest('hex'), createHash('sha256').update(upload).digest('hex'))
  })

  describe('shut down', () => {
    it('says BYE to who has not logged in, ends the others, and is gone', async () => {
      const gate = await startGate(new MailServer().serve)
      const [waiting, loggingIn, loggedIn] = [await client(gate), await client(gate), await client(gate)]
      send(loggedIn, LOGIN)
      await loggedIn.line()
      send(loggingIn, 'a AUTHENTICATE PLAIN\r\n')
      await loggingIn.line()
      const stuck = socketTo(gate.port)
      await once(stuck, 'connect')
      const closed = gate.close()
      for (const channel of [waiting, loggingIn]) {
        assert.equal(await channel.line(), '* BYE [UNAVAILABLE] Server shutting down')
        await channel.closed()
        channel.destroy()
      }
      await loggedIn.closed()
      loggedIn.destroy()
      await closed
      gates.pop()
      await assert.rejects(connectChannel(gate.port))
    })
  })

  describe('carries large data unchanged, both ways at once', () => {
    const MEGABYTES = 8
    const megabyte = (seed: number): Buffer => Buffer.alloc(1024 * 1024, `${seed} and more of it, `)

    async function write(socket: net.Socket, seed: number): Promise<void> {
      for (let i = 0; i < MEGABYTES; i += 1) {
        if (!socket.write(megabyte(seed + i))) await once(socket, 'drain')
      }
    }

    function written(seed: number): string {
      const hash = createHash('sha256')
      for (let i = 0; i < MEGABYTES; i += 1) hash.update(megabyte(seed + i))
      return hash.digest('hex')
    }

    async function received(socket: net.Socket): Promise<string> {
      const hash = createHash('sha256')
      socket.on('data', (chunk: Buffer) => hash.update(chunk)).resume()
      await once(socket, 'end')
      return hash.digest('hex')
    }

    for (const front of ['plain', 'TLS'] as const) {
      for (const back of ['none', 'starttls', 'implicit'] as const) {
        it(`${front} in front, ${back} behind`, async () => {
          const uploaded = new Promise<string>((resolve) => {
            serve = async (channel) => {
              await acceptLogin(channel, back)
              const socket = channel.release()
              const upload = received(socket)
              await write(socket, 0)
              resolve(await upload)
            }
          })
          const certificate = ca.server()
          const upstream = await startUpstream(
            (channel, connection) => serve(channel, connection),
            certificate,
            back,
          )
          const gate = await ImapGate.start({
            tls: certificate,
            upstream: { port: upstream.port, tls: back, ca: ca.file },
          })
          gates.push(gate)
          const channel = await connectChannel(front === 'TLS' ? gate.tlsPort : gate.port, trusting)
          if (front === 'TLS') await channel.act('TLS')
          await channel.line()
          send(channel, LOGIN)
          await channel.line()
          const socket = channel.release()
          sockets.push(socket)
          const downloaded = received(socket)
          await write(socket, 100)
          socket.end()
          assert.equal(await uploaded, written(100))
          assert.equal(await downloaded, written(0))
        })
      }
    }

    let serve: Serve

    async function acceptLogin(channel: Channel, by: 'none' | 'starttls' | 'implicit'): Promise<void> {
      send(channel, '* OK hello\r\n')
      if (by === 'starttls') {
        await channel.line()
        send(channel, 's OK go\r\n')
        await channel.act('TLS')
      }
      await channel.line()
      send(channel, '* CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN\r\nc OK\r\n')
      await channel.line()
      send(channel, 'a OK [CAPABILITY IMAP4rev1] in\r\n')
    }
  })
})
