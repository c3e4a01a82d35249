import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'

import { METRICS } from '../../src/metrics/catalogue'
import { promtool, unknownMetrics } from '../support/prometheus'
import { tempDirs } from '../support/temp-dir'

const FILE = path.resolve(__dirname, '..', '..', 'ops', 'grafana', 'device-gate.json')
const DATASOURCE = { type: 'prometheus', uid: '${datasource}' }
/** Of the library that describes the process. */
const PROCESS = [
  'process_cpu_seconds_total',
  'process_resident_memory_bytes',
  'nodejs_eventloop_lag_p99_seconds',
]
const COLUMNS = 24

interface Place {
  readonly x: number
  readonly y: number
  readonly w: number
  readonly h: number
}

interface Panel {
  readonly id: number
  readonly type: string
  readonly title: string
  readonly gridPos: Place
  readonly datasource?: unknown
  readonly targets?: readonly {
    readonly refId: string
    readonly expr: string
    readonly datasource: unknown
  }[]
}

interface Dashboard {
  readonly title: string
  readonly panels: readonly Panel[]
  readonly templating: { readonly list: readonly { readonly name: string; readonly type: string }[] }
  readonly annotations: { readonly list: readonly { readonly expr: string; readonly datasource: unknown }[] }
}

describe('the dashboard for Grafana', () => {
  const tempDir = tempDirs()
  const dashboard = JSON.parse(fs.readFileSync(FILE, 'utf8')) as Dashboard
  const { panels } = dashboard
  const targets = [...panels.flatMap((panel) => panel.targets ?? []), ...dashboard.annotations.list]
  /** As Grafana asks them. */
  const expressions = targets.map(({ expr }) =>
    expr.replaceAll('$__rate_interval', '1m').replaceAll('$__interval', '1m').replaceAll('$instance', '.*'),
  )

  it('asks what Prometheus understands', () => {
    const rules = expressions.map((expr, index) => ({ record: `panel:expression:${index}`, expr }))
    const file = path.join(tempDir(), 'rules.yaml')
    fs.writeFileSync(file, JSON.stringify({ groups: [{ name: 'dashboard', rules }] }))
    const { code, output } = promtool(['check', 'rules', file])
    assert.equal(code, 0, output)
  })

  it('asks for metrics that there are, and for most of them', () => {
    for (const expr of expressions) assert.deepEqual(unknownMetrics(expr, PROCESS), [], expr)
    const names = Object.keys(METRICS)
    const shown = names.filter((name) => expressions.some((expr) => expr.includes(name)))
    assert.ok(shown.length > names.length * 0.7, `only ${shown.join(', ')}`)
  })

  it('asks the data source that is chosen, for the hosts that are chosen', () => {
    assert.deepEqual(
      dashboard.templating.list.map(({ name, type }) => [name, type]),
      [
        ['datasource', 'datasource'],
        ['instance', 'query'],
      ],
    )
    for (const { datasource, expr } of targets) {
      assert.deepEqual(datasource, DATASOURCE)
      const selectors = expr.match(/\{[^}]*\}/g) ?? []
      assert.ok(selectors.length > 0, expr)
      for (const selector of selectors) assert.match(selector, /instance=~"\$instance"/)
    }
    for (const { datasource, type } of panels) if (type !== 'row') assert.deepEqual(datasource, DATASOURCE)
  })

  it('has panels with titles and ids of their own, that cover no other', () => {
    assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length)
    const taken = new Set<string>()
    for (const { title, gridPos } of panels) {
      assert.notEqual(title, '')
      assert.ok(gridPos.x + gridPos.w <= COLUMNS, title)
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x += 1)
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y += 1) {
          assert.ok(!taken.has(`${x} ${y}`), `${title} covers another`)
          taken.add(`${x} ${y}`)
        }
    }
  })
})
