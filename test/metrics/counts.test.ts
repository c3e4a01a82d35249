import assert from 'node:assert/strict'
import fc from 'fast-check'

import { DECISION_SECONDS, METRICS, TIMED_ONE_IN, type MetricDefinition } from '../../src/metrics/catalogue'
import { Counts, SERIES } from '../../src/metrics/counts'
import { LOGIN_RESULTS, OUTCOMES_OF, PROXY_HEADER_PROBLEMS, UPSTREAM_PROBLEMS } from '../../src/metrics/words'
import { decide } from '../../src/policy/decide'
import { OUTCOMES, PROTOCOLS, REASONS } from '../../src/policy/vocabulary'
import { anyDecision } from '../gate/samples'
import { moments, requests } from '../policy/arbitraries'
import { DECISION_TABLE, FAULTS } from '../policy/decision-table'

/** The most series that one metric has on a host. */
const MAX_SERIES_A_METRIC = 300

describe('the counts of a process', () => {
  let counts: Counts
  beforeEach(() => {
    counts = new Counts()
  })

  const decisions = fc.record({
    protocol: fc.constantFrom(...PROTOCOLS),
    outcome: fc.constantFrom(...OUTCOMES),
    reason: fc.constantFrom(...REASONS),
    enforced: fc.boolean(),
  })

  it('have nothing at first', () => {
    assert.deepEqual(counts.counted(), {})
    assert.equal(counts.total, 0)
  })

  it('tell each decision apart by protocol, outcome, reason and whether it was enforced', () => {
    fc.assert(
      fc.property(fc.array(decisions), (list) => {
        const fresh = new Counts()
        const expected: Record<string, number> = {}
        const count = (name: string): unknown => (expected[name] = (expected[name] ?? 0) + 1)
        for (const { protocol, outcome, reason, enforced } of list) {
          fresh.decided(protocol, { ...anyDecision(), outcome, reason, enforced })
          count(`device_gate_decisions_total ${protocol} ${outcome} ${reason} ${enforced}`)
          if (reason === 'fault_open') count('device_gate_fail_open_total')
        }
        assert.deepEqual(fresh.counted(), expected)
      }),
    )
  })

  it('tell logins and upstream problems apart', () => {
    for (const result of LOGIN_RESULTS) counts.loggedIn(result)
    for (const problem of UPSTREAM_PROBLEMS) counts.upstreamFailed(problem)
    for (const problem of PROXY_HEADER_PROBLEMS) counts.proxyHeaderRefused(problem)
    const names = [
      ...LOGIN_RESULTS.map((result) => `device_gate_imap_logins_total ${result}`),
      ...UPSTREAM_PROBLEMS.map((kind) => `device_gate_upstream_errors_total ${kind}`),
      ...PROXY_HEADER_PROBLEMS.map((kind) => `device_gate_proxy_headers_refused_total ${kind}`),
    ]
    assert.deepEqual(counts.counted(), Object.fromEntries(names.map((name) => [name, 1])))
  })

  it('grow in total with whatever is counted', () => {
    const steps = [
      () => counts.decided('imap', anyDecision()),
      () => counts.lookUp(),
      () => counts.missed(),
      () => counts.took(1e-6),
      () => counts.loggedIn('accepted'),
      () => counts.upstreamFailed('tls'),
      () => (counts.journalLost = 7),
    ]
    for (const step of steps) {
      const { total } = counts
      step()
      const after = counts.total
      assert.ok(after > total)
      // To tell what was counted is nothing new.
      counts.counted()
      assert.equal(counts.total, after)
    }
  })

  it(`have one look-up in ${TIMED_ONE_IN} timed, and tell hits from misses`, () => {
    const timed: number[] = []
    for (let lookUp = 1; lookUp <= TIMED_ONE_IN * 3 + 10; lookUp += 1) {
      const isTimed = counts.lookUp()
      if (lookUp % 5 === 0) counts.missed()
      if (!isTimed) continue
      timed.push(lookUp)
      counts.took(1e-6)
    }
    assert.deepEqual(timed, [TIMED_ONE_IN, TIMED_ONE_IN * 2, TIMED_ONE_IN * 3])
    const { 'device_gate_decision_cache_total hit': hits, 'device_gate_decision_cache_total miss': misses } =
      counts.counted()
    assert.deepEqual([hits, misses], [202 - 40, 40])
  })

  it('put each time into the lowest bucket that holds it', () => {
    const bucket = (seconds: number): string | undefined => {
      const fresh = new Counts()
      fresh.took(seconds)
      return Object.keys(fresh.counted())
        .find((name) => /^device_gate_decision_seconds (?!sum)/.test(name))
        ?.split(' ')[1]
    }
    for (const [index, bound] of DECISION_SECONDS.entries()) {
      const next = DECISION_SECONDS[index + 1]
      assert.equal(bucket(bound), String(bound))
      assert.equal(bucket(bound * 1.01), next === undefined ? '+Inf' : String(next))
    }
    counts.took(0.5)
    counts.took(0.25)
    assert.equal(counts.counted()['device_gate_decision_seconds sum'], 0.75)
  })
})

describe('the series that are counted', () => {
  it('have names of their own', () => {
    assert.equal(new Set(SERIES.map(({ name }) => name)).size, SERIES.length)
  })

  it('have no label and no value but those of the catalogue', () => {
    for (const { metric, labels } of SERIES) {
      const { type, labels: known }: MetricDefinition = METRICS[metric]
      if (type === 'histogram') continue
      assert.deepEqual(Object.keys(labels), Object.keys(known))
      for (const [label, value] of Object.entries(labels)) assert.ok(known[label]?.includes(value), value)
    }
  })

  it('are there before they happen, for each outcome that a reason can have', () => {
    for (const { cases } of [...DECISION_TABLE, FAULTS])
      for (const { then } of cases) assert.ok(OUTCOMES_OF[then.reason].includes(then.outcome), then.reason)
    fc.assert(
      fc.property(requests, moments, (request, now) => {
        const { reason, outcome } = decide(request, now)
        assert.ok(OUTCOMES_OF[reason].includes(outcome), `${reason}: ${outcome}`)
      }),
      { numRuns: 2000 },
    )
  })

  it('are few: labels have closed sets of values', () => {
    for (const [name, { labels }] of Object.entries<MetricDefinition>(METRICS)) {
      const most = Object.values(labels).reduce((product, values) => product * values.length, 1)
      assert.ok(most <= MAX_SERIES_A_METRIC, `${name}: ${most}`)
    }
  })
})
