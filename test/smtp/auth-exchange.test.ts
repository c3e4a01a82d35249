import assert from 'node:assert/strict'
import fc from 'fast-check'

import { createTagReader, issueTag } from '../../src/identity/device-tag'
import { isBase64, mechanismOf, rewriteResponse, type Mechanism } from '../../src/smtp/auth-exchange'

const KEY = { id: 'K1', secret: Buffer.alloc(32, 7), createdAt: 0 }
const tags = createTagReader([KEY], '#')
const STAND_IN = 'not-the-password'

const base64 = (text: string | Buffer): string => Buffer.from(text).toString('base64')
const text = (line: string): string => Buffer.from(line, 'base64').toString()
const tagged = (user: string, device = 'phone'): string => issueTag(KEY, '#', user, device)
/** Of the form of a tag, made with a key that nobody has. */
const forged = (user: string): string => `${user}#phone.K1${'A'.repeat(22)}`

const rewrite = (mechanism: Mechanism, response: string): ReturnType<typeof rewriteResponse> =>
  rewriteResponse(mechanism, response, tags, () => STAND_IN)

/** What the auth plugin sees of a response, and what the gate learned from it. */
function seen(mechanism: Mechanism, response: string): { text: string; device: string | null } | 'malformed' {
  const step = rewrite(mechanism, response)
  if (step.status === 'malformed') return 'malformed'
  const { reading } = step
  return { text: text(step.line), device: reading.status === 'valid' ? reading.claim.deviceId : null }
}

describe('a response of an AUTH exchange, as the auth plugin sees it', () => {
  const handedOn: readonly {
    what: string
    mechanism: Mechanism
    from: string
    to: string
    device: string | null
  }[] = [
    {
      what: 'PLAIN, no tag',
      mechanism: 'PLAIN',
      from: '\0anna\0secret',
      to: '\0anna\0secret',
      device: null,
    },
    {
      what: 'PLAIN, a tag',
      mechanism: 'PLAIN',
      from: `\0${tagged('anna')}\0secret`,
      to: '\0anna\0secret',
      device: 'phone',
    },
    {
      what: 'PLAIN, a tag that does not verify',
      mechanism: 'PLAIN',
      from: `\0${forged('anna')}\0secret`,
      to: `\0anna\0${STAND_IN}`,
      device: null,
    },
    {
      what: 'PLAIN, the tag of somebody else',
      mechanism: 'PLAIN',
      from: `\0${tagged('anna').replace('anna', 'ben')}\0secret`,
      to: `\0ben\0${STAND_IN}`,
      device: null,
    },
    {
      what: 'PLAIN, an authzid that is the same name',
      mechanism: 'PLAIN',
      from: `${tagged('anna')}\0${tagged('anna')}\0secret`,
      to: '\0anna\0secret',
      device: 'phone',
    },
    {
      what: 'PLAIN, an authzid that is the name without its tag',
      mechanism: 'PLAIN',
      from: `anna\0${tagged('anna')}\0secret`,
      to: '\0anna\0secret',
      device: 'phone',
    },
    {
      what: 'PLAIN, an authzid that is another name',
      mechanism: 'PLAIN',
      from: `ben\0${tagged('anna')}\0secret`,
      to: `\0anna\0${STAND_IN}`,
      device: 'phone',
    },
    {
      what: 'PLAIN, no password',
      mechanism: 'PLAIN',
      from: `\0${tagged('anna')}\0`,
      to: '\0anna\0',
      device: 'phone',
    },
    {
      what: 'PLAIN, a name with a byte order mark',
      mechanism: 'PLAIN',
      from: '\0\ufeffanna\0secret',
      to: '\0\ufeffanna\0secret',
      device: null,
    },
    { what: 'LOGIN, no tag', mechanism: 'LOGIN', from: 'anna', to: 'anna', device: null },
    { what: 'LOGIN, a tag', mechanism: 'LOGIN', from: tagged('anna'), to: 'anna', device: 'phone' },
    {
      what: 'LOGIN, a tag that does not verify',
      mechanism: 'LOGIN',
      from: forged('anna'),
      to: 'anna',
      device: null,
    },
    {
      what: 'LOGIN, a # that begins no tag',
      mechanism: 'LOGIN',
      from: 'anna#1@example.com',
      to: 'anna#1@example.com',
      device: null,
    },
    { what: 'CRAM-MD5, no tag', mechanism: 'CRAM-MD5', from: 'anna d16e57', to: 'anna d16e57', device: null },
    {
      what: 'CRAM-MD5, a tag',
      mechanism: 'CRAM-MD5',
      from: `${tagged('anna')} d16e57`,
      to: 'anna d16e57',
      device: 'phone',
    },
    {
      what: 'CRAM-MD5, a tag that does not verify',
      mechanism: 'CRAM-MD5',
      from: `${forged('anna')} d16e57`,
      to: `anna ${STAND_IN}`,
      device: null,
    },
  ]
  for (const { what, mechanism, from, to, device } of handedOn)
    it(what, () => assert.deepEqual(seen(mechanism, base64(from)), { text: to, device }))

  const malformed: readonly { what: string; mechanism: Mechanism; response: string }[] = [
    { what: 'nothing', mechanism: 'LOGIN', response: '' },
    { what: 'not base64', mechanism: 'LOGIN', response: 'anna@example.com' },
    { what: 'base64 cut short', mechanism: 'LOGIN', response: 'YW5uY' },
    { what: 'a pad in the middle (RFC 4954 4)', mechanism: 'LOGIN', response: 'YQ==YQ==' },
    { what: 'a blank in it', mechanism: 'LOGIN', response: 'YW5u YQ==' },
    { what: 'base64url', mechanism: 'LOGIN', response: 'Pz8_' },
    { what: 'not UTF-8', mechanism: 'LOGIN', response: base64(Buffer.from([0x61, 0xff])) },
    { what: 'a name too long', mechanism: 'LOGIN', response: base64('a'.repeat(1025)) },
    { what: 'a NUL in a LOGIN name', mechanism: 'LOGIN', response: base64('anna\0ben') },
    { what: 'a line end in a name', mechanism: 'LOGIN', response: base64('anna\r\nben') },
    { what: 'a DEL in a name', mechanism: 'PLAIN', response: base64('\0anna\x7f\0secret') },
    { what: 'PLAIN without a NUL', mechanism: 'PLAIN', response: base64('anna') },
    { what: 'PLAIN with one NUL', mechanism: 'PLAIN', response: base64('anna\0secret') },
    { what: 'PLAIN with three NULs', mechanism: 'PLAIN', response: base64('\0anna\0secret\0') },
    { what: 'PLAIN without a name', mechanism: 'PLAIN', response: base64('\0\0secret') },
    { what: 'CRAM-MD5 without a digest', mechanism: 'CRAM-MD5', response: base64('anna') },
    { what: 'CRAM-MD5 without a name', mechanism: 'CRAM-MD5', response: base64(' d16e57') },
    { what: 'CRAM-MD5 with two digests', mechanism: 'CRAM-MD5', response: base64('anna d16e57 d16e57') },
  ]
  for (const { what, mechanism, response } of malformed)
    it(`is not made of what is malformed: ${what}`, () =>
      assert.equal(seen(mechanism, response), 'malformed'))

  it('comes of three mechanisms, named in any case', () =>
    assert.deepEqual(['plain', 'Login', 'CRAM-MD5', 'XOAUTH2', 'EXTERNAL', ''].map(mechanismOf), [
      'PLAIN',
      'LOGIN',
      'CRAM-MD5',
      undefined,
      undefined,
      undefined,
    ]))
})

