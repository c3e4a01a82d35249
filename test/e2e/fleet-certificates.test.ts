import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import fs from 'node:fs'

import { FakeUpstream, MailServer } from '../imap/fake-upstream'
import { CertificateAuthority, type Certificate } from '../support/certificates'
import { deviceLine } from '../support/device-line'
import { Dialogue } from '../support/dialogue'
import { eventually } from '../support/eventually'
import { HarakaSite } from '../support/haraka-site'
import { RedisServer } from '../support/redis-server'

const USER = 'anna@example.com'
const PASSWORD = 'secret'
const REASON = ['--reason', 'a test']

const SERVED = /^a OK /m
const BLOCKED = /^a NO \[CONTACTADMIN\] This device does not meet/m
const UNIDENTIFIED = /^a NO \[CONTACTADMIN\] This device did not identify itself/m

describe('a certificate that names no device, at two hosts of a fleet', () => {
  let servers: CertificateAuthority
  let devices: CertificateAuthority
  let redis: RedisServer
  let upstream: FakeUpstream
  let hosts: [HarakaSite, HarakaSite]

  before(async () => {
    servers = new CertificateAuthority('Server CA')
    devices = new CertificateAuthority('Device CA')
    redis = await RedisServer.start()
    upstream = await FakeUpstream.start(new MailServer({ accounts: { [USER]: PASSWORD } }).serve)
    hosts = [await create(), await create()]
    // One after the other: the first brings the policy, the second finds it.
    for (const host of hosts) await host.start()
    await hosts[0].run('device', 'put', deviceLine({ id: 'good-phone' }))
    await hosts[1].run('device', 'put', deviceLine({ id: 'bad-phone', state: 'noncompliant' }))
  })
  after(async () => {
    for (const host of hosts) await host.remove()
    upstream.close()
    await redis.remove()
    servers.remove()
    devices.remove()
  })

  const create = (): Promise<HarakaSite> =>
    HarakaSite.create({
      nodes: 2,
      policy: 'mode: enforce\nnoncompliant: block\nunknown: allow\n',
      upstreamPort: upstream.port,
      tls: servers.server(),
      hostConfig: [
        `store: { kind: redis, redis: { url: "${redis.url}" } }`,
        'policy: { source: fleet }',
        `identity: { unidentified: block, client_ca: ${devices.file} }`,
      ].join('\n'),
    })
  /** What a client that shows it is told at the gate of one host. */
  async function logIn(host: HarakaSite, { cert, key }: Certificate): Promise<string> {
    const trust = ['-CAfile', servers.file, '-verify_return_error']
    const phone = Dialogue.openssl(host.imapTlsPort, ...trust, '-cert', cert, '-key', key)
    await phone.until(/^\* OK /)
    const told = await phone.ask(`a LOGIN "${USER}" ${PASSWORD}`, /^a /)
    phone.close()
    return told
  }
  const untilTold = async (
    shown: Certificate,
    told: RegExp,
    at: readonly HarakaSite[] = hosts,
  ): Promise<void> => {
    for (const host of at) await eventually(async () => assert.match(await logIn(host, shown), told))
  }
  const row = (device: string, { cert }: Certificate): string => {
    const { issuer, serialNumber } = new X509Certificate(fs.readFileSync(cert))
    return `${device},${issuer},${serialNumber}\n`
  }

  it('is its device at one host once it was registered on the other, and no longer than it is', async () => {
    const shown = devices.issue({ commonName: '' })
    await untilTold(shown, UNIDENTIFIED)
    await hosts[0].run('certificate', 'add', 'good-phone', '--file', shown.cert, ...REASON)
    await untilTold(shown, SERVED)
    await hosts[1].run('certificate', 'add', 'bad-phone', '--file', shown.cert, ...REASON)
    await untilTold(shown, BLOCKED)
    for (const host of hosts)
      await eventually(() => {
        const line = host.blockLog().find(({ device }) => device === 'bad-phone')
        assert.equal(line?.['proof'], 'certificate')
      })
    await hosts[0].run('certificate', 'remove', '--file', shown.cert, ...REASON)
    await untilTold(shown, UNIDENTIFIED)
  })

  it('is its device everywhere when one host imports what a device manager exported', async () => {
    const [good, bad] = [devices.issue({ commonName: '' }), devices.issue({ commonName: '' })]
    const rows = `device,issuer,serial\n${row('good-phone', good)}${row('bad-phone', bad)}`
    hosts[1].writeFile('certificates.csv', rows)
    await hosts[1].run('certificate', 'import', hosts[1].file('certificates.csv'), ...REASON)
    await untilTold(good, SERVED)
    await untilTold(bad, BLOCKED)
    const listed = await Promise.all(hosts.map((host) => host.run('certificate', 'list', '--json')))
    assert.equal(listed[0], listed[1])
    assert.match(listed[0] ?? '', /good-phone[^]*bad-phone|bad-phone[^]*good-phone/)
  })

  it('proves nothing at either where it is of a CA that only has the name', async () => {
    const impostor = new CertificateAuthority('Device CA')
    const shown = impostor.issue({ commonName: '' })
    await hosts[0].run('certificate', 'add', 'good-phone', '--file', shown.cert, ...REASON)
    await eventually(async () => assert.match(await hosts[1].run('certificate', 'list'), hexOf(shown)))
    for (const host of hosts) assert.match(await logIn(host, shown), UNIDENTIFIED)
    impostor.remove()
  })

  it('is its device while Redis is away, also at a host that starts then', async () => {
    const shown = devices.issue({ commonName: '' })
    await hosts[0].run('certificate', 'add', 'bad-phone', '--file', shown.cert, ...REASON)
    await untilTold(shown, BLOCKED)
    await redis.kill()
    await hosts[1].stop()
    await hosts[1].start()
    for (const host of hosts) assert.match(await logIn(host, shown), BLOCKED)
    const { code, output } = await hosts[0].cli('certificate', 'remove', '--file', shown.cert, ...REASON)
    assert.deepEqual([code, /nothing was written/.test(output)], [1, true], output)
  })
})

const hexOf = ({ cert }: Certificate): RegExp =>
  new RegExp(new X509Certificate(fs.readFileSync(cert)).serialNumber.replace(/^0+/, ''), 'i')
