import assert from 'node:assert/strict'
import fc from 'fast-check'

import { decide, faultDecision } from '../../src/policy/decide'
import { effectOf, type Decision, type DecisionRequest } from '../../src/policy/decision'
import {
  ACTIONS,
  FAIL_MODES,
  MODES,
  OUTCOMES,
  REASONS,
  type Mode,
  type Outcome,
} from '../../src/policy/vocabulary'
import { FINDINGS, moments, requests, subjects } from './arbitraries'
import { loosenings } from './loosening'

const NUM_RUNS = 2000
const severity = (outcome: Outcome): number => OUTCOMES.indexOf(outcome)

/** What is done to a person comes before what is only noted of them. */
const weight = (decision: Decision): number =>
  severity(effectOf(decision)) * OUTCOMES.length + severity(decision.outcome)

const inMode = (request: DecisionRequest, mode: Mode): DecisionRequest => ({
  ...request,
  active: { ...request.active, modeOverride: mode },
  host: { ...request.host, enforcement: 'policy' },
})

const FAR_FUTURE = Date.UTC(2100, 0, 1)

/** The moments a request names: only at one of these may time change the answer. */
const momentsIn = ({ active: { policy }, devices, overrides, attestations }: DecisionRequest): number[] => [
  ...policy.mandates.flatMap(({ warnFrom, deadline, stages = [], until = Infinity }) => [
    warnFrom,
    deadline,
    ...stages.map(({ from }) => from),
    until,
  ]),
  ...devices.map(({ evidenceAt }) => evidenceAt + policy.stale.afterMs),
  ...overrides.flatMap(({ expiresAt }) => expiresAt ?? []),
  ...attestations.flatMap(({ stated }) => stated?.expiresAt ?? []),
]

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) Object.values(Object.freeze(value)).forEach(deepFreeze)
  return value
}

/** One line that neither protocol can take for anything but text. */
function assertSafeText({ text }: Decision): void {
  assert.match(text, /^[\x20-\x7e]{0,440}$/)
  assert.doesNotMatch(text, /[[\]{}]/)
  assert.equal(text, text.trim())
}

