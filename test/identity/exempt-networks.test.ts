import assert from 'node:assert/strict'

import { createNetworkMatcher, isLoopback, plainAddress } from '../../src/identity/exempt-networks'

describe('exempt networks', () => {
  const cases: readonly (readonly [networks: readonly string[], address: string, exempt: boolean])[] = [
    [[], '10.0.0.1', false],
    [['10.0.0.0/8'], '10.0.0.0', true],
    [['10.0.0.0/8'], '10.255.255.255', true],
    [['10.0.0.0/8'], '11.0.0.0', false],
    [['10.0.0.0/8'], '9.255.255.255', false],
    [['10.1.2.3/8'], '10.200.0.1', true],
    [['192.0.2.7'], '192.0.2.7', true],
    [['192.0.2.7'], '192.0.2.8', false],
    [['192.0.2.7/32'], '192.0.2.7', true],
    [['0.0.0.0/0'], '203.0.113.9', true],
    [['0.0.0.0/0'], '2001:db8::1', false],
    [['2001:db8::/32'], '2001:db8:ffff::1', true],
    [['2001:db8::/32'], '2001:db9::1', false],
    [['2001:db8::1'], '2001:0DB8:0:0:0:0:0:1', true],
    [['::/0'], '2001:db8::1', true],
    // A listener of both families gives IPv4 clients as mapped addresses, in either writing.
    [['10.0.0.0/8'], '::ffff:10.1.2.3', true],
    [['10.0.0.0/8'], '::FFFF:10.1.2.3', true],
    [['10.0.0.0/8'], '::ffff:a01:203', true],
    [['10.0.0.0/8'], '::ffff:11.1.2.3', false],
    [['::ffff:10.0.0.0/104'], '10.1.2.3', true],
    // An address of the form ::a.b.c.d is not a mapped one.
    [['10.0.0.0/8'], '::10.1.2.3', false],
    [['fe80::/10'], 'fe80::1%eth0', true],
    [['10.0.0.0/8', '2001:db8::/32'], '2001:db8::1', true],
    [['10.0.0.0/8'], '', false],
    [['10.0.0.0/8'], 'mail.example.com', false],
    [['10.0.0.0/8'], '10.0.0.1:25', false],
  ]
  for (const [networks, address, exempt] of cases) {
    it(`${address || 'no address'} ${exempt ? 'is' : 'is not'} in [${networks.join(', ')}]`, () => {
      assert.equal(createNetworkMatcher(networks)(address), exempt)
    })
  }

  for (const address of ['127.0.0.1', '127.255.0.9', '::1', '::ffff:127.0.0.1'])
    it(`${address} is this host`, () => assert.ok(isLoopback(address)))
  for (const address of ['128.0.0.1', '::2', '0.0.0.0', '::ffff:10.0.0.1', ''])
    it(`${address || 'no address'} is not this host`, () => assert.ok(!isLoopback(address)))

  it('a mapped address is shown as the IPv4 address that it is', () => {
    assert.equal(plainAddress('::ffff:192.0.2.1'), '192.0.2.1')
    assert.equal(plainAddress('2001:db8::1'), '2001:db8::1')
  })
})
