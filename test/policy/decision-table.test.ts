import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'

import { renderDecisionsDoc } from '../../scripts/write-decisions-doc'
import { REASONS } from '../../src/policy/vocabulary'
import { DECISION_TABLE, FAULTS, type Case } from './decision-table'
import { decideSituation, POLICY, POLICY_VERSION } from './situation'

const STEPS = [...DECISION_TABLE, FAULTS]

/** A person is told a text exactly when there is something to tell, and then also whom to ask. */
const fullText = ({ text, reason }: Case['then']): string =>
  text === undefined ? '' : reason === 'fault_closed' ? text : `${text} ${POLICY.contact}`

describe('the decision table', () => {
  for (const [index, { title, cases }] of STEPS.entries()) {
    describe(`${index + 1}. ${title}`, () => {
      for (const { situation, given, then } of cases) {
        it(situation, () => {
          const decision = decideSituation(given)
          const { outcome, reason, enforced, rule, text, policyVersion } = decision
          assert.deepEqual(
            { outcome, reason, enforced, rule, text, policyVersion },
            {
              outcome: then.outcome,
              reason: then.reason,
              enforced: then.enforced ?? true,
              rule: then.rule ?? null,
              text: fullText(then),
              policyVersion: POLICY_VERSION,
            },
          )
          if (then.until !== undefined) {
            assert.equal(new Date(decision.validUntil).toISOString(), new Date(then.until).toISOString())
          }
        })
      }
    })
  }

  it('has ten steps', () => {
    assert.equal(DECISION_TABLE.length, 10)
  })

  it('tells each situation once', () => {
    const situations = STEPS.flatMap(({ title, cases }) =>
      cases.map(({ situation }) => `${title}: ${situation}`),
    )
    assert.deepEqual(situations, [...new Set(situations)])
  })

  it('reaches every reason', () => {
    const seen = new Set(STEPS.flatMap(({ cases }) => cases.map(({ then }) => then.reason)))
    assert.deepEqual([...seen].sort(), [...REASONS].sort())
  })

  it('is what docs/decisions.md shows; `npm run docs:decisions` writes it anew', () => {
    const file = path.join(__dirname, '../../docs/decisions.md')
    assert.equal(fs.readFileSync(file, 'utf8'), renderDecisionsDoc())
  })
})
