import fs from 'node:fs'
import path from 'node:path'

import { METRICS, TIMED_ONE_IN, type MetricDefinition } from '../src/metrics/catalogue'
import { CHECKS, type Check } from '../src/metrics/words'

const CHECK_HELP: Readonly<Record<Check, string>> = {
  replica: 'The replica can be read, and it is the one that commands reach: it was not deleted or replaced.',
  policy: 'There is a policy, and it can be read.',
  workers:
    'At least one worker decides, and none is more than 5 s behind what was ordered or begins later than that.',
  imap: 'Whoever connects to `imap.listen` and `imap.listen_tls` is greeted within 2 s, not turned away by a limit.',
  lease: 'In a fleet: the lease is held. Where it ran out, "compliant" counts as stale.',
}

const cell = (text: string): string => text.replaceAll('|', '\\|')

const labelsOf = ({ labels }: MetricDefinition): string =>
  Object.entries(labels)
    .map(([label, values]) => `\`${label}\`: ${values.join(', ')}`)
    .join('<br>')

const row = ([name, metric]: [string, MetricDefinition]): string =>
  `| \`${name}\` | ${metric.type} | ${cell(metric.help)}${metric.when === undefined ? '' : ` Only ${metric.when}.`} | ${labelsOf(metric)} |`

export const renderMetricsDoc = (): string => `# Metrics and checks

Written by \`npm run docs:metrics\` from \`src/metrics/catalogue.ts\`.

The admin server (\`admin.listen\`, by default \`127.0.0.1:8143\`) serves them: one page for all workers of a host.

    device-gate token issue prometheus --role viewer     # prints the token once
    curl -H "authorization: Bearer dgt_..." http://127.0.0.1:8143/metrics

[\`ops/prometheus/prometheus.yaml\`](../ops/prometheus/prometheus.yaml) shows how Prometheus reads it,
[\`alerts.yaml\`](../ops/prometheus/alerts.yaml) has alert rules, and
[\`ops/grafana/device-gate.json\`](../ops/grafana/device-gate.json) is a dashboard to import. What to do about each alert:
[operations.md](operations.md#alerts).

## Metrics

| metric | type | what it tells | labels |
|---|---|---|---|
${Object.entries<MetricDefinition>(METRICS).map(row).join('\n')}

\`process_*\` and \`nodejs_*\` are of the control plane, the process that serves the page (Haraka's master; with \`nodes=0\` it is
the one that decides, too).

- **No label names a person, a device or an address**: a host has some 250 series, and at most 600 whatever clients do, and 17 for each
  of its feeds.
- **A feed** is told of by the host that runs it, in a fleet one of them. Its counters begin anew when it goes to another host or is changed.
- **Counters** begin at 0 when Haraka starts, as Prometheus expects. Each worker tells what it counted once a second; one that
  is killed takes at most its last second with it, and what it had told stays in the sums. \`device_gate_orders_total\` is the
  length of the history, which outlives restarts.
- **Decisions** are those that clients met. A login or a message is one, and so is each warning and each end of an open session.
  \`enforced="false"\` is what monitor mode, \`enforcement: monitor\` or a silent mandate would have done: it was served as an allow.
- **Fail-open passes** (\`fail_mode: open\`) are decisions with reason \`fault_open\`, and counted apart, so that an alert on them
  cannot be missed among the allows.
- **Decision time** is taken of one look-up in ${TIMED_ONE_IN}: the quantiles are those of all, \`_count\` is not their number. Look-ups are more
  than decisions, since a session is looked up when it opens and when something about it changes.

## Checks

\`/healthz\` and \`/readyz\` answer without a token: 200 and \`{"ok":true,"failed":[]}\`, or 503 with the names of the checks that fail
and nothing else.

**\`/healthz\`**: this process turns its event loop (else there is no answer) and reads its replica. Where it fails, restart Haraka.

**\`/readyz\`**: clients can be sent to this host. \`device_gate_check_failed\` has the same, by check.

| check | holds when |
|---|---|
${CHECKS.map((check) => `| \`${check}\` | ${CHECK_HELP[check]} |`).join('\n')}

The server behind the gate is not among them: when it is down, it is so for all hosts, and a gate that stays in service tells
clients to try again later and people why they are blocked.
`

if (require.main === module)
  fs.writeFileSync(path.join(__dirname, '..', 'docs', 'metrics.md'), renderMetricsDoc())
