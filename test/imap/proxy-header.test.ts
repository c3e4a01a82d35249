import assert from 'node:assert/strict'
import fc from 'fast-check'

import {
  MAX_PROXY_HEADER_OCTETS,
  readProxyHeader,
  type ProxyHeaderReading,
} from '../../src/imap/proxy-header'

const SIGNATURE = '\r\n\r\n\0\r\nQUIT\n'
const read = (text: string): ProxyHeaderReading => readProxyHeader(Buffer.from(text, 'latin1'))

const hex = (text: string): string => Buffer.from(text.replaceAll(' ', ''), 'hex').toString('latin1')
const u16 = (number: number): string => hex(number.toString(16).padStart(4, '0'))

/** A header of version 2: version and command, family and transport, then what its length counts. */
const binary = (command: string, carrier: string, block: string, length = block.length): string =>
  SIGNATURE + hex(command) + hex(carrier) + u16(length) + block
const tlv = (type: string, value: string, length = value.length): string => hex(type) + u16(length) + value

/** 192.0.2.10:50000 to 198.51.100.5:993. */
const TCP4 = hex('c000020a c6336405 c350 03e1')
/** [2001:db8::1]:50000 to [2001:db8::2]:993. */
const TCP6 = hex('20010db8000000000000000000000001 20010db8000000000000000000000002 c350 03e1')
const MAPPED = hex('00000000000000000000ffffc000020a 00000000000000000000ffffc6336405 c350 03e1')
const SSL = tlv('20', hex('01 00000000') + tlv('21', 'TLSv1.3') + tlv('22', 'anna'))

const client4 = {
  remoteAddress: '192.0.2.10',
  remotePort: 50_000,
  localAddress: '198.51.100.5',
  encrypted: false,
}
const client6 = {
  remoteAddress: '2001:db8::1',
  remotePort: 50_000,
  localAddress: '2001:db8::2',
  encrypted: false,
}
const FULL6 = 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'

