import assert from 'node:assert/strict'

import { METRICS, type MetricDefinition, type Samples } from '../../src/metrics/catalogue'
import { Counts, SERIES } from '../../src/metrics/counts'
import { Exposition } from '../../src/metrics/exposition'
import { anyDecision } from '../gate/samples'
import { checkMetrics, parsePage, type Page } from '../support/prometheus'

describe('the page for Prometheus', () => {
  const exposition = new Exposition()

  /** Each metric that is not counted, with each of its labels' values. */
  const counted = new Set<string>(SERIES.map(({ metric }) => metric))
  const figures: Samples = Object.fromEntries(
    Object.entries<MetricDefinition>(METRICS)
      .filter(([name]) => !counted.has(name))
      .map(([name, { labels }]) => {
        const all = Object.entries(labels).reduce<Record<string, string>[]>(
          (some, [label, values]) =>
            some.flatMap((one) => values.map((value) => ({ ...one, [label]: value }))),
          [{}],
        )
        return [name, all.map((one) => ({ labels: one, value: 1 }))]
      }),
  )

  const pageOf = async (counts: Counts): Promise<{ readonly text: string; readonly page: Page }> => {
    const text = await exposition.page(counts.counted(), figures)
    return { text, page: parsePage(text) }
  }

  it('is what promtool takes for well made, and has all metrics', async () => {
    const counts = new Counts()
    counts.took(0.001)
    const { text, page } = await pageOf(counts)
    assert.deepEqual(checkMetrics(text), { code: 0, output: '' })
    const own = [...page.types].filter(([name]) => name.startsWith('device_gate_'))
    assert.deepEqual(
      new Map(own),
      new Map(Object.entries<MetricDefinition>(METRICS).map(([name, { type }]) => [name, type])),
    )
  })

  it('has the counters before anything was counted, at 0', async () => {
    const { page } = await pageOf(new Counts())
    const counted = [...page.series].filter(([name]) =>
      /^device_gate_(decisions|imap_logins|fail_open)/.test(name),
    )
    assert.ok(counted.length > 100)
    assert.deepEqual([...new Set(counted.map(([, value]) => value))], [0])
    assert.ok(
      page.series.has(
        'device_gate_decisions_total{protocol="imap",outcome="block",reason="stale",enforced="true"}',
      ),
    )
    assert.ok(
      !page.series.has(
        'device_gate_decisions_total{protocol="imap",outcome="allow",reason="locked",enforced="true"}',
      ),
    )
  })

  it('has a decision that no reason was known to give, once it was counted', async () => {
    const counts = new Counts()
    counts.decided('smtp', { ...anyDecision(), outcome: 'allow', reason: 'locked' })
    const { page } = await pageOf(counts)
    assert.equal(
      page.series.get(
        'device_gate_decisions_total{protocol="smtp",outcome="allow",reason="locked",enforced="true"}',
      ),
      1,
    )
  })

  it('adds up the buckets of the decision time', async () => {
    const counts = new Counts()
    for (const seconds of [2e-7, 2e-7, 2e-6, 7]) counts.took(seconds)
    const { page } = await pageOf(counts)
    const value = (rest: string): number | undefined => page.series.get(`device_gate_decision_seconds${rest}`)
    assert.deepEqual(
      ['2.5e-7', '0.000001', '0.0000025', '0.01', '+Inf'].map((le) => value(`_bucket{le="${le}"}`)),
      [2, 2, 3, 3, 4],
    )
    assert.equal(value('_count'), 4)
    assert.ok(Math.abs((value('_sum') ?? 0) - 7.0000024) < 1e-9)
  })

  it('leaves out what is not known now', async () => {
    const text = await exposition.page(
      {},
      { device_gate_workers: [{ value: 2 }], device_gate_lease_seconds: [] },
    )
    assert.match(text, /^device_gate_workers 2$/m)
    assert.doesNotMatch(text, /lease/)
  })

  it('takes no series from a process of another version that it does not know', async () => {
    const text = await exposition.page({ device_gate_unheard_of_total: 3 }, {})
    assert.doesNotMatch(text, /unheard/)
  })

  it('tells of the process that serves it', async () => {
    const { page } = await pageOf(new Counts())
    assert.ok((page.series.get('process_cpu_seconds_total') ?? 0) > 0)
    assert.equal(page.types.get('nodejs_eventloop_lag_seconds'), 'gauge')
  })

  it('has no more than 600 series, whatever was counted', async () => {
    const counts = new Counts()
    const {
      outcome: outcomes,
      reason: reasons,
      protocol: protocols,
    } = METRICS.device_gate_decisions_total.labels
    for (const protocol of protocols)
      for (const outcome of outcomes)
        for (const reason of reasons)
          for (const enforced of [true, false])
            counts.decided(protocol, { ...anyDecision(), outcome, reason, enforced })
    const { page } = await pageOf(counts)
    assert.ok(page.series.size > 256 && page.series.size < 600, String(page.series.size))
  })
})
