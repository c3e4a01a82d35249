import { decide } from './decide'
import { effectOf, type Judgement } from './decision'
import type { Policy, PolicyTest } from './policy'
import type { Action, Outcome, Reason } from './vocabulary'

export interface PolicyTestResult {
  /** The place in `policy.tests`, from 0. */
  readonly index: number
  readonly expected: Action
  readonly got: Outcome
  readonly reason: Reason
}

/** What each of a policy's own cases comes to, with fresh evidence and as if enforced. */
export const policyTestResults = (policy: Policy): PolicyTestResult[] =>
  policy.tests.map((test, index) => {
    const decision = decideTest(policy, test)
    return { index, expected: test.expect, got: effectOf(decision), reason: decision.reason }
  })

/** Those that do not hold; empty when all do. */
export const runPolicyTests = (policy: Policy): PolicyTestResult[] =>
  policyTestResults(policy).filter(({ expected, got }) => expected !== got)

function decideTest(policy: Policy, test: PolicyTest): Judgement {
  const { id = 'test', owners = [] } = test.device
  const device = { ...test.device, id, owners, evidenceAt: test.at, source: 'test', version: 0 }
  const subject = {
    user: owners[0] ?? 'test',
    claim: { deviceId: id, proof: 'tag' },
    platformHint: null,
    exemptNetwork: false,
  } as const
  const active = { version: 0, policy, modeOverride: 'enforce' } as const
  const host = { enforcement: 'policy', unidentified: 'block' } as const
  return decide(
    { subject, active, host, devices: [device], overrides: [], attestations: [], leaseValid: true },
    test.at,
  )
}
