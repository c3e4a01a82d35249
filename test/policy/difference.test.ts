import assert from 'node:assert/strict'

import { policyDifference } from '../../src/policy/difference'
import type { Mandate, Policy } from '../../src/policy/policy'
import { durationWords, momentWords, platformWords } from '../../src/policy/words'
import { FRIDAY_MANDATE, POLICY } from './situation'

const PACIFIC = -420
const NONE: Policy = { ...POLICY, mandates: [] }
const ordered = (change: Partial<Mandate> = {}): Policy => ({
  ...POLICY,
  mandates: [{ ...FRIDAY_MANDATE, ...change }],
})
const { deadline, warnFrom } = FRIDAY_MANDATE
const DAY_MS = 86_400_000

const PHONES = 'phones (ios, android) with the app com.zhiliaoapp.musically'
const WARNED = `From 6 July 2020 00:00 (UTC-7) ${PHONES} are warned`
const FRIDAY = `${WARNED}, from 10 July 2020 23:59 (UTC-7) they are blocked; laptops are not.`
const SATURDAY = FRIDAY.replace('10 July', '11 July')

const CASES: readonly (readonly [what: string, before: Policy, after: Policy, ...changes: string[]])[] = [
  ['nothing', POLICY, POLICY],
  ['a new mandate', NONE, POLICY, `tiktok-2020-07 is new. ${FRIDAY}`],
  [
    'a new mandate without a warning',
    NONE,
    ordered({ warnFrom: deadline }),
    `tiktok-2020-07 is new. From 10 July 2020 23:59 (UTC-7) ${PHONES} are blocked; laptops are not.`,
  ],
  [
    'a new silent mandate',
    NONE,
    ordered({ mode: 'silent' }),
    `tiktok-2020-07 is new. It is silent: nobody notices it, the block log notes what would happen: f${FRIDAY.slice(1)}`,
  ],
  [
    'a new mandate that only warns',
    NONE,
    ordered({ mode: 'warn' }),
    `tiktok-2020-07 is new. ${WARNED}, from 10 July 2020 23:59 (UTC-7) they are still only warned; laptops are not.`,
  ],
  [
    'a new mandate for laptops, with an end',
    NONE,
    ordered({ platforms: ['windows', 'macos'], finding: 'os:outdated', until: deadline + DAY_MS }),
    'tiktok-2020-07 is new. From 6 July 2020 00:00 (UTC-7) windows, macos laptops with the finding os:outdated are warned, from 10 July 2020 23:59 (UTC-7) they are blocked, until 11 July 2020 23:59 (UTC-7); phones are not.',
  ],
  [
    'a mandate that is taken out',
    POLICY,
    NONE,
    `tiktok-2020-07 is taken out: ${PHONES} are no longer warned or blocked for it.`,
  ],
  [
    'a deadline that moves',
    POLICY,
    ordered({ deadline: deadline + DAY_MS }),
    `tiktok-2020-07: the deadline moves to 11 July 2020 23:59 (UTC-7), 1 day later. So: ${SATURDAY}`,
  ],
  [
    'a warning that moves',
    POLICY,
    ordered({ warnFrom: warnFrom - 2 * DAY_MS }),
    `tiktok-2020-07: the warning moves to 4 July 2020 00:00 (UTC-7), 2 days earlier. So: ${FRIDAY.replace('6 July', '4 July')}`,
  ],
  [
    'a step up the ladder',
    ordered({ mode: 'warn' }),
    POLICY,
    `tiktok-2020-07: its mode is block (before: warn). So: ${FRIDAY}`,
  ],
  [
    'stages',
    POLICY,
    ordered({
      stages: [
        { groups: ['pilot'], from: deadline },
        { percent: 10, from: deadline + DAY_MS },
      ],
    }),
    `tiktok-2020-07: its stages are the group pilot from 10 July 2020 23:59 (UTC-7), then 10 % from 11 July 2020 23:59 (UTC-7) (before: none). So: ${WARNED}, they are blocked in stages (the group pilot from 10 July 2020 23:59 (UTC-7), then 10 % from 11 July 2020 23:59 (UTC-7)), the others are only warned; laptops are not.`,
  ],
  [
    'other platforms and groups',
    POLICY,
    ordered({ platforms: ['ios'], groups: ['pilot', 'it'] }),
    'tiktok-2020-07: it is about ios phones (before: phones (ios, android)); it is for the groups pilot, it (before: everybody). So: From 6 July 2020 00:00 (UTC-7) ios phones of the groups pilot, it with the app com.zhiliaoapp.musically are warned, from 10 July 2020 23:59 (UTC-7) they are blocked; laptops are not.',
  ],
  [
    'what decides nothing',
    POLICY,
    ordered({ message: 'Away with it', ticket: 'SEC-1' }),
    'tiktok-2020-07: it tells people "Away with it" (before: "Remove TikTok from this phone to go on using company email"); its ticket is "SEC-1" (before: none).',
  ],
  [
    'the mode',
    POLICY,
    { ...POLICY, mode: 'monitor' },
    'The mode: monitor (everything is decided and noted, nobody is refused) (before: enforce (blocks are refused)).',
  ],
  [
    'what states get',
    POLICY,
    { ...POLICY, unknown: 'block', noncompliant: 'warn', grace: 'allow' },
    'What happens to devices that nobody reported, or that cannot be seen for a mandate: blocked (before: let in).',
    'What happens to noncompliant devices: warned (before: blocked).',
    'What happens to devices in grace: let in (before: warned).',
  ],
  [
    'old reports',
    POLICY,
    { ...POLICY, stale: { afterMs: 12 * 3_600_000, action: 'block' } },
    'How old a report may be: 12 hours (before: 7 days).',
    'What happens to devices with an older report: blocked (before: warned).',
  ],
  [
    'the guard, the contact, the tests',
    POLICY,
    {
      ...POLICY,
      maxNewBlocks: { percent: 1, count: 1, approval: 'second' },
      contact: '',
      tests: [{ device: { platform: 'ios', findings: [], state: 'grace' }, at: 0, expect: 'warn' }],
    },
    'How many devices a change may newly block without a confirmation: 1 device or 1 % (before: 50 devices or 5 %).',
    'What a change that blocks more needs: a second person (before: the figure, given back).',
    'Whom refused people are told to ask: nobody (before: "Help desk: +1 555 0100").',
    "The policy's own tests change: 0 cases before, 1 case after.",
  ],
  [
    'groups',
    { ...POLICY, groups: { pilot: ['a', 'b'], it: ['c'] } },
    { ...POLICY, groups: { pilot: ['b', 'd', 'e'], new: ['f'] } },
    'The group pilot: 2 members added, 1 member taken out, 3 in all.',
    'The group it: 1 member taken out, 0 in all.',
    'The group new: 1 member added, 1 in all.',
  ],
]