describe('any response of an AUTH exchange', () => {
  const name = fc
    .string({ unit: 'grapheme', minLength: 1, maxLength: 64 })
    // eslint-disable-next-line no-control-regex -- these are no names
    .filter((candidate) => !/[\u0000-\u001f\u007f]/.test(candidate))
  const nameWithoutBlank = name.filter((candidate) => !candidate.includes(' '))
  const password = fc
    .string({ unit: 'grapheme', maxLength: 64 })
    .filter((candidate) => !candidate.includes('\0'))
  const device = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 32 })

  /** How a client writes its response, and the same without a tag. */
  const response = fc.oneof(
    fc.tuple(name, password).map(([user, secret]) => ({
      mechanism: 'PLAIN' as const,
      user,
      of: (given: string) => `\0${given}\0${secret}`,
    })),
    name.map((user) => ({ mechanism: 'LOGIN' as const, user, of: (given: string) => given })),
    nameWithoutBlank.map((user) => ({
      mechanism: 'CRAM-MD5' as const,
      user,
      of: (given: string) => `${given} 9b2f6e`,
    })),
  )

  it('without a tag is handed on octet for octet', () =>
    fc.assert(
      fc.property(response, ({ mechanism, user, of }) => {
        const sent = base64(of(user))
        const step = rewrite(mechanism, sent)
        assert.equal(step.status === 'pass' && step.line, sent)
      }),
    ))

  it('with a tag is handed on as the same without it, and the device is known', () =>
    fc.assert(
      fc.property(response, device, ({ mechanism, user, of }, id) => {
        const sent = base64(of(tagged(user, id)))
        assert.deepEqual(seen(mechanism, sent), { text: of(user), device: id })
      }),
    ))

  it('with one character of its tag changed proves nothing and keeps its password from the plugin', () =>
    fc.assert(
      fc.property(
        name,
        password,
        fc.nat(),
        fc.constantFrom('A', 'b', '0', '_'),
        (user, secret, at, other) => {
          const good = tagged(user)
          const index = good.length - 22 + (at % 22)
          fc.pre(good[index] !== other)
          const bad = good.slice(0, index) + other + good.slice(index + 1)
          const step = rewrite('PLAIN', base64(`\0${bad}\0${secret}`))
          assert.equal(step.status === 'pass' && step.reading.status, 'invalid')
          assert.equal(step.status === 'pass' && text(step.line), `\0${user}\0${STAND_IN}`)
        },
      ),
    ))

  it('of any octets is base64 again, or malformed', () =>
    fc.assert(
      fc.property(
        fc.constantFrom<Mechanism>('PLAIN', 'LOGIN', 'CRAM-MD5'),
        fc.oneof(
          fc.string(),
          fc.base64String(),
          fc.uint8Array().map((octets) => base64(Buffer.from(octets))),
        ),
        (mechanism, sent) => {
          const step = rewrite(mechanism, sent)
          assert.ok(step.status === 'malformed' || isBase64(step.line))
        },
      ),
    ))
})
