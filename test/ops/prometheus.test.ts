import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'

import { parse } from 'yaml'

import { headings } from '../support/headings'
import { promtool, unknownMetrics } from '../support/prometheus'

const ROOT = path.resolve(__dirname, '..', '..')
const OPS = path.join(ROOT, 'ops', 'prometheus')

interface Rule {
  readonly alert?: string
  readonly record?: string
  readonly expr: string
  readonly labels?: { readonly severity: string }
  readonly annotations?: { readonly summary: string; readonly runbook: string }
}

interface RuleTest {
  readonly alert_rule_test: readonly { readonly alertname: string; readonly exp_alerts: readonly unknown[] }[]
}

const read = (name: string): unknown => parse(fs.readFileSync(path.join(OPS, name), 'utf8'))
const check = (...args: readonly string[]): void => {
  const { code, output } = promtool(args)
  assert.equal(code, 0, output)
}

describe('the rules for Prometheus', () => {
  const { groups } = read('alerts.yaml') as {
    readonly groups: readonly { readonly rules: readonly Rule[] }[]
  }
  const rules = groups.flatMap((group) => group.rules)
  const alerts = rules.filter(({ alert }) => alert !== undefined)

  it('are valid, and do what their tests say', () => {
    check('check', 'rules', path.join(OPS, 'alerts.yaml'))
    check('test', 'rules', path.join(OPS, 'alerts.test.yaml'))
  })

  it('are loaded by an example config that is valid', () => {
    check('check', 'config', '--syntax-only', path.join(OPS, 'prometheus.yaml'))
  })

  it('ask for metrics that there are', () => {
    const recorded = rules.flatMap(({ record }) => record ?? [])
    for (const { alert, record, expr } of rules)
      assert.deepEqual(unknownMetrics(expr, ['up', ...recorded]), [], alert ?? record)
  })

  it('have for each alert a case in which it fires and a moment at which it does not', () => {
    const { tests } = read('alerts.test.yaml') as { readonly tests: readonly RuleTest[] }
    const cases = tests.flatMap((one) => one.alert_rule_test)
    for (const { alert } of alerts) {
      const expected = cases
        .filter(({ alertname }) => alertname === alert)
        .map((one) => one.exp_alerts.length > 0)
      assert.deepEqual([...new Set(expected)].sort(), [false, true], alert)
    }
  })

  it('say for each alert how bad it is, and where it is told what to do', () => {
    const known = headings(path.join(ROOT, 'docs', 'operations.md'))
    for (const { alert = '', labels, annotations } of alerts) {
      assert.ok(['info', 'warning', 'critical'].includes(labels?.severity ?? ''), alert)
      assert.equal(annotations?.runbook, `docs/operations.md#${alert.toLowerCase()}`)
      assert.ok(known.includes(alert), `docs/operations.md has no section ${alert}`)
    }
    const alertNames = alerts.map(({ alert }) => alert)
    const sections = known.filter((heading) => heading.startsWith('DeviceGate'))
    assert.deepEqual(sections, alertNames)
  })
})
