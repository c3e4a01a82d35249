import { collectDefaultMetrics, Registry, type Metric } from 'prom-client'

import { METRICS, type MetricDefinition, type MetricName, type Sample, type Samples } from './catalogue'
import { SERIES, type Counted } from './counts'

/** What a page is sent as. */
export const METRICS_CONTENT_TYPE = Registry.PROMETHEUS_CONTENT_TYPE

/** The page that Prometheus reads: the gate's metrics, and those of the process that serves it. */
export class Exposition {
  readonly #process = new Registry()

  constructor() {
    collectDefaultMetrics({ register: this.#process })
  }

  async page(counted: Counted, known: Samples): Promise<string> {
    const registry = new Registry()
    for (const [name, samples] of Object.entries({ ...countedSamples(counted), ...known })) {
      if (samples.length > 0) registry.registerMetric(asMetric(name as MetricName, samples))
    }
    return `${await registry.metrics()}\n${await this.#process.metrics()}`
  }
}

/** The library's own counters and histograms count by themselves; what a registry asks of a metric is just this. */
function asMetric(name: MetricName, samples: readonly Sample[]): Metric {
  const { type, help }: MetricDefinition = METRICS[name]
  const values = type === 'histogram' ? histogramValues(name, samples) : samples
  return { name, get: () => Promise.resolve({ name, help, type, values }) } as unknown as Metric
}

function countedSamples(counted: Counted): Samples {
  const samples: Partial<Record<MetricName, Sample[]>> = {}
  for (const { name, metric, labels, always } of SERIES) {
    const value = counted[name] ?? 0
    if (always || value > 0) (samples[metric] ??= []).push({ labels, value })
  }
  return samples
}

/** Of what lies in each bucket alone, and the sum, to what lies in it and below. */
function histogramValues(name: MetricName, samples: readonly Sample[]): (Sample & { metricName: string })[] {
  let count = 0
  const values = samples.map(({ labels, value }) => {
    if (labels?.['le'] === 'sum') return { metricName: `${name}_sum`, value }
    count += value
    return { metricName: `${name}_bucket`, labels: { ...labels }, value: count }
  })
  return [...values, { metricName: `${name}_count`, value: count }]
}
