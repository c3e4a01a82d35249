import { decide } from './decide'
import type { Judgement } from './decision'
import type { Policy, PolicyTest } from './policy'
import type { Action, Reason } from './vocabulary'

export interface PolicyTestFailure {
  /** The place in `policy.tests`, from 0. */
  readonly index: number
  readonly expected: Action
  readonly got: Action
  readonly reason: Reason
}

/** Runs a policy's own cases, each with fresh evidence and as if enforced; empty when all hold. */
export const runPolicyTests = (policy: Policy): PolicyTestFailure[] =>
  policy.tests.flatMap((test, index) => {
    const { outcome: got, reason } = decideTest(policy, test)
    return got === test.expect ? [] : [{ index, expected: test.expect, got, reason }]
  })

const decideTest = (policy: Policy, test: PolicyTest): Judgement =>
  decide(
    {
      subject: {
        user: 'test',
        claim: { deviceId: 'test', proof: 'tag' },
        platformHint: null,
        exemptNetwork: false,
      },
      active: { version: 0, policy, modeOverride: 'enforce' },
      host: { enforcement: 'policy', unidentified: 'block' },
      devices: [{ id: 'test', owners: [], evidenceAt: test.at, source: 'test', version: 0, ...test.device }],
      overrides: [],
      leaseValid: true,
    },
    test.at,
  )
