import assert from 'node:assert/strict'
import fc from 'fast-check'
import sinon from 'sinon'

import type { ImapConfig } from '../../src/config/host-config'
import type { Credential } from '../../src/imap/credential'
import { UpstreamAttempt, type UpstreamLogin } from '../../src/imap/upstream-login'
import { CertificateAuthority, type Certificate } from '../support/certificates'
import { anyPassword, anyToken, anyUser } from './arbitraries'
import { FakeUpstream, MailServer, scripted, type Serve } from './fake-upstream'

const CLIENT = { remoteAddress: '192.0.2.1', remotePort: 50_000, localAddress: '192.0.2.2' }
const password = (): Credential => ({
  kind: 'password',
  user: 'anna@example.com',
  password: Buffer.from('secret'),
})

/** The password, plain and in any base64 of it. */
const SECRET = /secret|c2VjcmV0|zZWNyZX|NlY3Jld/

const attempt = (
  upstream: { readonly port: number },
  credential: Credential = password(),
  config: Partial<ImapConfig['upstream']> = {},
): UpstreamAttempt =>
  new UpstreamAttempt(
    { host: '127.0.0.1', port: upstream.port, tls: 'none', ca: null, ...config },
    credential,
    CLIENT,
  )

/** The outcome, with its connection closed. */
async function outcome(attempted: UpstreamAttempt): Promise<UpstreamLogin> {
  const login = await attempted.result
  if (login.status === 'ok') login.upstream.socket.destroy()
  return login
}

