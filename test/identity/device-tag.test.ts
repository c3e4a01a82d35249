import assert from 'node:assert/strict'
import fc from 'fast-check'

import { createTagReader, issueTag, sameUser } from '../../src/identity/device-tag'
import { rotateKeyring, type TagKey, type TagKeyring } from '../../src/identity/tag-keyring'

const rotated = (keys: TagKeyring): TagKeyring => rotateKeyring(keys, 0) ?? assert.fail('full')
const signing = ([first]: TagKeyring): TagKey => first ?? assert.fail('no key')

const RING = rotated([])
const KEY = signing(RING)
const USER = 'anna@example.com'

const read = (name: string, keys: TagKeyring = RING, separator = '#') =>
  createTagReader(keys, separator).read(name)
const issue = (user: string, device: string, separator = '#', key = KEY): string =>
  issueTag(key, separator, user, device)

/** User names as sites have them, and as nobody has: with separators, dots, percent signs, other alphabets. */
const anyUser = fc.oneof(
  fc.emailAddress(),
  fc.string({ minLength: 1, maxLength: 60, unit: 'grapheme' }),
  fc
    .array(fc.constantFrom('a', 'B', '#', '+', '.', '%', '@', 'é', 'ß', 'İ', ' '), {
      minLength: 1,
      maxLength: 30,
    })
    .map((parts) => parts.join('')),
)
const anyDevice = fc
  .oneof(
    fc.uuid(),
    fc.string({ minLength: 1, maxLength: 60, unit: 'grapheme' }),
    fc.string({ minLength: 1, maxLength: 256, unit: fc.constantFrom('a', '.', '#', '%', '-', ':', ' ') }),
  )
  .filter((device) => device.length <= 256)
const anySeparator = fc.constantFrom('#', '+', '~', '!', '|')

/** The longest there can be: names beyond it carry no tag. */
const MAX_USER_NAME = 1024

