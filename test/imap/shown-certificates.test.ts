import assert from 'node:assert/strict'

import { CertificateAuthority, type Certificate } from '../support/certificates'
import { Dialogue } from '../support/dialogue'
import { eventually } from '../support/eventually'
import { FakeUpstream, MailServer } from './fake-upstream'
import { ImapGate } from './imap-gate'

const ANNA = 'anna@example.com'
const LONG = 'd'.repeat(257)
/** By what the client sends of its chain. */
const OTHER_CA = /: (SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_\w+|CERT_SIGNATURE_FAILURE)$/

describe('a client certificate at a login', () => {
  const servers = new CertificateAuthority('Server CA')
  const devices = new CertificateAuthority('Device CA')
  const impostor = new CertificateAuthority('Device CA')
  let upstream: FakeUpstream
  let gate: ImapGate
  let registered: () => unknown

  beforeEach(async () => {
    registered = () => undefined
    upstream = await FakeUpstream.start(new MailServer({ accounts: { [ANNA]: 'secret' } }).serve)
    gate = await ImapGate.start({
      upstream: { port: upstream.port },
      tls: servers.server(),
      clientCa: devices.file,
      registered: () => registered(),
    })
  })
  afterEach(async () => {
    await gate.close()
    upstream.close()
  })
  after(() => {
    for (const ca of [servers, devices, impostor]) ca.remove()
  })

  async function logIn(shown?: Certificate): Promise<void> {
    const key = shown ? ['-cert', shown.cert, '-key', shown.key] : []
    const phone = Dialogue.openssl(gate.tlsPort, '-CAfile', servers.file, ...key)
    await phone.until(/^\* OK /)
    assert.match(await phone.ask(`a LOGIN ${ANNA} secret`, /^a /), /^a OK /m)
    phone.close()
  }
  const counted = (): Record<string, number> =>
    Object.fromEntries(
      Object.entries(gate.counts.counted()).filter(([name]) => name.includes('client_certificates')),
    )
  const named = (...altNames: string[]) => devices.issue({ commonName: 'device', altNames })

  it('that names a device is counted as one', async () => {
    await logIn(devices.device('d-1'))
    assert.deepEqual(counted(), { 'device_gate_client_certificates_total device': 1 })
  })

  it('that is not there is not counted', async () => {
    await logIn()
    assert.deepEqual([counted(), gate.warnings], [{}, []])
  })

  const unverified: Readonly<Record<string, readonly [shown: () => Certificate, problem: RegExp]>> = {
    'has ended': [
      () => devices.issue({ commonName: 'd-1', altNames: ['URI:urn:device:d-1'], expired: true }),
      /: CERT_HAS_EXPIRED$/,
    ],
    'is of another CA': [() => servers.device('d-1'), OTHER_CA],
    'is of a CA that only has the name': [() => impostor.device('d-1'), OTHER_CA],
  }
  for (const [name, [shown, problem]] of Object.entries(unverified))
    it(`that ${name} proves nothing: it is counted, and the log says why, once for many`, async () => {
      const certificate = shown()
      await Promise.all([logIn(certificate), logIn(certificate), logIn(certificate)])
      assert.deepEqual(counted(), { 'device_gate_client_certificates_total unverified': 3 })
      await eventually(() => {
        const said = gate.warnings.map((line) =>
          /^(client certificate proves nothing: \w+) \((\d+)\)$/.exec(line),
        )
        assert.equal(
          said.reduce((sum, one) => sum + Number(one?.[2]), 0),
          3,
        )
        for (const one of said) assert.match(one?.[1] ?? '', problem)
      })
    })

  for (const [name, shown] of [
    ['no name', () => devices.issue({ commonName: '' })],
    ['two devices in it', () => named('URI:urn:device:d-1', 'URI:urn:device:d-2')],
    ['a name of too many characters', () => named(`URI:urn:device:${LONG}`)],
    ['two names of hosts', () => named('DNS:d-1', 'DNS:d-2')],
  ] as const)
    it(`with ${name} is of no device, and is counted as such`, async () => {
      await logIn(shown())
      assert.deepEqual(counted(), { 'device_gate_client_certificates_total no_device': 1 })
    })

  it('whose registration cannot be read is counted as such', async () => {
    registered = () => ({ device: 7 })
    const key = devices.issue({ commonName: '' })
    const phone = Dialogue.openssl(gate.tlsPort, '-CAfile', servers.file, '-cert', key.cert, '-key', key.key)
    await phone.until(/^\* OK /)
    await phone.ask(`a LOGIN ${ANNA} secret`, /^a /)
    phone.close()
    assert.deepEqual(counted(), { 'device_gate_client_certificates_total unreadable': 1 })
    assert.equal(gate.faults.length, 1)
  })
})
