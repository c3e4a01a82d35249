import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'

import { formatProblem } from '../../src/config/config-problem'
import { parsePolicy } from '../../src/config/policy-file'
import { narrowing } from '../../src/orders/narrowed'
import { decide } from '../../src/policy/decide'
import type { Policy } from '../../src/policy/policy'
import type { Platform } from '../../src/policy/vocabulary'

const FILE = 'device_gate_policy.yaml'
const AT = Date.parse('2026-07-11T09:00:00Z')

const withMandates = (findings: readonly string[], rest = ''): string =>
  [
    'mode: enforce',
    rest,
    'mandates:',
    ...findings.map(
      (finding, n) =>
        `  - { id: m-${n}, finding: '${finding}', platforms: [ios, android], deadline: 2026-07-10T23:59:00Z, message: M }`,
    ),
  ].join('\n')

function policyOf(text: string): Policy {
  const parsed = parsePolicy(text, { file: FILE })
  assert.deepEqual(parsed.ok ? [] : parsed.problems.map(formatProblem), [])
  assert.ok(parsed.ok)
  return parsed.policy
}

/** The mandate that blocks a device with these findings after the deadline; null: none does. */
function ruleOn(policy: Policy, platform: Platform, findings: readonly string[]): string | null {
  const device = {
    id: 'd-1',
    owners: ['anna@example.com'],
    platform,
    state: 'compliant' as const,
    findings,
    evidenceAt: AT,
    source: 'mdm',
    version: 1,
  }
  const active = narrowing({ version: 1, policy, modeOverride: null })(device)
  const request = {
    subject: {
      user: 'anna@example.com',
      claim: { deviceId: 'd-1', proof: 'tag' as const },
      platformHint: null,
      exemptNetwork: false,
    },
    active,
    devices: [device],
    overrides: [],
    attestations: [],
    leaseValid: true,
    host: { enforcement: 'policy' as const, unidentified: 'owner' as const },
  }
  return decide(request, AT).rule
}

describe('a mandate that names an app', () => {
  const tiktok = policyOf(withMandates(['app:tiktok']))
  const cases: readonly [Platform, readonly string[], string | null][] = [
    ['ios', ['app:com.zhiliaoapp.musically'], 'm-0'],
    ['ios', ['app:com.ss.iphone.ugc.Ame'], 'm-0'],
    ['android', ['app:com.ss.android.ugc.trill'], 'm-0'],
    ['android', ['app:com.zhiliaoapp.musically', 'app:com.zhiliaoapp.musically.go'], 'm-0'],
    ['android', ['app:tiktok'], 'm-0'],
    ['windows', ['app:com.zhiliaoapp.musically'], null],
    ['ios', ['app:com.ss.iphone.ugc.Aweme'], null],
    ['ios', ['app:com.zhiliaoapp.musically.other'], null],
    ['ios', [], null],
  ]
  for (const [platform, findings, rule] of cases)
    it(`${rule ? 'blocks' : 'lets in'} ${platform} with ${findings.join(' and ') || 'no finding'}`, () => {
      assert.equal(ruleOn(tiktok, platform, findings), rule)
    })

  it('is one mandate for a device that has the app under two ids', () => {
    const two = ['app:com.zhiliaoapp.musically', 'app:com.zhiliaoapp.musically.go']
    const device = { findings: two } as never
    const { mandates } = narrowing({ version: 1, policy: tiktok, modeOverride: null })(device).policy
    assert.equal(mandates.length, 1)
  })

  it('goes by the ids that the site gives for the name, in place of those of the catalogue', () => {
    const own = policyOf(
      withMandates(
        ['app:tiktok', 'app:notes'],
        'apps: { tiktok: { ios: [a.b, Tik Tok] }, notes: { linux: [n] } }',
      ),
    )
    assert.equal(ruleOn(own, 'ios', ['app:a.b']), 'm-0')
    assert.equal(ruleOn(own, 'ios', ['app:Tik Tok']), 'm-0')
    assert.equal(ruleOn(own, 'ios', ['app:com.zhiliaoapp.musically']), null)
    assert.equal(ruleOn(own, 'android', ['app:n']), 'm-1')
  })

  it('leaves an id, and a name that only the site’s source knows, as they stand', () => {
    const { mandates } = policyOf(
      withMandates(['app:com.zhiliaoapp.musically', 'app:Acme Notes', 'site:tiktok']),
    )
    assert.deepEqual(
      mandates.map(({ appIds }) => appIds),
      [undefined, undefined, undefined],
    )
  })
})

describe('the catalogue of apps', () => {
  it('has names and ids of the form that a policy’s own apps must have', () => {
    const published = fs.readFileSync(path.resolve(__dirname, '../../config/device_gate_apps.yaml'), 'utf8')
    policyOf(`mode: off\n${published}`)
  })

  const bad: readonly [why: string, policy: string, problem: RegExp][] = [
    ['a mistyped name', withMandates(['app:tiktokk']), /mandates\[0\]\.finding.*did you mean "app:tiktok"\?/],
    ['a name with a dot', withMandates([], 'apps: { a.b: { ios: [c] } }'), /apps.*a name of a-z, 0-9 and -/],
    [
      'an id with app: before it',
      withMandates([], 'apps: { a: { ios: [app:c] } }'),
      /apps\.a\.ios\[0\].*without app:/,
    ],
    [
      'an id that ends with a space',
      withMandates([], "apps: { a: { ios: ['b '] } }"),
      /apps.*the id of an app/,
    ],
    ['an app without ids', withMandates([], 'apps: { a: {} }'), /apps\.a/],
    [
      'an unknown platform',
      withMandates([], 'apps: { a: { symbian: [c] } }'),
      /apps\.a\.symbian: unknown key/,
    ],
  ]
  for (const [why, policy, problem] of bad)
    it(`refuses ${why}`, () => {
      const parsed = parsePolicy(policy, { file: FILE })
      assert.ok(!parsed.ok)
      assert.match(parsed.problems.map(formatProblem).join('\n'), problem)
    })
})
