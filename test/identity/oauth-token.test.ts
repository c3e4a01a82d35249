import assert from 'node:assert/strict'
import { generateKeyPairSync, type JsonWebKey } from 'node:crypto'

import type { TokenFault, TokenReading } from '../../src/identity/claim'
import { parseStoredKeys, storedKeys } from '../../src/identity/oauth-keys'
import { createTokenReader, MAX_KEY_AGE_MS } from '../../src/identity/oauth-token'
import { TokenIssuer } from '../support/token-issuer'

const ANNA = 'anna@example.com'
const NOW = Date.parse('2026-12-01T10:00:00Z')
const SECOND_MS = 1000
const MINUTE_MS = 60 * SECOND_MS
const at = (ms: number): number => Math.floor(ms / SECOND_MS)

describe('an OAuth token', () => {
  const issuer = new TokenIssuer()
  const keys = issuer.keys(NOW)
  const good = issuer.claims(ANNA, 'd-1', NOW)

  const read = (token: string, user = ANNA, under = keys, now = NOW): TokenReading =>
    createTokenReader(issuer.rules(), under).read(user, Buffer.from(token), now)
  const device = (reading: TokenReading): string | null | undefined =>
    reading.status === 'valid' ? (reading.claim?.deviceId ?? null) : undefined

  for (const alg of ['RS256', 'ES256'])
    it(`${alg}: names the device it was issued to`, () => {
      assert.deepEqual(read(issuer.sign(good, { alg })), {
        status: 'valid',
        claim: { deviceId: 'd-1', proof: 'oauth' },
      })
    })

  describe('is good', () => {
    const cases: readonly (readonly [title: string, claims: object, header?: object, user?: string])[] = [
      ['without a type', {}, { typ: undefined }],
      ['of the type of access tokens', {}, { typ: 'at+jwt' }],
      ['of the type by its long name', {}, { typ: 'application/at+jwt' }],
      ['for several audiences', { aud: ['https://other.example.com', issuer.audience] }],
      ['without iat and nbf', { iat: undefined, nbf: undefined }],
      ['that ended half a minute ago: clocks differ', { exp: at(NOW) - 30 }],
      ['that begins in half a minute', { nbf: at(NOW) + 30, iat: at(NOW) + 30 }],
      ['for the user in another case', { sub: ' Anna@EXAMPLE.com' }],
      [
        'for the user written in another way',
        { sub: 'andre\u0301@example.com' },
        {},
        'andr\u00e9@example.com',
      ],
      ['with other claims', { cnf: {}, groups: Array(200).fill('a group') }],
    ]
    for (const [title, claims, header = {}, user] of cases)
      it(title, () =>
        assert.equal(device(read(issuer.sign({ ...good, ...claims }, header as never), user)), 'd-1'),
      )
  })

  describe('names no device, and proves none,', () => {
    const ids: readonly (readonly [title: string, id: unknown])[] = [
      ['without the claim', undefined],
      ['where it is empty', ''],
      ['where it is null', null],
      ['where it is a number', 7],
      ['where it is a list', ['d-1']],
      ['where it has a line break', 'd-1\r\nd-2'],
      ['where it has an escape sequence', 'd-1\u001b[31m'],
      ['where it has a C1 control character', 'd-1\u009b'],
      ['where it has half a character', 'd-1\ud800'],
      ['where it is longer than 256 characters', 'd'.repeat(257)],
    ]
    for (const [title, id] of ids)
      it(title, () =>
        assert.deepEqual(read(issuer.sign({ ...good, device_id: id })), { status: 'valid', claim: null }),
      )
    it('but one of 256 characters, in any alphabet, is one', () => {
      const id = 'Телефон '.repeat(32)
      assert.equal(device(read(issuer.sign({ ...good, device_id: id }))), id)
    })
  })

  describe('is wrong', () => {
    const token = issuer.sign(good)
    const [header = '', payload = '', signature = ''] = token.split('.')
    const signedBy = (other: TokenIssuer): string => other.sign(good)
    const encode = (text: string): string => Buffer.from(text).toString('base64url')
    const cases: readonly (readonly [title: string, fault: TokenFault, token: string])[] = [
      ['alg none', 'algorithm', issuer.sign(good, { alg: 'none' })],
      ['alg none in other letters', 'algorithm', issuer.sign(good, { alg: 'nOnE' })],
      ['alg HS256 under the public key', 'algorithm', issuer.sign(good, { alg: 'HS256' })],
      ['no alg', 'algorithm', issuer.sign(good, { alg: undefined, kid: 'rs' })],
      ['alg PS256', 'algorithm', issuer.sign(good, { alg: 'PS256' })],
      ['no key id', 'form', issuer.sign(good, { kid: undefined })],
      ['a key id that is no text', 'form', issuer.sign(good, { kid: 7 })],
      ['an extension that must be understood', 'form', issuer.sign(good, { crit: ['b64'], b64: false })],
      ['a security event', 'type', issuer.sign(good, { typ: 'secevent+jwt' })],
      ['a logout token', 'type', issuer.sign(good, { typ: 'logout+jwt' })],
      ['a type that is no text', 'type', issuer.sign(good, { typ: 7 })],
      ['signed by another under our key id', 'signature', signedBy(new TokenIssuer())],
      [
        'another payload',
        'signature',
        `${header}.${encode(JSON.stringify({ ...good, sub: 'ben' }))}.${signature}`,
      ],
      ['no signature', 'signature', `${header}.${payload}.`],
      ['a signature in the other base64', 'signature', `${header}.${payload}.${signature.slice(0, -1)}+`],
      ['a padded signature', 'signature', `${token}==`],
      ['more behind the signature', 'signature', `${token}.${payload}`],
      ['an ES256 signature of no length', 'signature', issuer.sign(good, { alg: 'ES256' }).slice(0, -4)],
      ['another issuer', 'issuer', issuer.sign({ ...good, iss: 'https://other.example.com/' })],
      ['nearly the issuer', 'issuer', issuer.sign({ ...good, iss: issuer.issuer.slice(0, -1) })],
      ['no issuer', 'issuer', issuer.sign({ ...good, iss: undefined })],
      ['a list of issuers', 'issuer', issuer.sign({ ...good, iss: [issuer.issuer] })],
      ['another audience', 'audience', issuer.sign({ ...good, aud: 'https://other.example.com' })],
      ['no audience', 'audience', issuer.sign({ ...good, aud: undefined })],
      ['no audience among several', 'audience', issuer.sign({ ...good, aud: ['a', ['b']] })],
      ['expired', 'expired', issuer.sign({ ...good, exp: at(NOW - MINUTE_MS) })],
      ['without an end', 'expired', issuer.sign({ ...good, exp: undefined })],
      ['an end that is no number', 'expired', issuer.sign({ ...good, exp: '9999999999' })],
      ['not begun', 'not_yet', issuer.sign({ ...good, nbf: at(NOW + 2 * MINUTE_MS) })],
      ['from the future', 'not_yet', issuer.sign({ ...good, iat: at(NOW + 2 * MINUTE_MS) })],
      ['a beginning that is no number', 'not_yet', issuer.sign({ ...good, nbf: 'now' })],
      ['of another user', 'user', issuer.sign({ ...good, sub: 'ben@example.com' })],
      ['of nobody', 'user', issuer.sign({ ...good, sub: undefined })],
      ['of several users', 'user', issuer.sign({ ...good, sub: [ANNA] })],
      ['claims that are no JSON object', 'form', issuer.sign(['anna'])],
      ['opaque', 'form', 'ya29.opaque'],
      ['a header that is no JSON', 'algorithm', `${encode('{')}.${payload}.${signature}`],
      [
        'a header that is no UTF-8',
        'algorithm',
        `${Buffer.from([0xff]).toString('base64url')}.${payload}.${signature}`,
      ],
      ['a header of many octets', 'form', issuer.sign(good, { x: 'x'.repeat(2048) })],
      ['a megabyte', 'form', issuer.sign({ ...good, more: 'x'.repeat(1024 * 1024) })],
      ['dots alone', 'form', '..'],
      ['nothing', 'form', ''],
    ]
    for (const [title, fault, wrong] of cases)
      it(`${title}: ${fault}`, () => assert.deepEqual(read(wrong), { status: 'wrong', fault }))

    it('for everybody but its user', () => {
      assert.deepEqual(read(token, 'ben@example.com'), { status: 'wrong', fault: 'user' })
    })
  })

  describe('cannot be checked, which is not the same as wrong or as no claim,', () => {
    const token = issuer.sign(good)
    const cases: readonly (readonly [title: string, lacks: 'key' | 'keys', reading: () => TokenReading])[] = [
      ['under a key id that nobody knows', 'key', () => read(issuer.sign(good, { kid: 'new' }))],
      ['under the key id of the other algorithm', 'key', () => read(issuer.sign(good, { kid: 'es' }))],
      [
        'without keys',
        'keys',
        () => createTokenReader(issuer.rules(), undefined).read(ANNA, Buffer.from(token), NOW),
      ],
      [
        'with keys that were confirmed a day ago',
        'keys',
        () => read(token, ANNA, issuer.keys(NOW - MAX_KEY_AGE_MS)),
      ],
      ['with keys of the future', 'keys', () => read(token, ANNA, issuer.keys(NOW + 2 * MINUTE_MS))],
      [
        'with keys from another place',
        'keys',
        () =>
          createTokenReader(issuer.rules('https://other.example.com/keys'), keys).read(
            ANNA,
            Buffer.from(token),
            NOW,
          ),
      ],
    ]
    for (const [title, lacks, reading] of cases)
      it(title, () => assert.deepEqual(reading(), { status: 'unchecked', lacks }))

    it('and with keys of nearly a day can', () => {
      const lasting = issuer.sign({ ...good, exp: at(NOW + MAX_KEY_AGE_MS) })
      assert.equal(device(read(lasting, ANNA, keys, NOW + MAX_KEY_AGE_MS - 1)), 'd-1')
    })
  })
})

