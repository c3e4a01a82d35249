import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import type { PeerCertificate } from 'node:tls'

import { createCertificateReader, type CertificateRule } from '../../src/identity/client-certificate'
import { certificateNumber, keyOfPeer, numberOf } from '../../src/identity/registered-certificate'
import { tempDirs } from '../support/temp-dir'

const ISSUER = 'CN=Device CA,O=Example,C=US'
const keyOf = (issuer: string, serial = '03F29C'): string | undefined =>
  certificateNumber(issuer, serial)?.key

describe('a certificate by issuer and serial number', () => {
  describe('is the same', () => {
    const same: readonly (readonly [title: string, issuer: string, serial?: string])[] = [
      ['with blanks', ' CN = Device CA , O = Example , C = US '],
      ['the other way round, as OpenSSL writes it', 'C = US, O = Example, CN = Device CA'],
      ['in other letters', 'cn=DEVICE ca,o=example,c=us'],
      ['with two blanks in a name', 'CN=Device  CA,O=Example,C=US'],
      ['in quotes', 'CN="Device CA", O="Example", C=US'],
      ['with semicolons', 'CN=Device CA;O=Example;C=US'],
      ['a line each, as Node has it', 'C=US\nO=Example\nCN=Device CA'],
      ['by numbers', '2.5.4.3=Device CA,OID.2.5.4.10=Example,2.5.4.6=US'],
      ['with escapes', 'CN=\\44evice\\20CA,O=Ex\\ample,C=US'],
      ['with several attributes in one part', 'CN=Device CA+O=Example,C=US'],
      ['the number with colons', ISSUER, '03:f2:9c'],
      ['the number with blanks', ISSUER, ' 03 F2 9C '],
      ['the number with 0x', ISSUER, '0x3f29c'],
      ['the number without its zero', ISSUER, '3F29C'],
    ]
    for (const [title, issuer, serial] of same)
      it(title, () => assert.equal(keyOf(issuer, serial), keyOf(ISSUER)))

    it('with a comma in a name, escaped or in quotes', () => {
      const quoted = keyOf('CN="Example, Inc. CA",C=US')
      for (const issuer of ['CN=Example\\, Inc. CA,C=US', 'C=US,CN=Example\\2C Inc. CA'])
        assert.equal(keyOf(issuer), quoted)
    })
    it('with an address by any of its names', () => {
      const [first] = ['E', 'email', 'emailAddress', '1.2.840.113549.1.9.1'].map((type) =>
        keyOf(`${type}=ca@example.com`),
      )
      assert.equal(keyOf('emailaddress=CA@example.com'), first)
    })
    it('with accents written in another way', () =>
      assert.equal(keyOf('CN=Andre\u0301'), keyOf('CN=Andr\\C3\\A9')))
  })

  it('is another under another issuer or number', () => {
    const keys = [
      keyOf(ISSUER),
      keyOf('CN=Device CA,O=Example'),
      keyOf('CN=Device CA,O=Example,C=US,OU=x'),
      keyOf('CN="Device CA,O=Example",C=US'),
      keyOf('O=Device CA,CN=Example,C=US'),
      keyOf(ISSUER, '03F29D'),
      keyOf(ISSUER, '3F29C0'),
    ]
    assert.equal(new Set(keys).size, keys.length)
  })

  describe('is none', () => {
    const none: readonly (readonly [title: string, issuer: string, serial?: string])[] = [
      ['without an issuer', ''],
      ['with a name that is no pair', 'Device CA'],
      ['with more behind the quotes', 'CN="Device" CA'],
      ['with quotes that do not end', 'CN="Device CA,O=Example'],
      ['with an escape at the end', 'CN=Device CA\\'],
      ['with an issuer of many characters', `CN=${'x'.repeat(1024)}`],
      ['without a number', ISSUER, ''],
      ['with a number that is no hexadecimal', ISSUER, '12-34'],
      ['with a negative number', ISSUER, '-03F29C'],
      ['with a number of many digits', ISSUER, 'F'.repeat(65)],
    ]
    for (const [title, issuer, serial] of none)
      it(title, () => assert.equal(certificateNumber(issuer, serial ?? '03F29C'), undefined))
  })

  it('takes no time to read blanks without end', () => {
    const before = performance.now()
    certificateNumber(`CN=${' '.repeat(1000)}"`, '1')
    assert.ok(performance.now() - before < 100)
  })
})