describe('decide, whatever the request', () => {
  it('is total and deterministic, and leaves the request as it was', () => {
    fc.assert(
      fc.property(requests, moments, (request, now) => {
        const decision = decide(deepFreeze(request), now)
        assert.ok(ACTIONS.includes(decision.outcome))
        assert.ok(REASONS.includes(decision.reason))
        assert.ok(decision.validUntil > now)
        assert.deepEqual(decide(request, now), decision)
      }),
      { numRuns: NUM_RUNS },
    )
  })

  it('refuses and warns nobody in mode off', () => {
    fc.assert(
      fc.property(requests, moments, (request, now) => {
        const decision = decide(inMode(request, 'off'), now)
        assert.deepEqual([decision.outcome, decision.reason, decision.text], ['allow', 'mode_off', ''])
        assert.equal(effectOf(decision), 'allow')
      }),
      { numRuns: NUM_RUNS },
    )
  })

  it('decides the same in monitor as in enforce, and serves it as in off', () => {
    fc.assert(
      fc.property(requests, moments, (request, now) => {
        const monitored = decide(inMode(request, 'monitor'), now)
        const { enforced, ...rest } = decide(inMode(request, 'enforce'), now)
        assert.deepEqual(monitored, { ...rest, enforced: false })
        // Only a silent mandate is not enforced there.
        const { mandates } = request.active.policy
        const silent = mandates.some(({ id, mode }) => id === rest.rule && mode === 'silent')
        assert.equal(enforced, !silent)
        assert.equal(effectOf(monitored), effectOf(decide(inMode(request, 'off'), now)))
      }),
      { numRuns: NUM_RUNS },
    )
  })

  it('treats nobody worse after a loosening', () => {
    fc.assert(
      fc.property(requests, loosenings, moments, (request, { loosen }, now) => {
        const before = effectOf(decide(request, now))
        const after = effectOf(decide(loosen(request), now))
        assert.ok(severity(after) <= severity(before), `from ${before} to ${after}`)
      }),
      { numRuns: 5 * NUM_RUNS },
    )
  })

  it('treats what cannot be seen as unknown: no worse than what was seen, and as absent where unknown is allowed', () => {
    const having = (request: DecisionRequest, findings: readonly string[]): DecisionRequest => ({
      ...request,
      devices: request.devices.map((device) => ({ ...device, findings })),
    })
    fc.assert(
      fc.property(requests, moments, (request, now) => {
        const unseen = decide(having(request, ['unseen:app']), now)
        const seen = decide(having(request, FINDINGS), now)
        assert.ok(weight(unseen) <= weight(seen), `${unseen.outcome} where ${seen.outcome} was seen`)
        const { policy } = request.active
        const allowing = {
          ...request,
          active: { ...request.active, policy: { ...policy, unknown: 'allow' } },
        } as const
        assert.deepEqual(
          decide(having(allowing, ['unseen:app']), now),
          decide(having(allowing, ['unseen:os']), now),
        )
      }),
      { numRuns: 2 * NUM_RUNS },
    )
  })

  it('lets a statement do nothing for a device of which nothing is unseen', () => {
    fc.assert(
      fc.property(requests, moments, (drawn, now) => {
        const devices = drawn.devices.map((device) => ({
          ...device,
          findings: device.findings.filter((finding) => !finding.startsWith('unseen:')),
        }))
        fc.pre(devices.length > 0)
        // With a hint that none of them fits, there is none to decide by.
        const request = { ...drawn, devices, subject: { ...drawn.subject, platformHint: null } }
        assert.deepEqual(decide(request, now), decide({ ...request, attestations: [] }, now))
      }),
      { numRuns: 2 * NUM_RUNS },
    )
  })

  it('lets a statement never hide what is seen', () => {
    fc.assert(
      fc.property(requests, moments, (drawn, now) => {
        const devices = drawn.devices.map((device) => ({ ...device, findings: ['unseen:app', ...FINDINGS] }))
        fc.pre(devices.length > 0)
        const request = { ...drawn, devices, subject: { ...drawn.subject, platformHint: null } }
        assert.deepEqual(decide(request, now), decide({ ...request, attestations: [] }, now))
      }),
      { numRuns: NUM_RUNS },
    )
  })

  it('lets a statement of one user or device do nothing for another', () => {
    fc.assert(
      fc.property(requests, moments, (request, now) => {
        const { user, claim } = request.subject
        const others = request.attestations.map((one) =>
          claim ? { ...one, deviceId: 'd-9' } : { ...one, user: `x${user}` },
        )
        assert.deepEqual(
          decide({ ...request, attestations: others }, now),
          decide({ ...request, attestations: [] }, now),
        )
      }),
      { numRuns: NUM_RUNS },
    )
  })

  it('changes with time at validUntil and at no moment before', () => {
    fc.assert(
      fc.property(requests, moments, moments, (request, now, later) => {
        const decision = decide(request, now)
        const last = Math.min(decision.validUntil - 1, FAR_FUTURE)
        for (const moment of [later, last])
          if (moment >= now && moment <= last) assert.deepEqual(decide(request, moment), decision)
        assert.ok([Infinity, ...momentsIn(request)].includes(decision.validUntil))
      }),
      { numRuns: 5 * NUM_RUNS },
    )
  })

  it('gives an owner the worst of what the devices would get if they proved themselves', () => {
    fc.assert(
      fc.property(requests, moments, (drawn, now) => {
        const request = inMode(
          {
            ...drawn,
            subject: { ...drawn.subject, claim: null, platformHint: null },
            host: { ...drawn.host, unidentified: 'owner' },
          },
          'enforce',
        )
        const each = request.devices.map(({ id: deviceId }) =>
          decide({ ...request, subject: { ...request.subject, claim: { deviceId, proof: 'tag' } } }, now),
        )
        fc.pre(each.length > 0)
        assert.equal(weight(decide(request, now)), Math.max(...each.map(weight)))
      }),
      { numRuns: NUM_RUNS },
    )
  })

  it('has a text exactly for what is not an allow, safe to put into a reply of either protocol', () => {
    fc.assert(
      fc.property(requests, moments, (request, now) => {
        const decision = decide(request, now)
        assertSafeText(decision)
        assert.equal(decision.text === '', decision.outcome === 'allow')
      }),
      { numRuns: NUM_RUNS },
    )
  })
})

describe('the decision on a fault', () => {
  it('is a temporary refusal or a pass with its own reason, and in modes off and monitor refuses nobody', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...FAIL_MODES),
        fc.constantFrom(...MODES),
        subjects,
        (failMode, mode, subject) => {
          const decision = faultDecision(failMode, mode, subject, 3)
          assertSafeText(decision)
          assert.equal(decision.reason, `fault_${failMode}`)
          assert.equal(decision.outcome, failMode === 'closed' ? 'unavailable' : 'allow')
          assert.equal(effectOf(decision), mode === 'enforce' ? decision.outcome : 'allow')
        },
      ),
    )
  })
})