describe('the keys of an issuer', () => {
  const issuer = new TokenIssuer()
  const URI = 'https://login.example.com/keys'
  const kept = (set: readonly unknown[]): { alg: string; kid: string; jwk: JsonWebKey }[] =>
    (JSON.parse(storedKeys(URI, NOW, set as JsonWebKey[])) as { keys: ReturnType<typeof kept> }).keys
  const rsa = (bits: number): JsonWebKey =>
    generateKeyPairSync('rsa', { modulusLength: bits }).publicKey.export({ format: 'jwk' })

  it('are kept where they verify tokens, by algorithm and key id', () => {
    assert.deepEqual(
      kept(issuer.jwks()).map(({ alg, kid }) => `${alg} ${kid}`),
      ['RS256 rs', 'ES256 es'],
    )
  })

  const ec = (curve: string): JsonWebKey =>
    generateKeyPairSync('ec', { namedCurve: curve }).publicKey.export({ format: 'jwk' })
  const [first = {}] = issuer.jwks()
  const left: readonly (readonly [title: string, key: unknown])[] = [
    ['another use', { ...first, use: 'enc' }],
    ['other operations', { ...first, key_ops: ['encrypt'] }],
    ['another algorithm', { ...first, alg: 'PS256' }],
    ['no key id', { ...first, kid: undefined }],
    ['a key id of many characters', { ...first, kid: 'k'.repeat(257) }],
    ['a secret', { kty: 'oct', k: 'c2VjcmV0', kid: 'rs' }],
    ['another curve', { ...ec('P-384'), kid: 'es' }],
    ['a short RSA key', { ...rsa(1024), kid: 'rs' }],
    ['an RSA key that takes its time', { ...rsa(4104), kid: 'rs' }],
    ['a point that is not on the curve', { ...ec('P-256'), x: 'AAAA', kid: 'es' }],
    ['half a key', { kty: 'RSA', n: first.n, kid: 'rs' }],
  ]
  for (const [title, key] of left) it(`of ${title} are left out`, () => assert.deepEqual(kept([key]), []))

  it('that were published with their private part are kept without it', () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const text = storedKeys(URI, NOW, [{ ...privateKey.export({ format: 'jwk' }), kid: 'es' }])
    const { d = '' } = privateKey.export({ format: 'jwk' })
    assert.ok(!text.includes(d))
    assert.ok(parseStoredKeys(text)?.find('ES256', 'es'))
  })

  it('of one name twice: the first', () => {
    const other = new TokenIssuer()
    const both = parseStoredKeys(storedKeys(URI, NOW, [...issuer.jwks(), ...other.jwks()]))
    assert.deepEqual(both?.find('RS256', 'rs'), issuer.keys(NOW).find('RS256', 'rs'))
  })

  for (const text of ['', '{', 'null', '{}', '{"keys":[null]}', '[]'])
    it(`that were kept as ${JSON.stringify(text)} are none`, () =>
      assert.equal(parseStoredKeys(text), undefined))
})