describe('the device of a client certificate', () => {
  const tempDir = tempDirs()

  /** Signs itself, so that its subject is its issuer. */
  function certificate(subject: string, alt = 'email:x@example.com', serial = '0x03f29c'): PeerCertificate {
    const dir = tempDir()
    const cert = path.join(dir, 'cert.pem')
    execFileSync(
      'openssl',
      [
        ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-utf8'],
        ...['-keyout', path.join(dir, 'key.pem'), '-out', cert, '-subj', subject, '-set_serial', serial],
        ...['-multivalue-rdn', '-addext', `subjectAltName=${alt}`],
      ],
      { stdio: 'pipe' },
    )
    return new X509Certificate(fs.readFileSync(cert)).toLegacyObject()
  }
  const faults: unknown[] = []
  const read = (
    shown: PeerCertificate,
    registered: Readonly<Record<string, unknown>>,
    rule: CertificateRule = 'named',
  ): unknown => {
    const reader = createCertificateReader(
      rule,
      (key) => registered[key],
      (error) => faults.push(error),
    )
    const reading = reader.read(shown)
    return reading.status === 'read' ? (reading.claim?.deviceId ?? null) : reading.status
  }
  const to = (device: unknown, issuer: string, serial = '03F29C'): Record<string, unknown> => ({
    [keyOf(issuer, serial) ?? '']: { device },
  })

  const issuers: readonly (readonly [subject: string, issuer: string])[] = [
    ['/O=Example', 'O=Example'],
    ['/C=US/O=Example, Inc./OU=Phones', 'OU=Phones,O="Example, Inc.",C=US'],
    ['/DC=com/DC=example/O=Geräte', 'O=Geräte,DC=example,DC=com'],
    ['/O=a+OU=b', 'O=a+OU=b'],
    ['/O=#1 "best" <CA>; =+', 'O=\\#1 \\"best\\" \\<CA\\>\\; \\=\\+'],
    ['/O=Example/emailAddress=ca@example.com', 'E=ca@example.com,O=Example'],
    ['/O=back\\\\slash', 'O=back\\\\slash'],
  ]
  for (const [subject, issuer] of issuers)
    it(`issued by ${issuer} is what was registered under that`, () => {
      const subjectArgument = subject.replace('=+', '=\\+')
      assert.equal(read(certificate(subjectArgument), to('d-1', issuer)), 'd-1')
    })

  it('that names one is that one, whatever is registered', () => {
    const shown = certificate('/O=Example', 'URI:urn:device:named')
    assert.equal(read(shown, to('other', 'O=Example')), 'named')
  })
  it('of rule registered is the registered one, whatever it names', () => {
    const shown = certificate('/O=Example/CN=somebody', 'URI:urn:device:named')
    assert.equal(read(shown, to('d-1', 'O=Example,CN=somebody'), 'registered'), 'd-1')
    assert.equal(read(shown, {}, 'registered'), null)
  })
  it('that names two is what was registered', () => {
    const shown = certificate('/O=Example', 'URI:urn:device:a,URI:urn:device:b')
    assert.equal(read(shown, to('d-1', 'O=Example')), 'd-1')
  })
  it('that is not registered is none', () => {
    const shown = certificate('/O=Example')
    assert.equal(read(shown, {}), null)
    assert.equal(read(shown, to('d-1', 'O=Example', '03F29D')), null)
    assert.equal(read(shown, to('d-1', 'O=Another')), null)
  })
  it('of no serial number that counts, or without any issuer, is none', () => {
    assert.equal(
      read(certificate('/O=Example', 'email:x@example.com', '-5'), to('d-1', 'O=Example', '5')),
      null,
    )
    const nameless = certificate('/')
    assert.deepEqual([read(nameless, {}), keyOfPeer(nameless)], [null, undefined])
    const none = null as unknown as PeerCertificate['issuer']
    assert.equal(keyOfPeer({ issuer: none, serialNumber: '01' }), undefined)
    const endless = { CN: 'x'.repeat(3000) } as PeerCertificate['issuer']
    assert.equal(keyOfPeer({ issuer: endless, serialNumber: '01' }), undefined)
  })
  it('is not told while what was registered cannot be read', () => {
    const shown = certificate('/O=Example')
    for (const damaged of [{}, 'd-1', { device: 7 }, { device: 'a\nb' }])
      assert.equal(read(shown, { [keyOf('O=Example') ?? '']: damaged }), 'unchecked')
    assert.equal(faults.length, 4)
    const reader = createCertificateReader('named', () => assert.fail('the disk is gone'), assert.ok)
    assert.deepEqual(reader.read(shown), { status: 'unchecked' })
  })
  it('is told from a file as at the door', () => {
    const shown = certificate('/O=Example, Inc./C=US')
    assert.deepEqual(numberOf(shown.raw), {
      issuer: 'C=US,O=Example\\, Inc.',
      serial: '03F29C'.replace(/^0/, ''),
      key: keyOf('O="Example, Inc.",C=US'),
    })
  })
})
