import assert from 'node:assert/strict'
import fc from 'fast-check'

import { decide } from '../../src/policy/decide'
import { explain, STEP_NAMES, type Step } from '../../src/policy/explain'
import { moments, requests } from './arbitraries'

const NUM_RUNS = 10_000

const deciding = (steps: readonly Step[]): Step => {
  const [step, ...others] = steps.filter(({ result }) => result === 'decided')
  assert.ok(step)
  assert.deepEqual(others, [])
  return step
}

describe('the explanation of a decision, whatever the request', () => {
  it('has one step that decides, and it says what decide says', () => {
    fc.assert(
      fc.property(requests, moments, (request, now) => {
        const { outcome, reason, rule } = decide(request, now)
        const { effect } = deciding(explain(request, now))
        assert.deepEqual([effect?.action, effect?.reason, effect?.rule], [outcome, reason, rule])
      }),
      { numRuns: NUM_RUNS },
    )
  })

  it('tells what each step saw up to where it was decided, and nothing of those not reached', () => {
    fc.assert(
      fc.property(requests, moments, (request, now) => {
        const steps = explain(request, now)
        assert.deepEqual(
          steps.map(({ step, name }) => [step, name]),
          STEP_NAMES.map((name, place) => [place + 1, name]),
        )
        const decided = deciding(steps).step
        // Of steps 7 to 9 each is heard, since the worst decides.
        const last = decided >= 7 && decided < 10 ? 9 : decided
        for (const { step, result, saw } of steps) {
          assert.equal(result === 'not reached', step > last)
          assert.equal(saw === '', step > last)
        }
      }),
      { numRuns: NUM_RUNS },
    )
  })
})
