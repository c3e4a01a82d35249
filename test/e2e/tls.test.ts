import assert from 'node:assert/strict'
import fs from 'node:fs'

import { CertificateAuthority, type Certificate } from '../support/certificates'
import { Dovecot } from '../support/dovecot'
import { HarakaSite } from '../support/haraka-site'
import { imapClient, syncMail } from '../support/mail-client'

const USER = 'anna@example.com'
const PASSWORD = 'secret'
const AUTH = { user: USER, pass: PASSWORD }

let ca: CertificateAuthority
let dovecot: Dovecot

const startDovecot = async (tls: Certificate, settings = ''): Promise<Dovecot> => {
  const started = await Dovecot.start({ users: { [USER]: PASSWORD }, tls, settings })
  started.deliver(USER, 'From: ben@example.com\r\nSubject: hello\r\n\r\nLunch?\r\n')
  return started
}

describe('TLS in front and behind', () => {
  before(async () => {
    ca = new CertificateAuthority()
    dovecot = await startDovecot(ca.server())
  })
  after(async () => {
    await dovecot.remove()
    ca.remove()
  })

  for (const upstreamTls of ['none', 'starttls', 'implicit'] as const) {
    describe(`upstream by ${upstreamTls}`, () => {
      let site: HarakaSite

      before(async () => {
        site = await HarakaSite.create({
          policy: 'mode: enforce\n',
          upstreamPort: upstreamTls === 'implicit' ? dovecot.tlsPort : dovecot.port,
          upstreamTls,
          upstreamCa: ca.file,
          tls: ca.server(),
        })
        await site.start()
      })
      after(() => site.remove())

      const fronts: readonly (readonly [name: string, client: () => ReturnType<typeof imapClient>])[] = [
        ['plain', () => imapClient(site.imapPort, AUTH, { tls: 'none' })],
        [
          'STARTTLS',
          () => imapClient(site.imapPort, AUTH, { tls: 'starttls', ca: fs.readFileSync(ca.file, 'utf8') }),
        ],
        [
          'implicit TLS',
          () => imapClient(site.imapTlsPort, AUTH, { tls: 'implicit', ca: fs.readFileSync(ca.file, 'utf8') }),
        ],
      ]
      for (const [name, client] of fronts) {
        it(`a client by ${name} reads its mail`, async () => {
          assert.equal((await syncMail(client())).subject, 'hello')
          // What Dovecot saw of the connection behind the gate.
          const logins = dovecot.log().match(/imap-login: (?:Info: )?Login: .*/g) ?? []
          assert.equal(/, TLS,/.test(logins.at(-1) ?? ''), upstreamTls !== 'none', logins.at(-1))
        })
      }
    })
  }

  it('an upstream whose certificate nobody vouches for gets no password', async () => {
    const other = new CertificateAuthority('Another CA')
    const site = await HarakaSite.create({
      policy: 'mode: enforce\n',
      upstreamPort: dovecot.port,
      upstreamTls: 'starttls',
      upstreamCa: other.file,
    })
    try {
      await site.start()
      const logins = dovecot.log().split('Login: ').length
      const { refusal } = await syncMail(imapClient(site.imapPort, AUTH, { tls: 'none' }))
      assert.equal(refusal?.code, 'UNAVAILABLE')
      await site.haraka.until(/"upstream unavailable: tls"/)
      assert.equal(dovecot.log().split('Login: ').length, logins)
    } finally {
      await site.remove()
      other.remove()
    }
  })
})