describe('a login at the upstream', () => {
  const upstreams: FakeUpstream[] = []
  const start = async (
    serve: Serve,
    ...rest: [Certificate?, ('starttls' | 'implicit')?]
  ): Promise<FakeUpstream> => {
    const upstream = await FakeUpstream.start(serve, ...rest)
    upstreams.push(upstream)
    return upstream
  }

  afterEach(() => {
    for (const upstream of upstreams.splice(0)) upstream.close()
  })

  describe('carries any name and secret unchanged', () => {
    const anyCredential = {
      password: fc.record({ kind: fc.constant('password' as const), user: anyUser, password: anyPassword }),
      XOAUTH2: fc.record({
        kind: fc.constant('bearer' as const),
        mechanism: fc.constant('XOAUTH2' as const),
        user: anyUser,
        token: anyToken,
      }),
      OAUTHBEARER: fc.record({
        kind: fc.constant('bearer' as const),
        mechanism: fc.constant('OAUTHBEARER' as const),
        user: anyUser,
        token: anyToken,
      }),
    }
    const forms: readonly [name: string, capability: string, credential: fc.Arbitrary<Credential>][] = [
      ['AUTHENTICATE PLAIN with initial response', 'SASL-IR AUTH=PLAIN', anyCredential.password],
      ['AUTHENTICATE PLAIN without it', 'AUTH=PLAIN', anyCredential.password],
      ['LOGIN with LITERAL+', 'LITERAL+', anyCredential.password],
      ['LOGIN with literals', '', anyCredential.password],
      ['XOAUTH2 with initial response', 'SASL-IR AUTH=XOAUTH2', anyCredential.XOAUTH2],
      ['XOAUTH2 without it', 'AUTH=XOAUTH2', anyCredential.XOAUTH2],
      ['OAUTHBEARER with initial response', 'SASL-IR AUTH=OAUTHBEARER', anyCredential.OAUTHBEARER],
      ['OAUTHBEARER without it', 'AUTH=OAUTHBEARER', anyCredential.OAUTHBEARER],
    ]
    for (const [name, capability, credentials] of forms) {
      it(`by ${name}`, async () => {
        const mail = new MailServer({ capability: `IMAP4rev1 ID ${capability}`.trim() })
        const upstream = await start(mail.serve)
        await fc.assert(
          fc.asyncProperty(credentials, async (credential) => {
            const login = await outcome(attempt(upstream, credential))
            assert.equal(login.status, 'ok')
            const secret = credential.kind === 'password' ? credential.password : Buffer.alloc(0)
            const expected = credential.kind === 'bearer' ? credential.token : secret
            assert.deepEqual(mail.logins.pop(), {
              mechanism: name.split(' ').find((word) => word !== 'AUTHENTICATE'),
              user: credential.user,
              secret: expected.toString('latin1'),
            })
            assert.deepEqual(mail.commands.splice(0), [
              'ID ("x-originating-ip" "192.0.2.1" "x-originating-port" "50000" "x-connected-ip" "192.0.2.2")',
            ])
          }),
          { numRuns: 60 },
        )
      })
    }
  })

  it('comes of no octets but an acceptance, and never breaks', async () => {
    const lines = fc.constantFrom(
      '* OK hello',
      '* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hello',
      '* OK [CAPABILITY IMAP4rev1]',
      '* CAPABILITY IMAP4rev1 COMPRESS=DEFLATE',
      '* PREAUTH hi',
      '* BYE no',
      '* 3 EXISTS',
      '* OK {5}',
      'c OK',
      'c NO',
      's OK',
      'i OK',
      'a NO [ALERT] \xff',
      'a BAD',
      'a OKAY',
      'aOK',
      '+ go',
      '+',
      '',
      'x'.repeat(70_000),
    )
    const octets = fc.uint8Array({ maxLength: 50 }).map((some) => Buffer.from(some).toString('latin1'))
    const script = fc.array(
      fc.tuple(fc.oneof({ weight: 4, arbitrary: lines }, octets), fc.constantFrom('\r\n', '\r\n', '\n', '')),
      { maxLength: 8 },
    )
    let says = ''
    // It listens to nothing, says its piece and goes.
    const upstream = await start((channel) => {
      channel.send(Buffer.from(says, 'latin1'))
      return Promise.resolve()
    })
    await fc.assert(
      fc.asyncProperty(script, async (pieces) => {
        says = pieces.map(([text, end]) => text + end).join('')
        const { status } = await outcome(attempt(upstream))
        if (status === 'ok') assert.match(says, /^a OK\b/m)
      }),
      { numRuns: 400 },
    )
  })

  it('hands on whatever comes behind the acceptance, however much', async () => {
    const data = Buffer.from('* 1 EXISTS\r\n'.repeat(20_000))
    const upstream = await start(async (channel) => {
      channel.send(Buffer.from('* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hello\r\n'))
      await channel.line()
      channel.send(Buffer.concat([Buffer.from('a OK [CAPABILITY IMAP4rev1] in\r\n'), data]))
    })
    const login = await attempt(upstream).result
    if (login.status !== 'ok') throw new Error(login.status)
    const chunks = [login.rest]
    // Whoever takes over may take its time.
    for (let i = 0; i < 10; i += 1) await new Promise((resolve) => setImmediate(resolve))
    await new Promise<void>((resolve) => {
      login.upstream.handTo({
        onData: (chunk) => {
          chunks.push(Buffer.from(chunk))
          return true
        },
        onDrain: () => undefined,
        onEnd: resolve,
        onClose: resolve,
      })
    })
    login.upstream.socket.destroy()
    assert.ok(Buffer.concat(chunks).equals(data))
  })

  it('overwrites each copy of the password that it made', async () => {
    const concat = Buffer.concat.bind(Buffer)
    const copies: Buffer[] = []
    const stub = sinon.stub(Buffer, 'concat').callsFake((...args) => {
      const copy = concat(...args)
      if (new Error().stack?.includes('/src/imap/')) copies.push(copy)
      return copy
    })
    try {
      for (const capability of ['SASL-IR AUTH=PLAIN', 'AUTH=PLAIN', 'LITERAL+', 'IMAP4rev1']) {
        const mail = new MailServer({ capability })
        await outcome(attempt(await start(mail.serve)))
        assert.equal(mail.logins.length, 1)
      }
      // One that ends before the password was asked for.
      const upstream = await start(async (channel) => {
        channel.send(Buffer.from('* OK [CAPABILITY IMAP4rev1] hello\r\n'))
        await channel.line()
      })
      assert.equal((await outcome(attempt(upstream))).status, 'unavailable')
      assert.ok(copies.length >= 5)
      for (const copy of copies) assert.doesNotMatch(copy.toString('latin1'), SECRET)
    } finally {
      stub.restore()
    }
  })

  describe('fails for a reason that an admin can act on', () => {
    let ours: CertificateAuthority
    let others: CertificateAuthority
    before(() => {
      ours = new CertificateAuthority()
      others = new CertificateAuthority('Another CA')
    })
    after(() => {
      ours.remove()
      others.remove()
    })

    const tlsProblem = async (certificate: Certificate, tls: 'starttls' | 'implicit', host = '127.0.0.1') => {
      const mail = new MailServer()
      const serve: Serve = async (channel, connection) => {
        if (tls === 'implicit') return mail.serve(channel, connection)
        channel.send(Buffer.from('* OK hello\r\n'))
        await channel.line()
        channel.send(Buffer.from('s OK go\r\n'))
        await channel.act('TLS')
        await mail.serve(channel, connection)
      }
      const upstream = await start(serve, certificate, tls)
      const login = await outcome(attempt(upstream, password(), { host, tls, ca: ours.file }))
      assert.deepEqual(mail.logins, [])
      return login.status === 'unavailable' ? login.problem : login.status
    }

    for (const tls of ['starttls', 'implicit'] as const) {
      it(`${tls}: a certificate of another CA`, async () => {
        assert.equal(await tlsProblem(others.server(), tls), 'tls')
      })
      it(`${tls}: a certificate that has ended`, async () => {
        const ended = ours.issue({ commonName: 'localhost', altNames: ['IP:127.0.0.1'], expired: true })
        assert.equal(await tlsProblem(ended, tls), 'tls')
      })
      it(`${tls}: a certificate of another address`, async () => {
        const other = ours.issue({ commonName: '127.0.0.1', altNames: ['IP:127.0.0.2', 'DNS:localhost'] })
        assert.equal(await tlsProblem(other, tls), 'tls')
      })
      it(`${tls}: a certificate of another name`, async () => {
        const other = ours.issue({ commonName: 'localhost', altNames: ['DNS:mail.example.com'] })
        assert.equal(await tlsProblem(other, tls, 'localhost'), 'tls')
      })
    }

    it('implicit TLS: an upstream that does not speak it', async () => {
      const login = await outcome(
        attempt(await start(new MailServer().serve), password(), { tls: 'implicit' }),
      )
      assert.equal(login.status === 'unavailable' && login.problem, 'tls')
    })

    for (const tls of ['none', 'starttls', 'implicit'] as const) {
      it(`${tls}: nobody listens`, async () => {
        const upstream = await start(scripted)
        upstream.close()
        const login = await outcome(attempt(upstream, password(), { tls, ca: ours.file }))
        assert.equal(login.status === 'unavailable' && login.problem, 'connect')
      })
    }

    it('silence: after half a minute', async () => {
      const upstream = await start(scripted)
      const clock = sinon.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
      try {
        const attempted = attempt(upstream)
        const { channel } = await upstream.accepted()
        clock.tick(29_999)
        const result = outcome(attempted)
        assert.equal(await Promise.race([result, Promise.resolve('waiting')]), 'waiting')
        clock.tick(1)
        const login = await result
        assert.equal(login.status === 'unavailable' && login.problem, 'timeout')
        await channel.closed()
      } finally {
        clock.restore()
      }
    })

    it('a CA file that is not there: an error with its name, and no connection', async () => {
      const upstream = await start(scripted)
      assert.throws(
        () => attempt(upstream, password(), { tls: 'implicit', ca: '/nowhere/ca.pem' }),
        /\/nowhere\/ca\.pem/,
      )
      assert.equal(upstream.connections, 0)
    })

    it('a CA file that was mended is read after the next failure', async () => {
      const upstream = await start(new MailServer().serve, ours.server(), 'implicit')
      const { copyFileSync } = await import('node:fs')
      const file = `${ours.file}.copy`
      copyFileSync(others.file, file)
      const config = { host: '127.0.0.1', port: upstream.port, tls: 'implicit', ca: file } as const
      const status = async (): Promise<string> =>
        (await outcome(new UpstreamAttempt(config, password(), CLIENT))).status
      assert.equal(await status(), 'unavailable')
      copyFileSync(ours.file, file)
      assert.equal(await status(), 'ok')
    })
  })
})
