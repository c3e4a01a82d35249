import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import type { PeerCertificate } from 'node:tls'

import { certificateClaim, certificateUser } from '../../src/identity/client-certificate'
import { tempDirs } from '../support/temp-dir'

const NAME_KEYS: Readonly<Record<string, string>> = { CN: 'commonName', O: 'organizationName' }

describe('what a client certificate names', () => {
  const tempDir = tempDirs()

  /**
   * A real certificate with these names, as Node tells of it after a handshake. `alt` is one name an entry, as
   * `URI:...`; by a configuration file, where a name may have commas in it.
   */
  function certificate(subject: readonly string[], alt: readonly string[] = []): PeerCertificate {
    const dir = tempDir()
    const split = (text: string): [string, string] => [
      text.slice(0, text.indexOf(':')),
      text.slice(text.indexOf(':') + 1),
    ]
    const quoted = (text: string): string => text.replace(/["'\\$#]/g, '\\$&').replace('\n', '\\n')
    const config = [
      '[req]',
      'prompt = no',
      'utf8 = yes',
      'string_mask = utf8only',
      'distinguished_name = subject',
      ...(alt.length > 0 ? ['x509_extensions = extensions'] : []),
      '[subject]',
      ...subject.map(split).map(([type, value], i) => `${i}.${NAME_KEYS[type] ?? type} = ${quoted(value)}`),
      '[extensions]',
      'subjectAltName = @alt',
      '[alt]',
      ...alt.map(split).map(([type, value], i) => `${type}.${i} = ${quoted(value)}`),
      '[directory]',
      'CN = smuggled, DNS:smuggled',
    ]
    const file = path.join(dir, 'openssl.cnf')
    fs.writeFileSync(file, `${config.join('\n')}\n`)
    const cert = path.join(dir, 'cert.pem')
    execFileSync(
      'openssl',
      [
        'req',
        '-x509',
        '-config',
        file,
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:prime256v1',
        '-nodes',
      ].concat('-keyout', path.join(dir, 'key.pem'), '-out', cert),
      { stdio: 'pipe' },
    )
    return new X509Certificate(fs.readFileSync(cert)).toLegacyObject()
  }

  const deviceOf = (subject: readonly string[], alt: readonly string[] = []): string | undefined =>
    certificateClaim(certificate(subject, alt))?.deviceId

  describe('the device', () => {
    const cases: readonly (readonly [
      title: string,
      subject: readonly string[],
      alt: readonly string[],
      device: string | undefined,
    ])[] = [
      ['a SAN URI urn:device', ['CN:x'], ['URI:urn:device:d-1'], 'd-1'],
      ['in any case of the scheme', ['CN:x'], ['URI:URN:Device:d-1'], 'd-1'],
      ['an id with colons', ['CN:x'], ['URI:urn:device:00:1A:2b'], '00:1A:2b'],
      ['before DNS and CN', ['CN:x'], ['DNS:phone.example.com', 'URI:urn:device:d-1'], 'd-1'],
      ['another URI is no device', ['CN:d-1'], ['URI:https://mdm.example.com/d-2'], 'd-1'],
      ['a URI that only ends like one', ['CN:d-1'], ['URI:https://x/?urn:device:d-2'], 'd-1'],
      ['a SAN DNS name', ['CN:x'], ['DNS:phone-1.example.com'], 'phone-1.example.com'],
      ['the CN, where there is no SAN', ['CN:d-1'], [], 'd-1'],
      ['the CN beside other parts of the subject', ['O:Example', 'CN:d-1'], [], 'd-1'],
      ['a CN in any alphabet', ['CN:Телефон-é'], [], 'Телефон-é'],
      ['a CN with commas and equals signs', ['CN:d-1, O=x, CN=d-2'], [], 'd-1, O=x, CN=d-2'],
      ['a mail address is no device', ['O:Example'], ['email:anna@example.com'], undefined],
      ['an address is no device', ['O:Example'], ['IP:192.0.2.1'], undefined],
      ['no CN and no SAN', ['O:Example'], [], undefined],
      ['two CNs are ambiguous', ['CN:d-1', 'CN:d-2'], [], undefined],
      ['two CNs do not matter beside a URI', ['CN:d-2', 'CN:d-3'], ['URI:urn:device:d-1'], 'd-1'],
      ['two device URIs are ambiguous', ['CN:x'], ['URI:urn:device:d-1', 'URI:urn:device:d-2'], undefined],
      [
        'two DNS names are ambiguous, and the CN does not decide',
        ['CN:d-1'],
        ['DNS:a.example.com', 'DNS:b.example.com'],
        undefined,
      ],
      ['256 characters', ['CN:x'], [`URI:urn:device:${'x'.repeat(256)}`], 'x'.repeat(256)],
      ['257 characters are none', ['CN:x'], [`URI:urn:device:${'x'.repeat(257)}`], undefined],
      ['a line break in an id is none', ['CN:d-1\nd-2'], [], undefined],
      ['an escape sequence in an id is none', ['CN:d-1\u001b[31m'], [], undefined],
      ['a C1 control character in an id is none', ['CN:d-1\u009b'], [], undefined],
    ]
    for (const [title, subject, alt, device] of cases) {
      it(title, () => assert.equal(deviceOf(subject, alt), device))
    }
    it('is proven by the certificate', () => {
      assert.deepEqual(certificateClaim(certificate(['CN:d-1'])), { deviceId: 'd-1', proof: 'certificate' })
    })
  })

  // CVE-2021-44532: names are told as one text, and a name must not pass for two.
  describe('a name with separators in it is one name', () => {
    for (const [title, alt] of [
      ['a URI', ['URI:https://x/, URI:urn:device:smuggled']],
      ['a URI with quotes', ['URI:https://x/", URI:urn:device:smuggled, DNS:"']],
      ['a URI with backslashes', ['URI:https://x/\\", URI:urn:device:smuggled']],
      ['a mail address', ['email:a@example.com, DNS:smuggled']],
      ['a directory name', ['dirName:directory']],
      ['another name with text of its own', ['otherName:1.2.3.4;UTF8:x, DNS:smuggled']],
    ] as const)
      it(title, () => assert.equal(deviceOf(['CN:d-1'], alt), 'd-1'))
    it('a DNS name', () => {
      assert.equal(deviceOf(['CN:x'], ['DNS:a, URI:urn:device:smuggled']), 'a, URI:urn:device:smuggled')
    })
    it('a device URI', () => {
      assert.equal(deviceOf(['CN:x'], ['URI:urn:device:a, DNS:b']), 'a, DNS:b')
    })
  })

  describe('the user who may log in with it alone', () => {
    const cases: readonly (readonly [title: string, alt: readonly string[], user: string | undefined])[] = [
      ['its one mail address', ['email:anna@example.com'], 'anna@example.com'],
      ['beside a device', ['URI:urn:device:d-1', 'email:anna@example.com'], 'anna@example.com'],
      ['no mail address: nobody', ['URI:urn:device:d-1'], undefined],
      ['no SAN: nobody', [], undefined],
      ['two mail addresses: nobody', ['email:anna@example.com', 'email:ben@example.com'], undefined],
      ['one smuggled into a URI: nobody', ['URI:https://x/, email:ben@example.com'], undefined],
      [
        'with another name behind it is one name',
        ['email:anna@example.com, DNS:x'],
        'anna@example.com, DNS:x',
      ],
    ]
    for (const [title, alt, user] of cases) {
      it(title, () => assert.equal(certificateUser(certificate(['CN:ben@example.com'], alt)), user))
    }
  })
})
