import assert from 'node:assert/strict'

import { forwardedClient } from '../../src/imap/forwarded-client'

const proxy = { remoteAddress: '10.0.0.5', remotePort: 40_000, localAddress: '10.0.0.9' }

describe('whom an IMAP proxy speaks for', () => {
  const cases: Readonly<
    Record<string, readonly [Readonly<Record<string, string>>, object | null | undefined]>
  > = {
    'nobody that it names': [{ name: 'roundcube' }, undefined],
    'nobody, though it names a port': [{ 'x-originating-port': '50000' }, undefined],
    'as Dovecot tells': [
      {
        'x-session-id': 'abc',
        'x-originating-ip': '192.0.2.10',
        'x-originating-port': '50000',
        'x-connected-ip': '198.51.100.5',
        'x-connected-port': '993',
        'x-proxy-ttl': '4',
      },
      { remoteAddress: '192.0.2.10', remotePort: 50_000, localAddress: '198.51.100.5' },
    ],
    'an address alone': [
      { 'x-originating-ip': '192.0.2.10' },
      { remoteAddress: '192.0.2.10', remotePort: 0, localAddress: '10.0.0.9' },
    ],
    'IPv6, in the one form': [
      { 'x-originating-ip': '2001:DB8:0::1', 'x-connected-ip': '2001:db8:0:0::2' },
      { remoteAddress: '2001:db8::1', remotePort: 0, localAddress: '2001:db8::2' },
    ],
    'IPv4 in IPv6': [
      { 'x-originating-ip': '::ffff:192.0.2.10' },
      { remoteAddress: '192.0.2.10', remotePort: 0, localAddress: '10.0.0.9' },
    ],
    'a name': [{ 'x-originating-ip': 'phone.example.com' }, null],
    'nothing between the quotes': [{ 'x-originating-ip': '' }, null],
    'what would end a quoted string': [{ 'x-originating-ip': '192.0.2.10" "x' }, null],
    'an address of one interface': [{ 'x-originating-ip': 'fe80::1%eth0' }, null],
    'a port beyond all': [{ 'x-originating-ip': '192.0.2.10', 'x-originating-port': '65536' }, null],
    'a port that is none': [{ 'x-originating-ip': '192.0.2.10', 'x-originating-port': '-1' }, null],
    'a name where it was connected to': [
      { 'x-originating-ip': '192.0.2.10', 'x-connected-ip': 'imap.example.com' },
      null,
    ],
  }
  for (const [name, [id, expected]] of Object.entries(cases))
    it(name, () => assert.deepEqual(forwardedClient(new Map(Object.entries(id)), proxy), expected))
})
