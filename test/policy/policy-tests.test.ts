import assert from 'node:assert/strict'

import type { Policy, PolicyTest } from '../../src/policy/policy'
import { runPolicyTests } from '../../src/policy/policy-tests'
import { MODES, type Action, type ComplianceState, type Platform } from '../../src/policy/vocabulary'
import { POLICY, TIKTOK } from './situation'

const test = (
  device: { platform?: Platform; state?: ComplianceState; findings?: string[] },
  expect: Action,
  at = '2020-07-11T09:00:00Z',
): PolicyTest => ({
  device: { platform: 'ios', state: 'compliant', findings: [], ...device },
  at: Date.parse(at),
  expect,
})

const failuresOf = (tests: PolicyTest[], change: Partial<Policy> = {}) =>
  runPolicyTests({ ...POLICY, ...change, tests })

describe("a policy's own tests", () => {
  it('hold where the policy gives what they expect', () => {
    assert.deepEqual(
      failuresOf([
        test({ findings: [TIKTOK] }, 'allow', '2020-07-05T09:00:00Z'),
        test({ findings: [TIKTOK] }, 'warn', '2020-07-08T09:00:00Z'),
        test({ findings: [TIKTOK] }, 'block'),
        test({ findings: [TIKTOK], platform: 'windows' }, 'allow'),
        test({ state: 'noncompliant' }, 'block'),
        test({ state: 'grace' }, 'warn'),
        test({ state: 'unknown' }, 'allow'),
      ]),
      [],
    )
  })

  it('fail with their place, what was expected, what came out and why', () => {
    assert.deepEqual(
      failuresOf([
        test({}, 'allow'),
        test({ findings: [TIKTOK] }, 'allow'),
        test({ state: 'grace' }, 'block'),
      ]),
      [
        { index: 1, expected: 'allow', got: 'block', reason: 'mandate_deadline' },
        { index: 2, expected: 'block', got: 'warn', reason: 'grace' },
      ],
    )
  })

  for (const mode of MODES) {
    it(`are about the rules, whatever the mode: ${mode}`, () => {
      assert.deepEqual(failuresOf([test({ state: 'noncompliant' }, 'block')], { mode }), [])
    })
  }

  it('see a device that has just reported, however short evidence lasts', () => {
    assert.deepEqual(failuresOf([test({}, 'allow')], { stale: { afterMs: 1, action: 'block' } }), [])
  })
})
