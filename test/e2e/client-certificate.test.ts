import assert from 'node:assert/strict'

import { CertificateAuthority, type Certificate } from '../support/certificates'
import { deviceLine } from '../support/device-line'
import { Dialogue } from '../support/dialogue'
import { Dovecot } from '../support/dovecot'
import { eventually } from '../support/eventually'
import { HarakaSite } from '../support/haraka-site'

const USER = 'anna@example.com'
const PASSWORD = 'secret'

describe('a phone that shows its device certificate', () => {
  let servers: CertificateAuthority
  let devices: CertificateAuthority
  let dovecot: Dovecot
  let site: HarakaSite

  before(async () => {
    servers = new CertificateAuthority('Server CA')
    devices = new CertificateAuthority('Device CA')
    dovecot = await Dovecot.start({
      users: { [USER]: PASSWORD },
      tls: servers.server(),
      settings: 'auth_mechanisms = plain external',
    })
    site = await HarakaSite.create({
      policy: 'mode: enforce\nunknown: allow\n',
      hostConfig: `identity: { unidentified: block, client_ca: ${devices.file} }`,
      upstreamPort: dovecot.port,
      tls: servers.server(),
    })
    await site.run('tag', 'rotate')
    await site.run('device', 'put', deviceLine({ id: 'good-phone' }))
    await site.run('device', 'put', deviceLine({ id: 'bad-phone', state: 'noncompliant' }))
    await site.start()
  })
  after(async () => {
    await site.remove()
    await dovecot.remove()
    servers.remove()
    devices.remove()
  })

  const doors: readonly (readonly [name: string, connect: (shown?: Certificate) => Promise<Dialogue>])[] = [
    [
      'implicit TLS',
      async (shown) => {
        const dialogue = Dialogue.openssl(site.imapTlsPort, ...options(shown))
        await dialogue.until(/^\* OK \[CAPABILITY [^\]]*\] Device Gate ready$/)
        return dialogue
      },
    ],
    [
      'STARTTLS',
      // s_client speaks the dialogue up to STARTTLS itself.
      async (shown) =>
        Promise.resolve(Dialogue.openssl(site.imapPort, '-starttls', 'imap', ...options(shown))),
    ],
  ]
  const options = (shown?: Certificate): string[] => [
    ...['-CAfile', servers.file, '-verify_return_error'],
    ...(shown ? ['-cert', shown.cert, '-key', shown.key] : []),
  ]
  const logIn = (dialogue: Dialogue, user = USER): Promise<string> =>
    dialogue.ask(`a LOGIN "${user}" ${PASSWORD}`, /^a /)

  for (const [name, connect] of doors) {
    describe(`over ${name}`, () => {
      it('reads when the device is compliant', async () => {
        const phone = await connect(devices.device('good-phone'))
        assert.match(await logIn(phone), /^a OK /m)
        assert.match(await phone.ask('b SELECT INBOX', /^b /), /^\* \d+ EXISTS\r\n(.*\r\n)*b OK /m)
        phone.close()
      })

      it('is refused when the device is noncompliant, before anybody asks for the password', async () => {
        const phone = await connect(devices.device('bad-phone'))
        const soFar = dovecot.log().length
        assert.match(
          await phone.ask(`a LOGIN ${USER} not-the-password`, /^a /),
          /^\* OK \[ALERT\] .*\r\na NO \[CONTACTADMIN\] /,
        )
        assert.equal(dovecot.log().length, soFar)
        await eventually(() => {
          const line = site.blockLog().find(({ device }) => device === 'bad-phone')
          assert.equal(line?.['proof'], 'certificate')
        })
        phone.close()
      })

      it('is decided by its certificate whatever its user name says', async () => {
        const phone = await connect(devices.device('bad-phone'))
        const tagged = await site.tag(USER, 'good-phone')
        assert.match(await logIn(phone, tagged), /^a NO \[CONTACTADMIN\] /m)
        phone.close()
      })

      it('proves nothing without a certificate, or with one of another CA', async () => {
        for (const shown of [undefined, servers.device('good-phone')]) {
          const phone = await connect(shown)
          assert.match(await logIn(phone), /^a NO \[CONTACTADMIN\] This device did not identify itself/m)
          phone.close()
        }
      })

      it('is the device that its certificate was registered for, for as long as it is', async () => {
        const shown = devices.issue({ commonName: '' })
        const said = async (): Promise<string> => {
          const phone = await connect(shown)
          const told = await logIn(phone)
          phone.close()
          return told
        }
        assert.match(await said(), /^a NO \[CONTACTADMIN\] This device did not identify itself/m)
        const named = ['--file', shown.cert, '--reason', 'a test']
        await site.run('certificate', 'add', 'good-phone', ...named)
        await eventually(async () => assert.match(await said(), /^a OK /m))
        await site.run('certificate', 'add', 'bad-phone', ...named)
        await eventually(async () =>
          assert.match(await said(), /^a NO \[CONTACTADMIN\] This device does not meet/m),
        )
        await site.run('certificate', 'remove', ...named)
        await eventually(async () => assert.match(await said(), /did not identify itself/))
      })

      it('proves nothing with a registered certificate that has ended, or of a CA that only has the name', async () => {
        const impostor = new CertificateAuthority('Device CA')
        for (const shown of [
          devices.issue({ commonName: '', expired: true }),
          impostor.issue({ commonName: '' }),
        ]) {
          await site.run('certificate', 'add', 'good-phone', '--file', shown.cert, '--reason', 'a test')
          const phone = await connect(shown)
          assert.match(await logIn(phone), /^a NO \[CONTACTADMIN\] This device did not identify itself/m)
          phone.close()
        }
        impostor.remove()
      })

      it('proves nothing with a certificate that has ended', async () => {
        const altNames = ['URI:urn:device:good-phone']
        const phone = await connect(devices.issue({ commonName: 'device', altNames, expired: true }))
        assert.match(await logIn(phone), /^a NO \[CONTACTADMIN\] This device did not identify itself/m)
        phone.close()
      })
    })
  }

  it('is offered EXTERNAL with its certificate only', async () => {
    const offered = async (shown?: Certificate): Promise<boolean> => {
      const phone = Dialogue.openssl(site.imapTlsPort, ...options(shown))
      const greeting = await phone.line()
      phone.close()
      return greeting.includes('AUTH=EXTERNAL')
    }
    assert.equal(await offered(devices.device('good-phone', USER)), true)
    assert.equal(await offered(), false)
    assert.equal(await offered(servers.device('good-phone', USER)), false)
  })

  // Dovecot takes the user of EXTERNAL from its client's certificate, and its client is the gate.
  it('gets the upstream’s own answer to EXTERNAL, and may log in otherwise', async () => {
    const phone = Dialogue.openssl(site.imapTlsPort, ...options(devices.device('good-phone', USER)))
    await phone.line()
    const answer = await phone.ask('a AUTHENTICATE EXTERNAL =', /^a /)
    assert.equal(answer, 'a NO [AUTHENTICATIONFAILED] Authentication failed.\r\n')
    assert.match(dovecot.log(), /auth: (Info: )?external\(/)
    assert.match(await logIn(phone), /^a OK /m)
    phone.close()
  })
})
