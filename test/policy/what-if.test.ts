import assert from 'node:assert/strict'

import type { DeviceRecord } from '../../src/policy/device'
import type { Override } from '../../src/policy/override'
import type { ActivePolicy, Policy } from '../../src/policy/policy'
import { ImpactCount, turningPoints } from '../../src/policy/what-if'

const NOW = Date.parse('2026-11-20T12:00:00Z')
const DAY_MS = 86_400_000
const BANNED = 'app:banned'

const POLICY: Policy = {
  mode: 'enforce',
  maxNewBlocks: { percent: 5, count: 50 },
  unknown: 'allow',
  stale: { afterMs: 30 * DAY_MS, action: 'warn' },
  noncompliant: 'block',
  grace: 'warn',
  contact: '',
  mandates: [],
  tests: [],
}
const MANDATED: Policy = {
  ...POLICY,
  mandates: [
    {
      id: 'banned',
      finding: BANNED,
      platforms: ['ios'],
      warnFrom: NOW - DAY_MS,
      deadline: NOW + DAY_MS,
      message: 'Remove it',
    },
  ],
}
const active = (policy: Policy, modeOverride: ActivePolicy['modeOverride'] = null): ActivePolicy => ({
  version: 1,
  policy,
  modeOverride,
})
const device = (id: string, change: Partial<DeviceRecord> = {}): DeviceRecord => ({
  id,
  owners: [`${id}@example.com`],
  platform: 'ios',
  state: 'compliant',
  findings: [BANNED],
  evidenceAt: NOW,
  source: 'mdm',
  version: 1,
  ...change,
})
const FLEET = [
  device('anna'),
  device('ben', { owners: ['ben@example.org'] }),
  device('carol', { platform: 'macos' }),
  device('dan', { findings: [] }),
  device('erin', { state: 'noncompliant', findings: [] }),
]
const exemption: Override = {
  kind: 'exemption',
  subject: { kind: 'user', id: 'anna@example.com' },
  author: 'ops',
  reason: 'travels',
  createdAt: NOW,
  expiresAt: NOW + 7 * DAY_MS,
}

const compare = (before: ActivePolicy, after: ActivePolicy, at: number, overrides: Override[] = []) => {
  const count = new ImpactCount({ before: { active: before, at }, after: { active: after, at } })
  const differences = FLEET.flatMap((one) => {
    const difference = count.add(one, { overrides, attestations: [] })
    return difference ? [`${difference.device.id}: ${difference.from} to ${difference.to}`] : []
  })
  return { differences, impact: count.impact }
}

describe('what a change of policy would do', () => {
  const cases: readonly [name: string, ActivePolicy, ActivePolicy, at: number, differences: string[]][] = [
    ['nothing, when nothing changes', active(MANDATED), active(MANDATED), NOW, []],
    [
      'a mandate warns before its deadline',
      active(POLICY),
      active(MANDATED),
      NOW,
      ['anna: allow to warn', 'ben: allow to warn'],
    ],
    [
      'a mandate blocks from its deadline on',
      active(POLICY),
      active(MANDATED),
      NOW + DAY_MS,
      ['anna: allow to block', 'ben: allow to block'],
    ],
    ['monitor mode refuses nobody', active(POLICY, 'monitor'), active(MANDATED, 'monitor'), NOW + DAY_MS, []],
    [
      'enforcing blocks what monitor mode only noted',
      active(POLICY, 'monitor'),
      active(POLICY),
      NOW,
      ['erin: allow to block'],
    ],
    [
      'an order taken back lets everybody in again',
      active(MANDATED),
      active(POLICY),
      NOW + DAY_MS,
      ['anna: block to allow', 'ben: block to allow'],
    ],
  ]
  for (const [name, before, after, at, differences] of cases) {
    it(name, () => assert.deepEqual(compare(before, after, at).differences, differences))
  }

  it('counts by platform, by what decides and by the owner’s domain', () => {
    const { impact } = compare(active(POLICY), active(MANDATED), NOW + DAY_MS)
    assert.equal(impact.devices, FLEET.length)
    assert.deepEqual([impact.blocked.count, impact.warned.count, impact.allowed.count], [2, 0, 0])
    assert.deepEqual([...impact.blocked.platforms], [['ios', 2]])
    assert.deepEqual([...impact.blocked.rules], [['banned', 2]])
    assert.deepEqual(
      [...impact.blocked.domains],
      [
        ['example.com', 1],
        ['example.org', 1],
      ],
    )
  })

  it('knows who is exempt', () => {
    const { differences } = compare(active(POLICY), active(MANDATED), NOW + DAY_MS, [exemption])
    assert.deepEqual(differences, ['ben: allow to block'])
  })

  it('counts apart whom a silent mandate would warn or block', () => {
    const silent: Policy = {
      ...MANDATED,
      mandates: MANDATED.mandates.map((mandate) => ({ ...mandate, mode: 'silent' })),
    }
    const { differences, impact } = compare(active(POLICY), active(silent), NOW + DAY_MS)
    assert.deepEqual(differences, [])
    assert.deepEqual([impact.blocked.count, impact.noted.count], [0, 2])
    assert.deepEqual([...impact.noted.rules], [['banned', 2]])
  })

  it('knows the moments that matter: deadlines, stages instead of them, ends', () => {
    const [mandate] = MANDATED.mandates
    assert.ok(mandate)
    const { deadline } = mandate
    const staged = {
      ...mandate,
      stages: [
        { percent: 10, from: deadline + 1 },
        { percent: 100, from: deadline + 2 },
      ],
    }
    const mandates = [mandate, staged, { ...mandate, until: deadline + 3 }]
    assert.deepEqual(turningPoints({ ...POLICY, mandates }), [
      deadline,
      deadline + 1,
      deadline + 2,
      deadline,
      deadline + 3,
    ])
  })
})
