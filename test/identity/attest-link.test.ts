import assert from 'node:assert/strict'
import fc from 'fast-check'

import { formatAttestLink, isSignedFor, parseAttestLink } from '../../src/identity/attest-link'
import { createTagReader, issueTag } from '../../src/identity/device-tag'
import { rotateKeyring, type TagKeyring } from '../../src/identity/tag-keyring'
import type { Attestation } from '../../src/policy/attestation'
import { anyId, anyUser, AT, attestation } from '../devices/samples'

const keysOf = (ring: TagKeyring | undefined): TagKeyring => ring ?? assert.fail('the ring is full')
const KEYS = keysOf(rotateKeyring([], AT))
const [KEY = assert.fail('no key')] = KEYS

describe('the link by which a person makes a statement', () => {
  const parsed = (token: string) => parseAttestLink(token) ?? assert.fail('no link')
  const holds = (token: string, about: Attestation, keys = KEYS): boolean =>
    isSignedFor(keys, parsed(token), about)

  it('is read back, and is signed for what it is about, whatever the names are', () => {
    fc.assert(
      fc.property(anyUser, anyId, (user, deviceId) => {
        const about = attestation({ user, deviceId })
        const token = formatAttestLink(KEY, about)
        assert.match(token, /^[A-Za-z0-9_.-]{1,4000}$/)
        const { link, expiresAt, ...read } = parsed(token)
        assert.deepEqual([read.user, link, expiresAt], [user, about.link, about.linkExpiresAt])
        assert.ok(holds(token, about))
      }),
    )
  })

  const changes: readonly Partial<Attestation>[] = [
    { user: 'bob@example.com' },
    { deviceId: 'd-2' },
    { platform: 'android' },
    { mandate: 'm-2' },
    { findings: ['app:other'] },
    { linkExpiresAt: AT + 1 },
    { link: 'other' },
  ]
  for (const change of changes)
    it(`is not signed for another ${Object.keys(change).join()}`, () => {
      assert.ok(!holds(formatAttestLink(KEY, attestation()), attestation(change)))
    })

  it('is signed by a key of the site: the older ones too, and none that was taken away', () => {
    const token = formatAttestLink(KEY, attestation())
    const rotated = keysOf(rotateKeyring(KEYS, AT))
    assert.ok(holds(token, attestation(), rotated))
    assert.ok(!holds(token, attestation(), rotated.slice(0, 1)))
    assert.ok(!holds(token, attestation(), []))
  })

  it('is none with a character changed, and none that is shorter, longer or something else', () => {
    const token = formatAttestLink(KEY, attestation())
    const changed = (at: number): string =>
      `${token.slice(0, at)}${token[at] === 'A' ? 'B' : 'A'}${token.slice(at + 1)}`
    for (let at = 0; at < token.length; at += 1) {
      const link = parseAttestLink(changed(at))
      // What it says of its place is looked up, and is not what was signed.
      const isSame = link?.user === attestation().user && link.link === attestation().link
      assert.ok(
        !link || !isSame || at < token.indexOf('.') || !isSignedFor(KEYS, link, attestation()),
        `at ${at}`,
      )
    }
    for (const text of [
      '',
      '.',
      token.slice(1),
      token.slice(0, -1),
      `${token}A`,
      `${token}\n`,
      'x'.repeat(5000),
    ]) {
      const link = parseAttestLink(text)
      assert.ok(!link || !isSignedFor(KEYS, link, attestation()), text)
    }
  })

  it('is no device tag, and a tag is no link, though one key signs both', () => {
    const tag = issueTag(KEY, '#', 'anna@example.com', 'd-1')
    assert.equal(parseAttestLink(tag), undefined)
    const reader = createTagReader(KEYS, '#')
    assert.equal(reader.read(`anna@example.com#${formatAttestLink(KEY, attestation())}`).status, 'none')
  })
})
