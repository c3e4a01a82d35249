import assert from 'node:assert/strict'
import fc from 'fast-check'

import {
  formatDeviceRecord,
  isDeviceId,
  isUserName,
  normaliseUser,
  parseDeviceRecord,
  RECORD_LIMITS,
} from '../../src/devices/record'
import { anyRecord, record } from './samples'

const WIRE = {
  id: 'd-1',
  owners: ['anna@example.com'],
  platform: 'ios',
  state: 'compliant',
  findings: ['app:com.example.game'],
  evidence_at: '2026-11-20T08:00:00Z',
  source: 'mdm',
  version: 7,
}

describe('a device record', () => {
  it('is read from its wire form', () => {
    assert.deepEqual(parseDeviceRecord(WIRE), {
      ok: true,
      record: record({ findings: ['app:com.example.game'], version: 7 }),
    })
  })

  it('needs no findings', () => {
    const { findings, ...rest } = WIRE
    assert.ok(findings)
    assert.deepEqual(parseDeviceRecord(rest), { ok: true, record: record({ version: 7 }) })
  })

  it('is the same when it was written and read again', () => {
    fc.assert(
      fc.property(anyRecord, (one) => {
        assert.deepEqual(parseDeviceRecord(formatDeviceRecord(one)), { ok: true, record: one })
      }),
      { numRuns: 500 },
    )
  })

  it('is one and the same in JSON', () => {
    fc.assert(
      fc.property(anyRecord, (one) => {
        const text = JSON.stringify(formatDeviceRecord(one))
        const reading = parseDeviceRecord(JSON.parse(text))
        assert.ok(reading.ok)
        assert.equal(JSON.stringify(formatDeviceRecord(reading.record)), text)
      }),
    )
  })

  const odd: [what: string, change: object, expected: object][] = [
    [
      'owners in any case, once each',
      { owners: ['Anna@Example.COM', 'anna@example.com'] },
      { owners: ['anna@example.com'] },
    ],
    ['owners with blanks around', { owners: ['\tanna@example.com '] }, { owners: ['anna@example.com'] }],
    ['no owner', { owners: [] }, { owners: [] }],
    ['a finding twice', { findings: ['a', 'a'] }, { findings: ['a'] }],
    ['the first version', { version: 0 }, { version: 0 }],
    ['the last version', { version: Number.MAX_SAFE_INTEGER }, { version: Number.MAX_SAFE_INTEGER }],
    [
      'a time with a zone',
      { evidence_at: '2026-11-20T10:00:00+02:00' },
      { evidenceAt: Date.UTC(2026, 10, 20, 8) },
    ],
    [
      'small letters in a time',
      { evidence_at: '2026-11-20t08:00:00z' },
      { evidenceAt: Date.UTC(2026, 10, 20, 8) },
    ],
    [
      'a part of a second',
      { evidence_at: '2026-11-20T08:00:00.1239Z' },
      { evidenceAt: Date.UTC(2026, 10, 20, 8, 0, 0, 123) },
    ],
    ['a leap day', { evidence_at: '2028-02-29T08:00:00Z' }, { evidenceAt: Date.UTC(2028, 1, 29, 8) }],
    ['an id of the longest', { id: '\uffff'.repeat(256) }, { id: '\uffff'.repeat(256) }],
    ['an id beyond the first plane', { id: '\u{1f4f1}' }, { id: '\u{1f4f1}' }],
    ['an owner of the longest', { owners: ['x'.repeat(320)] }, { owners: ['x'.repeat(320)] }],
  ]
  for (const [what, change, expected] of odd) {
    it(`may have ${what}`, () => {
      const reading = parseDeviceRecord({ ...WIRE, ...change })
      assert.deepEqual(reading, {
        ok: true,
        record: record({ findings: WIRE.findings, version: 7, ...expected }),
      })
    })
  }

  const bad: [what: string, change: object, problem: RegExp][] = [
    ['no id', { id: undefined }, /^id: a text of 1 to 256 characters/],
    ['an empty id', { id: '' }, /^id: a text of 1 to 256/],
    ['a number for an id', { id: 7 }, /^id: a text/],
    ['an id too long', { id: 'x'.repeat(257) }, /^id: a text of 1 to 256/],
    ['a line end in the id', { id: 'a\nb' }, /^id: .*without control characters/],
    ['a C1 control in the id', { id: 'a\u0085b' }, /^id: .*without control characters/],
    ['half a surrogate pair in the id', { id: 'a\ud83d' }, /^id: a text/],
    [
      'no owners',
      { owners: undefined },
      /^owners: a list of at most 32 mail addresses, each a text of 1 to 320/,
    ],
    ['owners as a text', { owners: 'anna@example.com' }, /^owners: a list/],
    ['an owner of blanks', { owners: [' '] }, /^owners: a list/],
    ['an owner that is no text', { owners: [null] }, /^owners: a list/],
    [
      'too many owners',
      { owners: Array.from({ length: 33 }, (_, i) => `u${i}`) },
      /^owners: a list of at most 32/,
    ],
    ['an owner too long', { owners: ['x'.repeat(321)] }, /^owners: a list/],
    // Its NFC form is three times as long: the limit is for what is stored.
    ['an owner too long once it is normalised', { owners: ['\ufb2c'.repeat(320)] }, /^owners: a list/],
    ['an unknown platform', { platform: 'symbian' }, /^platform: "symbian" is none of ios, android, /],
    [
      'an unknown state',
      { state: 'fine' },
      /^state: "fine" is none of compliant, noncompliant, grace, unknown$/,
    ],
    ['no state', { state: undefined }, /^state: missing: it is none of/],
    ['findings as a text', { findings: 'a' }, /^findings: a list of at most 256 findings/],
    ['an empty finding', { findings: [''] }, /^findings: a list/],
    ['no source', { source: undefined }, /^source: a text of 1 to 64/],
    [
      'a time without a zone',
      { evidence_at: '2026-11-20T08:00:00' },
      /^evidence_at: "2026-11-20T08:00:00" is no RFC 3339 time/,
    ],
    ['a day alone', { evidence_at: '2026-11-20' }, /^evidence_at: /],
    ['the 31st of June', { evidence_at: '2026-06-31T08:00:00Z' }, /^evidence_at: /],
    ['the 29th of February 2026', { evidence_at: '2026-02-29T08:00:00Z' }, /^evidence_at: /],
    ['a month that is none', { evidence_at: '2026-13-01T08:00:00Z' }, /^evidence_at: /],
    ['hour 24', { evidence_at: '2026-11-20T24:00:00Z' }, /^evidence_at: /],
    ['a zone that is none', { evidence_at: '2026-11-20T08:00:00+99:00' }, /^evidence_at: /],
    // In UTC it is a day of the year 10000, which the wire form cannot write.
    ['a time after the last', { evidence_at: '9999-12-31T23:59:59-01:00' }, /^evidence_at: /],
    ['a time before the first', { evidence_at: '0000-01-01T00:00:00+01:00' }, /^evidence_at: /],
    ['a time in seconds', { evidence_at: 1_700_000_000 }, /^evidence_at: 1700000000 is no RFC 3339 time/],
    ['a version below 0', { version: -1 }, /^version: -1 is no whole number from 0 to 2\^53-1/],
    ['half a version', { version: 1.5 }, /^version: 1.5 is no whole number/],
    ['version 2^53', { version: 2 ** 53 }, /^version: 9007199254740992 is no whole number/],
    ['a version as a text', { version: '7' }, /^version: "7" is no whole number/],
    ['an unknown field', { os: 'ios' }, /^unknown field "os"; known: id, owners, /],
    [
      'a prototype',
      JSON.parse('{"__proto__":{"state":"compliant"}}') as object,
      /^unknown field "__proto__"/,
    ],
  ]
  for (const [what, change, problem] of bad) {
    it(`may not have ${what}`, () => {
      const fields = Object.entries({ ...WIRE }).concat(Object.entries(change) as never)
      const reading = parseDeviceRecord(Object.fromEntries(fields))
      assert.ok(!reading.ok, 'it was taken')
      assert.match(reading.problem, problem)
    })
  }

  it('is never read from anything else, whatever that is', () => {
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue(), fc.anything()), (value) => {
        assert.equal(parseDeviceRecord(value).ok, false)
      }),
      { numRuns: 1000 },
    )
  })

  it('with any value in any of its fields is read, or the problem is told on one short line', () => {
    const field = fc.constantFrom(...Object.keys(WIRE), 'other')
    fc.assert(
      fc.property(field, fc.jsonValue(), (name, value) => {
        const reading = parseDeviceRecord({ ...WIRE, [name]: value })
        if (reading.ok) assert.deepEqual(parseDeviceRecord(formatDeviceRecord(reading.record)), reading)
        else assert.match(reading.problem, /^[^\n]{1,300}$/)
      }),
      { numRuns: 1000 },
    )
  })
})