describe('the difference between two policies, in words', () => {
  for (const [what, before, after, ...changes] of CASES)
    it(what, () =>
      assert.deepEqual(
        policyDifference(before, after, PACIFIC).map(({ change }) => change),
        changes,
      ),
    )

  it('names the key or the mandate', () => {
    const after: Policy = { ...ordered({ mode: 'warn' }), mode: 'off', groups: { pilot: ['a'] } }
    assert.deepEqual(
      policyDifference(POLICY, after, 0).map(({ what }) => what),
      ['mode', 'groups.pilot', 'mandates.tiktok-2020-07'],
    )
  })

  const moments: readonly (readonly [moment: string, zone: number, words: string])[] = [
    ['2020-07-11T06:59:00Z', -420, '10 July 2020 23:59 (UTC-7)'],
    ['2020-07-11T06:59:00Z', 0, '11 July 2020 06:59 (UTC)'],
    ['2020-12-31T20:00:00Z', 330, '1 January 2021 01:30 (UTC+5:30)'],
    ['2020-07-11T06:59:30Z', -210, '11 July 2020 03:29:30 (UTC-3:30)'],
  ]
  for (const [moment, zone, words] of moments)
    it(`${moment} is ${words}`, () => assert.equal(momentWords(Date.parse(moment), zone), words))

  it('durations and platforms', () => {
    assert.deepEqual([90_000, 3_600_000, DAY_MS, 1000].map(durationWords), [
      '90 seconds',
      '1 hour',
      '1 day',
      '1 second',
    ])
    assert.equal(platformWords(['android', 'windows']), 'android, windows devices')
    assert.equal(
      platformWords(['ios', 'android', 'windows', 'macos', 'linux', 'chromeos', 'other']),
      'all devices',
    )
    assert.equal(
      platformWords(['windows', 'macos', 'linux', 'chromeos']),
      'laptops (windows, macos, linux, chromeos)',
    )
  })
})
