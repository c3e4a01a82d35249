import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'

import { CertificateAuthority } from '../support/certificates'
import { deviceLine } from '../support/device-line'
import { Dialogue } from '../support/dialogue'
import { Dovecot } from '../support/dovecot'
import { eventually } from '../support/eventually'
import { HAProxy } from '../support/haproxy'
import { HarakaSite } from '../support/haraka-site'
import { WatchedProcess } from '../support/process'

const USER = 'ben@example.com'
const PASSWORD = 'secret'
const REFUSED = /NO \[CONTACTADMIN\]/
/** Where clients connect from: those of the second are not gated. */
const CLIENT = '127.0.0.9'
const WEBMAIL = '127.0.0.8'
/** Where HAProxy connects from; the Dovecot in front does from 127.0.0.1. */
const BALANCER = '127.0.0.5'

/** One for each dialogue, none of them compliant: the block log folds what happens to one again. */
const PHONES = ['line', 'binary', 'passed-through', 'terminated', 'dovecot', 'haraka', 'xclient']
const WARNED = 'warned'

describe('the real client behind real proxies', () => {
  let ca: CertificateAuthority
  let dovecot: Dovecot
  let site: HarakaSite
  let haproxy: HAProxy<'line' | 'binary' | 'passed_through' | 'terminated' | 'smtp'>
  let front: Dovecot

  before(async () => {
    ca = new CertificateAuthority()
    const server = ca.server()
    dovecot = await Dovecot.start({ users: { [USER]: PASSWORD }, settings: 'auth_username_chars =' })
    dovecot.deliver(USER, 'From: anna@example.com\r\nSubject: hello\r\n\r\nLunch?\r\n')
    site = await HarakaSite.create({
      policy: 'mode: enforce\nmax_new_blocks: { percent: 100 }\ngrace: warn\n',
      upstreamPort: dovecot.port,
      tls: server,
      hostConfig: `identity: { exempt_networks: [${WEBMAIL}/32] }`,
      imapConfig: `  proxy_networks: [${BALANCER}]\n  forwarding_networks: [127.0.0.1]\n`,
      users: { [USER]: PASSWORD },
      plugins: ['device_gate', 'xclient', 'auth/flat_file', 'queue/discard'],
    })
    site.editFile('connection.ini', (text) => text.replace(/^hosts\[\] =$/m, `hosts[] = ${BALANCER}`))
    await site.run('tag', 'rotate')
    const phones = PHONES.map((id) => deviceLine({ id, owners: [USER], state: 'noncompliant' }))
    phones.push(deviceLine({ id: WARNED, owners: [USER], state: 'grace' }))
    site.writeFile('devices.ndjson', phones.join('\n'))
    await site.run('device', 'import', site.file('devices.ndjson'))
    await site.start()
    const pem = path.join(site.dir, 'haproxy.pem')
    fs.writeFileSync(pem, fs.readFileSync(server.cert, 'utf8') + fs.readFileSync(server.key, 'utf8'))
    haproxy = await HAProxy.start(BALANCER, {
      line: { to: site.imapPort, options: 'send-proxy check inter 100' },
      binary: { to: site.imapPort, options: 'send-proxy-v2 check inter 100' },
      passed_through: { to: site.imapTlsPort, options: 'send-proxy-v2' },
      terminated: { to: site.imapPort, options: 'send-proxy-v2-ssl', pem },
      smtp: { to: site.smtpPort, options: 'send-proxy' },
    })
    // A proxy that takes any password: the site's own server behind the gate proves it.
    front = await Dovecot.start({
      users: {},
      tls: server,
      settings: `auth_username_chars =
auth_username_format = %u
passdb {
  driver = static
  args = proxy=y host=127.0.0.1 port=${site.imapPort} nopassword=y
}
`,
    })
  })
  after(async () => {
    await front.remove()
    await haproxy.remove()
    await site.remove()
    await dovecot.remove()
    ca.remove()
  })

  /** What curl hears and says. */
  async function curl(phone: string, url: string, from: string, ...options: string[]): Promise<string> {
    const login = await site.tag(USER, phone)
    const tls = ['--cacert', ca.file, '--ssl']
    const user = ['--user', `${login}:${PASSWORD}`]
    const run = new WatchedProcess('curl', ['-sv', '--interface', from, ...tls, ...user, ...options, url])
    await run.exited
    return run.output
  }

  /** Where the block log says that a phone came from. */
  const remoteOf = (phone: string): Promise<unknown> =>
    eventually(() => {
      const entry = site
        .blockLog()
        .find(({ device, reason }) => device === phone && reason === 'noncompliant')
      assert.ok(entry)
      return entry['remote']
    })

  const ways: readonly (readonly [name: string, phone: string, url: () => string])[] = [
    [
      'HAProxy by send-proxy, with STARTTLS at the gate',
      'line',
      () => `imap://127.0.0.1:${haproxy.ports.line}/INBOX`,
    ],
    [
      'HAProxy by send-proxy-v2, with STARTTLS at the gate',
      'binary',
      () => `imap://127.0.0.1:${haproxy.ports.binary}/INBOX`,
    ],
    [
      'HAProxy by send-proxy-v2 before TLS',
      'passed-through',
      () => `imaps://127.0.0.1:${haproxy.ports.passed_through}/INBOX`,
    ],
    [
      'HAProxy that takes TLS off, by send-proxy-v2-ssl',
      'terminated',
      () => `imaps://127.0.0.1:${haproxy.ports.terminated}/INBOX`,
    ],
    ['a Dovecot proxy, by ID', 'dovecot', () => `imaps://127.0.0.1:${front.tlsPort}/INBOX`],
  ]
  for (const [name, phone, url] of ways) {
    describe(`IMAP behind ${name}`, () => {
      it('is refused, and the block log has its address', async () => {
        assert.match(await curl(phone, url(), CLIENT), REFUSED)
        assert.equal(await remoteOf(phone), CLIENT)
      })
      it('passes from an exempt network, and the mail server is told its address', async () => {
        const before = dovecot.log().length
        assert.match(await curl(phone, url(), WEBMAIL, '-X', 'EXAMINE INBOX'), /1 EXISTS/)
        const login = new RegExp(`imap-login: Info: Login: user=<${USER}>.*rip=${WEBMAIL}`)
        await eventually(() => assert.match(dovecot.log().slice(before), login))
      })
    })
  }

  it('lets whoever is warned in behind a Dovecot proxy, with the warning', async () => {
    const said = await curl(WARNED, `imaps://127.0.0.1:${front.tlsPort}/INBOX`, CLIENT, '-X', 'EXAMINE INBOX')
    assert.match(said, /< \* OK \[ALERT\] [^]*1 EXISTS/)
  })

  describe('SMTP', () => {
    const submit = (from: string): Promise<string> =>
      curl(
        'haraka',
        `smtp://127.0.0.1:${haproxy.ports.smtp}`,
        from,
        ...[
          '--mail-from',
          USER,
          '--mail-rcpt',
          'fay@example.net',
          '--crlf',
          '--upload-file',
          site.file('me'),
        ],
      )

    it('behind HAProxy by send-proxy is refused, and the block log has its address', async () => {
      assert.match(await submit(CLIENT), /< 550 5\.7\.1 /)
      assert.equal(await remoteOf('haraka'), CLIENT)
    })
    it('behind HAProxy passes from an exempt network', async () =>
      assert.match(await submit(WEBMAIL), /< 250 Message Queued/))

    for (const [from, answer] of [
      [CLIENT, /^550 5\.7\.1 /],
      [WEBMAIL, /^250 /],
    ] as const) {
      it(`by XCLIENT, as nginx sends it, from ${from}: ${String(answer)}`, async () => {
        const relay = await Dialogue.connect(site.smtpPort)
        await relay.until(/^220 /)
        assert.match(await relay.ask('EHLO nginx.example.com', /^250 /), /XCLIENT/)
        await relay.ask(`XCLIENT ADDR=${from} NAME=[UNAVAILABLE]`, /^220 /)
        await relay.ask('EHLO phone', /^250 /)
        const login = await site.tag(USER, 'xclient')
        const response = Buffer.from(`\0${login}\0${PASSWORD}`).toString('base64')
        assert.match(await relay.ask(`AUTH PLAIN ${response}`, /^/), /^235 /)
        assert.match(await relay.ask(`MAIL FROM:<${USER}>`, /^/), answer)
        relay.close()
      })
    }
  })

  it('closes on a client that says itself who it is', async () => {
    const client = await Dialogue.connect(haproxy.ports.line, CLIENT)
    await client.until(/^\* OK /)
    assert.match(await client.ask(`PROXY TCP4 ${WEBMAIL} 127.0.0.1 50000 143`, /^/), /^PROXY BAD /)
    client.close()
  })

  // Behind all others: by then there were many.
  describe('health checks', () => {
    it('takes the health checks of HAProxy without a word', () => {
      assert.doesNotMatch(haproxy.output, /DOWN/)
      assert.doesNotMatch(site.haraka.output, /PROXY header refused/)
    })
  })
})