describe('a user name', () => {
  /** Letters that change their shape with case, place or the marks behind them. */
  const tricky = fc.constantFrom(
    ...['a', 'J', 'I', 'İ', 'Σ', 'Α', 'ᾳ', '\u{1d160}', '\ufb2c', '\u212b', ' ', '\u00a0'],
    '\u030c',
    '\u0301',
    '\u0307',
    '\u0345',
  )
  const anyName = fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: tricky }))

  for (const [name, normal] of [
    [' Anna@Example.com ', 'anna@example.com'],
    ['ÅNNA@example.com', 'ånna@example.com'],
    ['A\u030anna@example.com', 'ånna@example.com'],
    ['J\u030c@example.com', 'ǰ@example.com'],
    ['\u212aelvin@example.com', 'kelvin@example.com'],
  ] as const) {
    it(`${JSON.stringify(name)} is ${JSON.stringify(normal)}`, () => {
      assert.equal(normaliseUser(name), normal)
    })
  }

  it('stays as it is once it is normal', () => {
    fc.assert(
      fc.property(anyName, (name) => {
        assert.equal(normaliseUser(normaliseUser(name)), normaliseUser(name))
      }),
      { numRuns: 2000 },
    )
  })

  it('is the same however it was composed', () => {
    fc.assert(
      fc.property(anyName, (name) => {
        assert.equal(normaliseUser(name.normalize('NFD')), normaliseUser(name.normalize('NFC')))
      }),
      { numRuns: 2000 },
    )
  })

  it('has a limit, and a device id another', () => {
    assert.deepEqual(
      [RECORD_LIMITS.ownerChars, RECORD_LIMITS.ownerChars + 1].map((length) =>
        isUserName('x'.repeat(length)),
      ),
      [true, false],
    )
    assert.deepEqual(
      [RECORD_LIMITS.idChars, RECORD_LIMITS.idChars + 1].map((length) => isDeviceId('x'.repeat(length))),
      [true, false],
    )
  })
})
