import assert from 'node:assert/strict'

import { formatProblem } from '../../src/config/config-problem'
import { parsePolicy } from '../../src/config/policy-file'

const FILE = 'device_gate_policy.yaml'

function problemsOf(text: string): string[] {
  const parsed = parsePolicy(text, { file: `/etc/haraka/config/${FILE}` })
  return parsed.ok ? [] : parsed.problems.map((problem) => formatProblem(problem).replace(`${FILE}:`, ''))
}

/** A policy with one mandate, whose lines can be changed or (undefined) left out. */
function withMandate(change: Readonly<Record<string, string | undefined>>, rest = ''): string {
  const lines: Readonly<Record<string, string | undefined>> = {
    id: 'm',
    finding: 'app:x',
    platforms: '[ios]',
    warn_from: '2026-07-06T00:00:00-07:00',
    deadline: '2026-07-10T23:59:00-07:00',
    message: 'Remove it',
    ...change,
  }
  const body = Object.entries(lines).flatMap(([key, value]) =>
    value === undefined ? [] : `    ${key}: ${value}`,
  )
  return `mode: enforce\nmandates:\n  -\n${body.join('\n')}\n${rest}`
}

describe('device_gate_policy.yaml', () => {
  describe('a mistake is told with line, column, key and what to do', () => {
    const mistakes: readonly (readonly [title: string, text: string, ...problems: string[]])[] = [
      ['no mode', 'unknown: allow', '1:1 the key "mode" is missing'],
      [
        'a mode that only this host has',
        'mode: policy',
        '1:1 mode: must be one of off, monitor, enforce (found "policy")',
      ],
      [
        'an action that is none',
        'mode: off\nunknown: deny',
        '2:1 unknown: must be one of allow, warn, block (found "deny")',
      ],
      [
        'a duration without a unit',
        'mode: off\nstale: { after: 7 }',
        '2:10 stale.after: must be a duration such as 90s, 30m, 12h or 7d (found "7")',
      ],
      [
        'a duration in words',
        'mode: off\nstale: { after: 7 days }',
        '2:10 stale.after: must be a duration such as 90s, 30m, 12h or 7d (found "7 days")',
      ],
      [
        'a duration of nothing',
        'mode: off\nstale: { after: 0d }',
        '2:10 stale.after: must be a duration such as 90s, 30m, 12h or 7d (found "0d")',
      ],
      [
        'a percentage over 100',
        'mode: off\nmax_new_blocks: { percent: 101 }',
        '2:19 max_new_blocks.percent: must be <= 100 (found 101)',
      ],
      [
        'a mandate without a deadline',
        withMandate({ deadline: undefined }),
        '4:5 mandates[0]: the key "deadline" is missing',
      ],
      [
        'a mandate on an unknown platform',
        withMandate({ platforms: '[ios, blackberry]' }),
        '6:22 mandates[0].platforms[1]: must be one of ios, android, windows, macos, linux, chromeos, other (found "blackberry")',
      ],
      [
        'a mandate on no platform',
        withMandate({ platforms: '[]' }),
        '6:5 mandates[0].platforms: must NOT have fewer than 1 items (found [])',
      ],
      [
        'an id that is no word',
        withMandate({ id: 'no tiktok' }),
        '4:5 mandates[0].id: must be 1 to 64 of the characters A-Z a-z 0-9 . _ -, the first a letter or digit (found "no tiktok")',
      ],
      [
        'a time without a zone',
        withMandate({ deadline: '2026-07-10T23:59:00' }),
        '8:5 mandates[0].deadline: must be an RFC 3339 time with a zone, as 2026-07-10T23:59:00-07:00 (found "2026-07-10T23:59:00")',
      ],
      [
        'a day without a time',
        withMandate({ deadline: '2026-07-10' }),
        '8:5 mandates[0].deadline: must be an RFC 3339 time with a zone, as 2026-07-10T23:59:00-07:00 (found "2026-07-10")',
      ],
      [
        'a zone by name',
        withMandate({ deadline: '2026-07-10T23:59:00 PDT' }),
        '8:5 mandates[0].deadline: must be an RFC 3339 time with a zone, as 2026-07-10T23:59:00-07:00 (found "2026-07-10T23:59:00 PDT")',
      ],
      [
        'the 31st of June',
        withMandate({ warn_from: '2026-06-31T00:00:00Z' }),
        '7:5 mandates[0].warn_from: there is no such time as 2026-06-31T00:00:00Z',
      ],
      [
        'the 29th of February of no leap year',
        withMandate({ warn_from: '2026-02-29T00:00:00Z' }),
        '7:5 mandates[0].warn_from: there is no such time as 2026-02-29T00:00:00Z',
      ],
      [
        'a 25th hour',
        withMandate({ deadline: '2026-07-10T25:00:00Z' }),
        '8:5 mandates[0].deadline: there is no such time as 2026-07-10T25:00:00Z',
      ],
      [
        'a leap second',
        withMandate({ deadline: '2026-06-30T23:59:60Z' }),
        '8:5 mandates[0].deadline: there is no such time as 2026-06-30T23:59:60Z',
      ],
      [
        'a zone of 99 hours',
        withMandate({ deadline: '2026-07-10T23:59:00+99:00' }),
        '8:5 mandates[0].deadline: there is no such time as 2026-07-10T23:59:00+99:00',
      ],
      [
        'a deadline before warn_from',
        withMandate({ deadline: '2026-07-05T00:00:00Z' }),
        '8:5 mandates[0].deadline: is before warn_from; nobody would be warned',
      ],
      [
        'a finding of no known namespace',
        withMandate({ finding: 'com.zhiliaoapp.musically' }),
        '5:5 mandates[0].finding: must be a finding that begins with app:, os:, device:, policy:, source: or site:, as app:com.zhiliaoapp.musically (found "com.zhiliaoapp.musically")',
      ],
      [
        'a namespace alone',
        withMandate({ finding: '"app:"' }),
        '5:5 mandates[0].finding: must be a finding that begins with app:, os:, device:, policy:, source: or site:, as app:com.zhiliaoapp.musically (found "app:")',
      ],
      [
        'a mode that is none of a mandate',
        withMandate({ mode: 'monitor' }),
        '10:5 mandates[0].mode: must be one of silent, warn, block (found "monitor")',
      ],
      [
        'a deadline in words',
        withMandate({ deadline: '10 July' }),
        '8:5 mandates[0].deadline: must be an RFC 3339 time with a zone, as 2026-07-10T23:59:00-07:00 (found "10 July")',
      ],
      [
        'an end in words',
        withMandate({ until: '10 July' }),
        '10:5 mandates[0].until: must be an RFC 3339 time with a zone, as 2026-07-10T23:59:00-07:00 (found "10 July")',
      ],
      [
        'an end before the deadline',
        withMandate({ until: '2026-07-10T00:00:00Z' }),
        '10:5 mandates[0].until: is not after the deadline, so nobody would ever be blocked; give a later end',
      ],
      [
        'an end on the 31st of June',
        withMandate({ until: '2026-06-31T00:00:00Z' }),
        '10:5 mandates[0].until: there is no such time as 2026-06-31T00:00:00Z',
      ],
      [
        'a stage without a zone',
        withMandate({ stages: '[{ percent: 10, from: 2026-07-12T00:00:00 }]' }),
        '10:29 mandates[0].stages[0].from: must be an RFC 3339 time with a zone, as 2026-07-10T23:59:00-07:00 (found "2026-07-12T00:00:00")',
      ],
      [
        'a stage at a time that is none',
        withMandate({ stages: '[{ percent: 10, from: 2026-07-32T00:00:00Z }]' }),
        '10:29 mandates[0].stages[0].from: there is no such time as 2026-07-32T00:00:00Z',
      ],
      [
        'a stage of more than all devices',
        withMandate({ stages: '[{ percent: 110, from: 2026-07-12T00:00:00Z }]' }),
        '10:16 mandates[0].stages[0].percent: must be <= 100 (found 110)',
      ],
      [
        'a stage of no device',
        withMandate({ stages: '[{ percent: 0, from: 2026-07-12T00:00:00Z }]' }),
        '10:16 mandates[0].stages[0].percent: must be > 0 (found 0)',
      ],
      [
        'a share that shrinks',
        withMandate({
          stages:
            '[{ percent: 50, from: 2026-07-12T00:00:00Z }, { percent: 10, from: 2026-07-13T00:00:00Z }]',
        }),
        '10:61 mandates[0].stages[1].percent: is not more than the 50 of a stage before; a share can only grow',
      ],
      [
        'stages that are not in their order',
        withMandate({
          stages:
            '[{ percent: 10, from: 2026-07-13T00:00:00Z }, { percent: 50, from: 2026-07-12T00:00:00Z }]',
        }),
        '10:74 mandates[0].stages[1].from: is not later than the stage before; give the stages in their order',
      ],
      [
        'a stage before the deadline',
        withMandate({ stages: '[{ percent: 10, from: 2026-07-09T00:00:00Z }]' }),
        '10:29 mandates[0].stages[0].from: is before the deadline, which people are told; begin the first stage with the deadline',
      ],
      [
        'a stage that the end comes before',
        withMandate({
          until: '2026-07-12T00:00:00Z',
          stages: '[{ percent: 10, from: 2026-07-12T00:00:00Z }]',
        }),
        '11:29 mandates[0].stages[0].from: is not before until; the stage would never begin',
      ],
      [
        'a stage of neither kind, and one of both',
        withMandate(
          {
            stages:
              '[{ from: 2026-07-12T00:00:00Z }, { percent: 5, groups: [pilot], from: 2026-07-13T00:00:00Z }]',
          },
          'groups: { pilot: [d-1] }\n',
        ),
        '10:14 mandates[0].stages[0]: must have one of percent and groups',
        '10:46 mandates[0].stages[1]: must have one of percent and groups',
      ],
      [
        'no stages at all',
        withMandate({ stages: '[]' }),
        '10:5 mandates[0].stages: must NOT have fewer than 1 items (found [])',
      ],
      [
        'a group that there is not',
        withMandate({ groups: '[pilot, plot]' }, 'groups: { pilot: [d-1], it: [d-2] }\n'),
        '10:21 mandates[0].groups[1]: there is no group "plot"; in groups: pilot, it',
      ],
      [
        'a stage for a group that there is not',
        withMandate({ stages: '[{ groups: [pilot], from: 2026-07-12T00:00:00Z }]' }),
        '10:25 mandates[0].stages[0].groups[0]: there is no group "pilot"; in groups: none',
      ],
      [
        'a group whose name is none',
        'mode: off\ngroups: { "the pilot": [d-1] }',
        '2:11 groups.the pilot: must be 1 to 64 of the characters A-Z a-z 0-9 . _ -, the first a letter or digit (found "the pilot")',
      ],
      [
        'a group of nobody',
        'mode: off\ngroups: { pilot: [] }',
        '2:11 groups.pilot: must NOT have fewer than 1 items (found [])',
      ],
      [
        'one id for two mandates',
        `mode: off\nmandates:\n${['a', 'b', 'a'].map((id) => `  - { id: ${id}, finding: "app:f", platforms: [ios], deadline: 2026-07-10T00:00:00Z, message: m }\n`).join('')}`,
        '5:7 mandates[2].id: "a" is already the id of mandates[0]; give each its own',
      ],
      [
        'a test that expects what is no action',
        'mode: off\ntests:\n  - { device: { platform: ios }, at: 2026-07-10T00:00:00Z, expect: unavailable }',
        '3:60 tests[0].expect: must be one of allow, warn, block (found "unavailable")',
      ],
      [
        'a test at no such time',
        'mode: off\ntests:\n  - { device: { platform: ios }, at: 2026-06-31T00:00:00Z, expect: allow }',
        '3:34 tests[0].at: there is no such time as 2026-06-31T00:00:00Z',
      ],
    ]
    for (const [title, text, ...problems] of mistakes) {
      it(title, () => assert.deepEqual(problemsOf(text), problems))
    }
  })

  describe('times', () => {
    const times: readonly (readonly [text: string, moment: string])[] = [
      ['2026-07-10T23:59:00-07:00', '2026-07-11T06:59:00.000Z'],
      ['2026-07-10T23:59-07:00', '2026-07-11T06:59:00.000Z'],
      ['2026-07-10T23:59:00.5Z', '2026-07-10T23:59:00.500Z'],
      ['"2026-07-10T23:59:00Z"', '2026-07-10T23:59:00.000Z'],
      ['2026-07-10T24:00:00Z', '2026-07-11T00:00:00.000Z'],
      ['2028-02-29T00:00:00Z', '2028-02-29T00:00:00.000Z'],
    ]
    for (const [text, moment] of times) {
      it(`${text} is ${moment}`, () => {
        const parsed = parsePolicy(withMandate({ warn_from: undefined, deadline: text }), { file: FILE })
        assert.ok(parsed.ok)
        assert.equal(new Date(parsed.policy.mandates[0]?.deadline ?? NaN).toISOString(), moment)
      })
    }
    it('without warn_from nobody is warned before the deadline', () => {
      const parsed = parsePolicy(withMandate({ warn_from: undefined }), { file: FILE })
      assert.ok(parsed.ok)
      const [mandate] = parsed.policy.mandates
      assert.equal(mandate?.warnFrom, mandate?.deadline)
    })
  })

  describe('its own tests run before it may take effect', () => {
    const test = (expect: string, at = '2026-07-11T09:00:00-07:00', findings = '["app:x"]'): string =>
      `  - { device: { platform: ios, findings: ${findings} }, at: ${at}, expect: ${expect} }\n`

    it('cases that hold', () => {
      const cases = [
        test('block'),
        test('warn', '2026-07-07T00:00:00Z'),
        test('allow', '2026-07-05T00:00:00Z'),
        test('allow', undefined, '[]'),
      ]
      assert.deepEqual(problemsOf(withMandate({}, `tests:\n${cases.join('')}`)), [])
    })
    it('a case that does not hold is told, and what came out instead', () => {
      assert.deepEqual(problemsOf(withMandate({}, `tests:\n${test('block')}${test('warn')}`)), [
        '12:5 tests[1]: this test expects warn, the policy gives block (mandate_deadline); mend one of them',
      ])
    })
    it('they hold in mode off and monitor too, since they are decided as if enforced', () => {
      for (const mode of ['off', 'monitor'])
        assert.deepEqual(problemsOf(withMandate({}, `tests:\n${test('block')}`).replace('enforce', mode)), [])
    })
    it('they see the state of a device, which is compliant where they say nothing', () => {
      const text = (state: string, expect: string): string =>
        `mode: off\ntests:\n  - { device: { platform: macos${state} }, at: 2026-07-11T00:00:00Z, expect: ${expect} }\n`
      assert.deepEqual(problemsOf(text(', state: noncompliant', 'block')), [])
      assert.deepEqual(problemsOf(text(', state: grace', 'warn')), [])
      assert.deepEqual(problemsOf(text('', 'allow')), [])
    })
  })

  describe('the ladder of a mandate', () => {
    const mandateOf = (lines: Readonly<Record<string, string>>, rest = '') => {
      const parsed = parsePolicy(withMandate(lines, rest), { file: FILE })
      assert.ok(parsed.ok)
      return parsed.policy.mandates[0]
    }
    it('is read with its times', () => {
      assert.deepEqual(
        mandateOf(
          {
            groups: '[pilot]',
            mode: 'silent',
            stages:
              '[{ groups: [pilot], from: 2026-07-10T23:59:00-07:00 }, { percent: 0.5, from: 2026-07-12T00:00:00Z }]',
            until: '2027-01-01T00:00:00Z',
            author: 'Ann',
            reason: 'an order',
            ticket: 'SEC-1',
            created: '2026-07-01T00:00:00Z',
            changed: '2026-07-02T00:00:00Z',
          },
          'groups: { pilot: [anna@example.com, d-1] }\n',
        ),
        {
          id: 'm',
          finding: 'app:x',
          platforms: ['ios'],
          groups: ['pilot'],
          mode: 'silent',
          warnFrom: Date.parse('2026-07-06T07:00:00Z'),
          deadline: Date.parse('2026-07-11T06:59:00Z'),
          stages: [
            { from: Date.parse('2026-07-11T06:59:00Z'), groups: ['pilot'] },
            { from: Date.parse('2026-07-12T00:00:00Z'), percent: 0.5 },
          ],
          until: Date.parse('2027-01-01T00:00:00Z'),
          message: 'Remove it',
          author: 'Ann',
          reason: 'an order',
          ticket: 'SEC-1',
          created: Date.parse('2026-07-01T00:00:00Z'),
          changed: Date.parse('2026-07-02T00:00:00Z'),
        },
      )
    })
    it('is short where it is not used', () => {
      assert.deepEqual(Object.keys(mandateOf({}) ?? {}), [
        'id',
        'finding',
        'platforms',
        'warnFrom',
        'deadline',
        'message',
      ])
    })
    it('knows an owner of a group in any spelling', () => {
      const test = (expect: string): string =>
        `groups: { pilot: ["Anna@Example.COM"] }\ntests:\n  - { device: { platform: ios, findings: ["app:x"], owners: [anna@example.com] }, at: 2026-07-11T09:00:00-07:00, expect: ${expect} }\n`
      assert.deepEqual(problemsOf(withMandate({ groups: '[pilot]' }, test('block'))), [])
    })
    it('may take 1,000 mandates and not 10,000', () => {
      const text = (count: number): string =>
        `mode: off\nmandates:\n${Array.from({ length: count }, (_, i) => `  - { id: m${i}, finding: app:f, platforms: [ios], deadline: 2026-07-10T00:00:00Z, message: m }\n`).join('')}`
      assert.deepEqual(problemsOf(text(1000)), [])
      assert.match(problemsOf(text(10_000)).join(), /^2:1 mandates: must NOT have more than 1000 items/)
    })
  })

  it('one anchor may serve every mandate', () => {
    const mandates = Array.from(
      { length: 60 },
      (_, i) =>
        `  - { id: m${i}, finding: "app:f", platforms: *phones, deadline: 2026-07-10T00:00:00Z, message: m }\n`,
    )
    const first =
      '  - { id: m, finding: "app:f", platforms: &phones [ios, android], deadline: 2026-07-10T00:00:00Z, message: m }\n'
    const parsed = parsePolicy(`mode: off\nmandates:\n${first}${mandates.join('')}`, { file: FILE })
    assert.ok(parsed.ok)
    assert.deepEqual(parsed.policy.mandates[60]?.platforms, ['ios', 'android'])
  })
  it('a mistake behind an alias is told where it was written', () => {
    const mandate = (id: string, platforms: string): string =>
      `  - { id: ${id}, platforms: ${platforms}, finding: "app:f", deadline: 2026-07-10T00:00:00Z, message: m }\n`
    const told = 'must be one of ios, android, windows, macos, linux, chromeos, other (found "blackberry")'
    assert.deepEqual(
      problemsOf(`mode: off\nmandates:\n${mandate('a', '&phones [blackberry]')}${mandate('b', '*phones')}`),
      [`3:34 mandates[0].platforms[0]: ${told}`, `3:34 mandates[1].platforms[0]: ${told}`],
    )
  })
})