describe('a device tag', () => {
  it('looks like this', () => {
    const key = { id: 'K1', secret: Buffer.alloc(32, 7), createdAt: 0 }
    // A fixed vector, computed apart: a change of the form would void every tag that phones have.
    assert.equal(issue(USER, 'd-1', '#', key), 'anna@example.com#d-1.K139w5Z__cEIaVWCVfbx1prw')
  })

  describe('comes back as it was issued', () => {
    it('for any user, any device, any separator', () => {
      fc.assert(
        fc.property(anyUser, anyDevice, anySeparator, (user, deviceId, separator) => {
          const name = issue(user, deviceId, separator)
          fc.pre(name.length <= MAX_USER_NAME)
          assert.deepEqual(read(name, RING, separator), {
            status: 'valid',
            user,
            claim: { deviceId, proof: 'tag' },
          })
        }),
      )
    })
    it('as a user name that no server or client trips over: one line, no blank, no quote, no wildcard', () => {
      fc.assert(
        fc.property(anyDevice, (device) => {
          assert.match(issue('anna', device), /^anna#[A-Za-z0-9_.:%-]+\.[A-Za-z0-9]{2}[A-Za-z0-9_-]{22}$/)
        }),
      )
    })
    const users: readonly (readonly [why: string, issued: string, used: string])[] = [
      ['in another case', 'Anna@Example.com', 'anna@EXAMPLE.COM'],
      ['with its accent composed, then not', 'ren\u00e9@example.com', 'rene\u0301@example.com'],
      ['in another alphabet', 'ИВАН@example.com', 'иван@example.com'],
    ]
    for (const [why, issued, used] of users) {
      it(`when the client writes the user ${why}; the upstream sees it as the client wrote it`, () => {
        const name = issue(issued, 'd-1').replace(issued, () => used)
        const reading = read(name)
        assert.equal(reading.status, 'valid')
        assert.equal(reading.user, used)
        assert.ok(sameUser(issued, used))
      })
    }
  })

  describe('does not verify', () => {
    /** Swaps what stands in front of the last separator, or behind it. */
    const moved = (tagged: string, user: string): string => user + tagged.slice(tagged.lastIndexOf('#'))

    it('for another user', () => {
      fc.assert(
        fc.property(anyUser, anyUser, anyDevice, (user, other, device) => {
          fc.pre(!sameUser(user, other))
          assert.notEqual(read(moved(issue(user, device), other)).status, 'valid')
        }),
      )
    })
    for (const [user, other] of [
      ['\ufb01ona', 'fiona'],
      ['wei\u00df', 'weiss'],
      ['anna', '\u0430nna'],
      ['anna', 'anna\u200b'],
      ['anna', ' anna'],
    ] as const)
      it(`for a user that only looks alike: ${JSON.stringify(user)} and ${JSON.stringify(other)}`, () => {
        assert.deepEqual(read(moved(issue(user, 'd-1'), other)), {
          status: 'invalid',
          user: other,
          problem: 'bad_mac',
        })
      })
    it('for another device', () => {
      fc.assert(
        fc.property(anyUser, anyDevice, anyDevice, (user, device, other) => {
          fc.pre(device !== other)
          const mac = issue(user, device).slice(-24)
          assert.notEqual(read(issue(user, other).slice(0, -24) + mac).status, 'valid')
        }),
      )
    })
    it('when user and device only touch differently: anna + xd and annax + d', () => {
      const mac = issue('anna', 'xd').slice(-24)
      assert.deepEqual(read(`annax#d.${mac}`), { status: 'invalid', user: 'annax', problem: 'bad_mac' })
    })
    it('under another key, even one of the same id', () => {
      const name = issue(USER, 'd-1')
      assert.deepEqual(read(name, rotated([])).status, 'invalid')
      const impostor = { ...signing(rotated([])), id: KEY.id }
      assert.deepEqual(read(name, [impostor]), { status: 'invalid', user: USER, problem: 'bad_mac' })
    })
    it('without any key', () => {
      assert.deepEqual(read(issue(USER, 'd-1'), []), {
        status: 'invalid',
        user: USER,
        problem: 'unknown_key',
      })
    })
    it('with any one character changed', () => {
      fc.assert(
        fc.property(
          fc.emailAddress(),
          fc.uuid(),
          fc.nat(),
          fc.string({ minLength: 1, maxLength: 1, unit: 'binary-ascii' }),
          (user, device, at, character) => {
            const name = issue(user, device)
            const place = at % name.length
            const changed = name.slice(0, place) + character + name.slice(place + 1)
            // Another case of the user's letters is the same user.
            fc.pre(!sameUser(name, changed) || place >= user.length)
            fc.pre(changed !== name)
            assert.notEqual(read(changed).status, 'valid')
          },
        ),
        { numRuns: 2000 },
      )
    })
    it('with any one character of the mac in another case, or the next in the alphabet', () => {
      const name = issue(USER, 'd-1')
      const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
      for (let at = name.length - 22; at < name.length; at += 1)
        for (const character of alphabet) {
          if (character === name[at]) continue
          assert.notEqual(read(name.slice(0, at) + character + name.slice(at + 1)).status, 'valid')
        }
    })
    it('cut short, or with more behind it', () => {
      const name = issue(USER, 'd-1')
      for (let end = 0; end < name.length; end += 1) assert.notEqual(read(name.slice(0, end)).status, 'valid')
      for (const more of ['A', '=', ' ', '\n', '\0', '#', `#${name}`])
        assert.notEqual(read(name + more).status, 'valid')
    })
    it('with an escape where none is needed: each device has one writing only', () => {
      const name = issue(USER, 'd-1')
      assert.deepEqual(read(name.replace('d-1', 'd%2D1')), {
        status: 'invalid',
        user: USER,
        problem: 'malformed',
      })
      const spaced = issue(USER, 'my phone')
      assert.match(spaced, /#my%20phone\./)
      assert.equal(read(spaced.replace('%20', '%2f')).status, 'none', 'lower case hex is no tag')
    })
    it('with an escape that is no UTF-8', () => {
      assert.equal(read(issue(USER, 'x').replace('#x', '#%FF')).status, 'invalid')
    })
    it('with a device id longer than any device has', () => {
      assert.equal(read(issue(USER, 'x'.repeat(257))).status, 'invalid')
    })
    it('in a name longer than any client sends: it is not even looked at', () => {
      assert.equal(read(issue('a'.repeat(1024), 'd')).status, 'none')
    })
  })

  describe('is told apart from a user name that has the separator for its own reasons', () => {
    for (const name of [
      'anna@example.com',
      'anna#work@example.com',
      'anna#',
      '#',
      '',
      '#d-1.AB',
      'anna#d-1',
      'anna#d-1.AB',
      `anna#d-1.AB${'x'.repeat(21)}`,
      `anna#d-1.AB${'x'.repeat(23)}`,
      `anna#.AB${'x'.repeat(22)}`,
      `anna#d 1.AB${'x'.repeat(22)}`,
      `#d-1.AB${'x'.repeat(22)}`,
    ])
      it(`${JSON.stringify(name)} carries none`, () =>
        assert.deepEqual(read(name), { status: 'none', user: name }))
    it('a user name with the separator in it can carry one', () => {
      const user = 'anna#work@example.com'
      assert.deepEqual(read(issue(user, 'd-1')), {
        status: 'valid',
        user,
        claim: { deviceId: 'd-1', proof: 'tag' },
      })
    })
    it('what has the form of one and is none is a wrong password, never a user name', () => {
      assert.equal(read(`anna#d-1.${KEY.id}${'x'.repeat(22)}`).status, 'invalid')
    })
    it('of two tags the last one counts, and the first stays part of the name', () => {
      const inner = issue(USER, 'd-1')
      assert.equal(read(issue(inner, 'd-2')).user, inner)
    })
    it('under another separator it is a plain name', () => {
      const name = issue(USER, 'd-1', '#')
      assert.deepEqual(read(name, RING, '+'), { status: 'none', user: name })
    })
  })

  describe('through a rotation of keys', () => {
    const first = rotated([])
    const second = rotated(first)
    const third = rotated(second)
    const tag = issue(USER, 'd-1', '#', signing(first))

    it('one made with an older key verifies', () => {
      for (const ring of [first, second, third]) assert.equal(read(tag, ring).status, 'valid')
    })
    it('new ones are made with the newest', () => {
      const newer = issue(USER, 'd-1', '#', signing(third))
      assert.equal(read(newer, third).status, 'valid')
      assert.deepEqual(read(newer, second), { status: 'invalid', user: USER, problem: 'unknown_key' })
    })
    it('one made with a key that was removed does not', () => {
      const withoutFirst = third.filter((key) => key !== signing(first))
      assert.deepEqual(read(tag, withoutFirst), { status: 'invalid', user: USER, problem: 'unknown_key' })
    })
    it('ids of keys are all different, and a ring has its bound', () => {
      let ring: TagKeyring = []
      for (let next = rotateKeyring(ring, 0); next; next = rotateKeyring(ring, 0)) ring = next
      assert.equal(ring.length, 16)
      assert.equal(new Set(ring.map(({ id }) => id)).size, 16)
    })
  })

  it('any text at all is read, and a text that is no tag is given back whole', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 2000, unit: 'binary' }), (text) => {
        const reading = read(text)
        assert.equal(reading.status, 'none')
        assert.equal(reading.user, text)
      }),
    )
  })
})