describe('a PROXY header', () => {
  const taken: Readonly<Record<string, readonly [string, object | null]>> = {
    'version 1, IPv4': ['PROXY TCP4 192.0.2.10 198.51.100.5 50000 993\r\n', client4],
    'version 1, IPv6': ['PROXY TCP6 2001:db8::1 2001:db8::2 50000 993\r\n', client6],
    'version 1, IPv6 written another way': [
      'PROXY TCP6 2001:DB8:0:0:0:0:0:1 2001:0db8::0002 50000 993\r\n',
      client6,
    ],
    'version 1, IPv4 in IPv6': ['PROXY TCP6 ::ffff:192.0.2.10 ::ffff:198.51.100.5 50000 993\r\n', client4],
    'version 1, the longest line': [
      `PROXY TCP6 ${FULL6} ${FULL6} 65535 65535\r\n`,
      { remoteAddress: FULL6, remotePort: 65_535, localAddress: FULL6, encrypted: false },
    ],
    'version 1, ports of 0': ['PROXY TCP4 192.0.2.10 198.51.100.5 0 0\r\n', { ...client4, remotePort: 0 }],
    'version 1, UNKNOWN': ['PROXY UNKNOWN\r\n', null],
    'version 1, UNKNOWN with more': [`PROXY UNKNOWN ${FULL6} ${FULL6} 65535 65535\r\n`, null],
    'version 2, IPv4': [binary('21', '11', TCP4), client4],
    'version 2, IPv6': [binary('21', '21', TCP6), client6],
    'version 2, IPv4 in IPv6': [binary('21', '21', MAPPED), client4],
    'version 2, a client that spoke TLS': [binary('21', '11', TCP4 + SSL), { ...client4, encrypted: true }],
    'version 2, TLS behind other extras': [
      binary(
        '21',
        '21',
        TCP6 + tlv('04', '\0'.repeat(40)) + tlv('02', 'imap.example.com') + SSL + tlv('e5', ''),
      ),
      { ...client6, encrypted: true },
    ],
    'version 2, a client that spoke no TLS': [
      binary('21', '11', TCP4 + tlv('20', hex('00 ffffffff'))),
      client4,
    ],
    'version 2, a certificate of an earlier session, and no TLS now': [
      binary('21', '11', TCP4 + tlv('20', hex('06 00000000'))),
      client4,
    ],
    'version 2, as long as it may be': [
      binary('21', '11', TCP4 + tlv('04', 'x'.repeat(MAX_PROXY_HEADER_OCTETS - 16 - 12 - 3))),
      client4,
    ],
    'version 2, LOCAL': [binary('20', '00', ''), null],
    'version 2, LOCAL, whatever stands in it': [binary('20', 'ff', TCP4.slice(1)), null],
    'version 2, no family': [binary('21', '00', 'anything'), null],
    'version 2, UDP': [binary('21', '12', TCP4), null],
    'version 2, a socket of the file system': [binary('21', '31', 'x'.repeat(216)), null],
  }
  for (const [name, [text, client]] of Object.entries(taken)) {
    it(`is taken: ${name}`, () => {
      const complete = { kind: 'complete', octets: text.length, client }
      assert.deepEqual(read(text), complete)
      assert.deepEqual(read(`${text}a LOGIN anna secret\r\n`), complete, 'with what follows')
      for (let length = 0; length < text.length; length += 1)
        assert.deepEqual(read(text.slice(0, length)), { kind: 'incomplete' }, `the first ${length}`)
    })
  }

  const refused: Readonly<Record<string, readonly [string, 'missing' | 'malformed']>> = {
    'an IMAP command': ['a1 CAPABILITY\r\n', 'missing'],
    'a TLS handshake': ['\x16\x03\x01\x02\x00', 'missing'],
    'another case': ['proxy TCP4 192.0.2.10 198.51.100.5 50000 993\r\n', 'missing'],
    'an empty line': ['\r\na1 NOOP\r\n', 'missing'],
    'a signature with one octet wrong': [`${SIGNATURE.slice(0, 11)}X`, 'missing'],
    'version 1: another family': ['PROXY UDP4 192.0.2.10 198.51.100.5 50000 993\r\n', 'malformed'],
    'version 1: UNKNOWN and no blank': ['PROXY UNKNOWNX\r\n', 'malformed'],
    'version 1: IPv6 as IPv4': ['PROXY TCP4 2001:db8::1 2001:db8::2 50000 993\r\n', 'malformed'],
    'version 1: IPv4 as IPv6': ['PROXY TCP6 192.0.2.10 198.51.100.5 50000 993\r\n', 'malformed'],
    'version 1: a name': ['PROXY TCP4 localhost 198.51.100.5 50000 993\r\n', 'malformed'],
    'version 1: a zero in front': ['PROXY TCP4 192.0.02.10 198.51.100.5 50000 993\r\n', 'malformed'],
    'version 1: an address of one interface': ['PROXY TCP6 fe80::1%eth0 fe80::2 50000 993\r\n', 'malformed'],
    'version 1: a port beyond all': ['PROXY TCP4 192.0.2.10 198.51.100.5 65536 993\r\n', 'malformed'],
    'version 1: a destination port beyond all': [
      'PROXY TCP4 192.0.2.10 198.51.100.5 50000 99999\r\n',
      'malformed',
    ],
    'version 1: a port with a zero in front': ['PROXY TCP4 192.0.2.10 198.51.100.5 050 993\r\n', 'malformed'],
    'version 1: a negative port': ['PROXY TCP4 192.0.2.10 198.51.100.5 -1 993\r\n', 'malformed'],
    'version 1: a port missing': ['PROXY TCP4 192.0.2.10 198.51.100.5 50000\r\n', 'malformed'],
    'version 1: two blanks': ['PROXY  TCP4 192.0.2.10 198.51.100.5 50000 993\r\n', 'malformed'],
    'version 1: a blank at the end': ['PROXY TCP4 192.0.2.10 198.51.100.5 50000 993 \r\n', 'malformed'],
    'version 1: a lone LF, and CRLF later': [
      'PROXY TCP4 192.0.2.10 198.51.100.5 50000 993\na1 NOOP\r\n',
      'malformed',
    ],
    'version 1: a lone CR, and CRLF later': [
      'PROXY TCP4 192.0.2.10 198.51.100.5 50000 993\ra1 NOOP\r\n',
      'malformed',
    ],
    'version 1: no end': [`PROXY UNKNOWN ${'x'.repeat(93)}`, 'malformed'],
    'version 1: its CRLF one octet too late': [`PROXY UNKNOWN ${'x'.repeat(92)}\r\n`, 'malformed'],
    'version 2: another version': [binary('11', '11', TCP4), 'malformed'],
    'version 2: another command': [binary('22', '11', TCP4), 'malformed'],
    'version 2: another family': [binary('21', '41', TCP4), 'malformed'],
    'version 2: another transport': [binary('21', '13', TCP4), 'malformed'],
    'version 2: too short for its addresses': [binary('21', '11', TCP4.slice(1)), 'malformed'],
    'version 2: IPv6 in the room of IPv4': [binary('21', '21', TCP4), 'malformed'],
    'version 2: longer than may be': [binary('21', '11', '', MAX_PROXY_HEADER_OCTETS - 15), 'malformed'],
    'version 2: as long as can be said': [binary('21', '11', '', 65_535), 'malformed'],
    'version 2: extras cut off in their head': [binary('21', '11', `${TCP4}\x20\0`), 'malformed'],
    'version 2: extras that go beyond': [binary('21', '11', TCP4 + tlv('04', 'x', 2)), 'malformed'],
    'version 2: what is said of TLS is too short': [
      binary('21', '11', TCP4 + tlv('20', hex('01 000000'))),
      'malformed',
    ],
  }
  for (const [name, [text, problem]] of Object.entries(refused))
    it(`is refused: ${name}`, () => assert.deepEqual(read(text), { kind: 'refused', problem }))

  /** Headers as they come, with an octet changed, and anything. */
  const header = fc.constantFrom(
    ...[...Object.values(taken), ...Object.values(refused)].map(([text]) => text),
  )
  const changed = fc.tuple(header, fc.nat(), fc.nat(255)).map(([text, at, octet]) => {
    const place = at % text.length
    return text.slice(0, place) + String.fromCharCode(octet) + text.slice(place + 1)
  })
  const anything = fc.uint8Array({ maxLength: 300 }).map((octets) => Buffer.from(octets).toString('latin1'))
  const octets = fc.oneof(
    header,
    changed,
    anything,
    anything.map((text) => `PROXY ${text}`),
    anything.map((text) => SIGNATURE + text),
  )

  it('is read the same however it is split: what is no longer incomplete stays as it is', () =>
    fc.assert(
      fc.property(octets, fc.nat(), (text, at) => {
        const first = read(text.slice(0, at % (text.length + 1)))
        if (first.kind !== 'incomplete') assert.deepEqual(read(text), first)
      }),
      { numRuns: 2000 },
    ))

  it('never throws, and never is longer than what came or than may be', () =>
    fc.assert(
      fc.property(octets, (text) => {
        const reading = read(text)
        if (reading.kind !== 'complete') return
        assert.ok(reading.octets <= Math.min(text.length, MAX_PROXY_HEADER_OCTETS))
      }),
      { numRuns: 2000 },
    ))

  it('is never waited for beyond its bound', () =>
    fc.assert(
      fc.property(octets, (text) => {
        const long = text + '\0'.repeat(MAX_PROXY_HEADER_OCTETS)
        assert.notEqual(read(long).kind, 'incomplete')
      }),
    ))
})
