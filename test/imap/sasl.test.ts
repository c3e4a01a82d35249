import assert from 'node:assert/strict'
import fc from 'fast-check'

import { decodeBase64, encodeBase64 } from '../../src/identity/base64'
import type { Credential } from '../../src/imap/credential'
import { CredentialCache } from '../../src/imap/credential-cache'
import { decodeResponse, encodeResponse, parseResponse } from '../../src/imap/sasl'
import { anyPassword, anyToken, anyUser } from './arbitraries'

const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1')

describe('base64', () => {
  it('is what Node makes of it, both ways', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (octets) => {
        const text = Buffer.from(octets).toString('base64')
        assert.equal(encodeBase64(Buffer.from(octets)).toString('latin1'), text)
        assert.deepEqual(decodeBase64(latin1(text)), Buffer.from(octets))
      }),
    )
  })

  const malformed = [
    'A',
    'AA',
    'AAA',
    'A===',
    '====',
    'AA=A',
    'A=AA',
    'AAAA=',
    'AA==AAAA',
    'AA A',
    'AAA\n',
    'AA-_',
  ]
  for (const text of malformed) {
    it(`refuses ${JSON.stringify(text)}`, () => assert.equal(decodeBase64(latin1(text)), undefined))
  }

  it('keeps short secrets where they can be overwritten: outside of what V8 moves about', () => {
    const pooled = (octets: Buffer | undefined): boolean => (octets?.buffer.byteLength ?? 0) > 64
    assert.ok(pooled(decodeBase64(latin1('c2VjcmV0'))))
    assert.ok(pooled(encodeBase64(latin1('secret'))))
  })

  it('takes "=" for the empty response (RFC 4959)', () =>
    assert.deepEqual(decodeResponse(latin1('=')), Buffer.alloc(0)))
})

const record = <T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> =>
  fc.record(model, { noNullPrototype: true })

describe('a credential', () => {
  const credentials: Readonly<Record<'PLAIN' | 'XOAUTH2' | 'OAUTHBEARER', fc.Arbitrary<Credential>>> = {
    PLAIN: record({ kind: fc.constant('password' as const), user: anyUser, password: anyPassword }),
    XOAUTH2: record({
      kind: fc.constant('bearer' as const),
      mechanism: fc.constant('XOAUTH2' as const),
      user: anyUser,
      token: anyToken,
    }),
    OAUTHBEARER: record({
      kind: fc.constant('bearer' as const),
      mechanism: fc.constant('OAUTHBEARER' as const),
      user: anyUser,
      token: anyToken,
    }),
  }
  for (const mechanism of ['PLAIN', 'XOAUTH2', 'OAUTHBEARER'] as const) {
    it(`is read from ${mechanism} as it was written`, () => {
      fc.assert(
        fc.property(credentials[mechanism], (credential) => {
          assert.deepEqual(parseResponse(mechanism, encodeResponse(credential)), credential)
        }),
      )
    })

    it(`is never made of octets that are no ${mechanism} response`, () => {
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 60 }), (octets) => {
          const parsed = parseResponse(mechanism, Buffer.from(octets))
          if (typeof parsed === 'string') return
          // Only PLAIN is so simple a form that chance may meet it; then it says what was there.
          assert.equal(mechanism, 'PLAIN')
          assert.ok(Buffer.from(octets).includes(encodeResponse(parsed)))
        }),
      )
    })
  }

  it('has its own copy of the secret: the response may be overwritten', () => {
    const response = latin1('\0anna\0secret')
    const credential = parseResponse('PLAIN', response)
    response.fill(0)
    assert.deepEqual(credential, { kind: 'password', user: 'anna', password: latin1('secret') })
  })
})

describe('the cache of proven credentials', () => {
  const credential = (user: string, password: string): Credential => ({
    kind: 'password',
    user,
    password: latin1(password),
  })
  const MINUTE = 60_000

  it('knows just what was proven, for five minutes', () => {
    const cache = new CredentialCache()
    cache.add(credential('anna', 'secret'), 0)
    assert.equal(cache.has(credential('anna', 'secret'), 5 * MINUTE - 1), true)
    assert.equal(cache.has(credential('anna', 'secret'), 5 * MINUTE), false)
    assert.equal(cache.has(credential('anna', 'Secret'), 0), false)
    assert.equal(cache.has(credential('bob', 'secret'), 0), false)
    assert.equal(cache.has({ kind: 'external', user: 'anna' }, 0), false)
  })

  it('keeps the newest ten thousand', () => {
    const cache = new CredentialCache()
    for (let i = 0; i <= 10_000; i += 1) cache.add(credential('anna', String(i)), 0)
    assert.equal(cache.has(credential('anna', '0'), 0), false)
    assert.equal(cache.has(credential('anna', '1'), 0), true)
    assert.equal(cache.has(credential('anna', '10000'), 0), true)
  })
})
