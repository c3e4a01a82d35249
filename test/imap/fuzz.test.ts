import assert from 'node:assert/strict'
import fs from 'node:fs'
import net from 'node:net'
import tls from 'node:tls'
import fc from 'fast-check'

import { CertificateAuthority } from '../support/certificates'
import { eventually } from '../support/eventually'
import { FakeUpstream, MailServer, type Serve } from './fake-upstream'
import { ImapGate, tagged } from './imap-gate'

const base64 = (text: string): string => Buffer.from(text, 'latin1').toString('base64')

/** What a client does next; latin1 text is sent as it stands. */
type Move = string | { readonly does: 'end' | 'close' | 'reset' | 'TLS' | 'wait' }

const WORDS = [
  'a CAPABILITY\r\n',
  'a NOOP\r\n',
  'a LOGOUT\r\n',
  'a ID ("os" "iOS")\r\n',
  'a STARTTLS\r\n',
  'a LOGIN anna@example.com secret\r\n',
  'a LOGIN blocked@example.com secret\r\n',
  'a LOGIN "anna@example.com" {6}\r\n',
  'a LOGIN {16+}\r\nanna@example.com {6+}\r\n',
  'secret\r\n',
  `a LOGIN ${tagged('anna@example.com', 'd-1')} secret\r\n`,
  'a AUTHENTICATE PLAIN\r\n',
  `a AUTHENTICATE PLAIN ${base64('\0anna@example.com\0secret')}\r\n`,
  'a AUTHENTICATE LOGIN\r\n',
  `${base64('anna@example.com')}\r\n`,
  `a AUTHENTICATE XOAUTH2 ${base64('user=anna@example.com\x01auth=Bearer T\x01\x01')}\r\n`,
  '*\r\n',
  '\r\n',
  'a SELECT INBOX\r\n',
  'a LOGIN {1000000000+}\r\n',
  'x'.repeat(9000),
]

const move: fc.Arbitrary<Move> = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom(...WORDS) },
  fc.uint8Array({ maxLength: 40 }).map((octets) => Buffer.from(octets).toString('latin1')),
  fc.constantFrom('end', 'close', 'reset', 'TLS', 'wait', 'wait').map((does) => ({ does })),
)

/** What the upstream does with the next connection: says this and ends it, serves it well, or goes half the way. */
const SAYS: Readonly<Record<string, string>> = {
  nothing: '',
  nonsense: '\0\xff\r\n* OK\r\n',
  bye: '* BYE not now\r\n',
  flood: 'x'.repeat(300_000),
}
const mood = fc.constantFrom('well', 'well', 'well', ...Object.keys(SAYS), 'halfway', 'refuses')

/** How a connection of a proxy begins. */
const HEADER = 'PROXY TCP4 127.0.0.9 127.0.0.1 50000 143\r\n'
const BINARY_HEADER =
  '\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x14\x7f\0\0\x09\x7f\0\0\x01\xc3\x50\0\x8f\x20\0\x05\x01\0\0\0\0'
const header = fc.constantFrom(
  ...[HEADER, HEADER, BINARY_HEADER, BINARY_HEADER, 'PROXY UNKNOWN\r\n', BINARY_HEADER.slice(0, 20)],
  ...['PROXY TCP4 127.0.0.9', 'PROXY TCP4 no\r\n', ''],
)

describe('the IMAP proxy, whatever its clients and its upstream do', () => {
  for (const [name, proxied] of [
    ['stays up, has no fault, and gives every connection back', false],
    ['does so behind a proxy too', true],
  ] as const) {
    it(name, async function () {
      this.timeout(60_000)
      await play(proxied)
    })
  }

  async function play(proxied: boolean): Promise<void> {
    const ca = new CertificateAuthority()
    const mail = new MailServer()
    let moods: readonly string[] = []
    let next = 0
    const serve: Serve = async (channel, connection) => {
      const say = (text: string): void => channel.send(Buffer.from(text, 'latin1'))
      const now = moods[next++ % moods.length]
      if (now === 'well') return mail.serve(channel, connection)
      const words = SAYS[now ?? '']
      if (words !== undefined) {
        say(words)
        return
      }
      say('* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hello\r\n')
      await channel.line()
      say(now === 'refuses' ? 'a NO [ALERT] no\r\n' : 'a O')
    }
    const upstream = await FakeUpstream.start(serve)
    const proxyNetworks = proxied ? ['127.0.0.1'] : []
    const gate = await ImapGate.start({ tls: ca.server(), proxyNetworks, upstream: { port: upstream.port } })
    gate.gate.outcomes.set('blocked@example.com', 'block')
    const trust = fs.readFileSync(ca.file)

    async function client([begin, moves]: readonly [string, readonly Move[]]): Promise<void> {
      let socket = net.connect({ port: gate.port, host: '127.0.0.1' })
      const listen = (): void => void socket.on('error', () => undefined).resume()
      listen()
      // A while, or until something is said.
      const moment = (): Promise<unknown> =>
        Promise.race([
          new Promise((resolve) => setTimeout(resolve, 5)),
          new Promise((resolve) => socket.once('data', resolve).once('close', resolve)),
        ])
      if (proxied) socket.write(begin, 'latin1')
      await moment()
      for (const step of moves) {
        if (socket.destroyed) return
        if (typeof step === 'string') socket.write(step, 'latin1')
        else if (step.does === 'end') socket.end()
        else if (step.does === 'close') socket.destroySoon()
        else if (socket instanceof tls.TLSSocket) await moment()
        else if (step.does === 'reset') {
          // Node never closes a socket that is reset while its end goes out, and then the process never exits.
          if (socket.writableEnded) socket.destroy()
          else socket.resetAndDestroy()
        } else if (step.does === 'TLS') {
          socket = tls.connect({ socket, ca: trust, host: '127.0.0.1' })
          listen()
        } else await moment()
      }
      await moment()
      socket.destroy()
    }

    try {
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.tuple(header, fc.array(move, { maxLength: 12 })), { minLength: 1, maxLength: 6 }),
          fc.array(mood, { minLength: 1, maxLength: 5 }),
          async (clients, upstreamMoods) => {
            moods = upstreamMoods
            await Promise.all(clients.map(client))
            assert.deepEqual(gate.faults, [])
          },
        ),
        { numRuns: 300, endOnFailure: true },
      )
      assert.ok(mail.logins.length > 20, `only ${mail.logins.length} logins`)
      // Nobody is left: a mail server's connection lives as long as its client's.
      gate.advance(120_000)
      await eventually(() => assert.equal(upstream.openConnections, 0))
      moods = ['well']
      const last = net.connect({ port: gate.port, host: '127.0.0.1' })
      if (proxied) last.write(HEADER)
      last.write('a LOGIN anna@example.com secret\r\nb LOGOUT\r\n')
      let text = ''
      for await (const chunk of last as AsyncIterable<Buffer>) text += chunk.toString()
      assert.match(text, /^\* OK .*\r\na OK .*\r\n\* BYE .*\r\nb OK .*\r\n$/)
    } finally {
      await gate.close()
      upstream.close()
      ca.remove()
    }
  }
})
