import { spawnSync } from 'node:child_process'

import { METRICS } from '../../src/metrics/catalogue'

/** What a page for Prometheus says. */
export interface Page {
  readonly types: ReadonlyMap<string, string>
  /** By name and labels, as they are written. */
  readonly series: ReadonlyMap<string, number>
}

export function parsePage(text: string): Page {
  const types = new Map<string, string>()
  const series = new Map<string, number>()
  for (const line of text.split('\n')) {
    const [, name = '', type] = /^# TYPE (\S+) (\S+)$/.exec(line) ?? []
    if (type !== undefined) types.set(name, type)
    const [, key, value] = /^([a-z]\S*(?:\{.*\})?) (\S+)$/.exec(line) ?? []
    if (key !== undefined) series.set(key, Number(value))
  }
  return { types, series }
}

export interface ToolResult {
  readonly code: number | null
  readonly output: string
}

/** Runs Prometheus' own tool. */
export function promtool(args: readonly string[], input?: string): ToolResult {
  const { status, stdout, stderr, error } = spawnSync('promtool', args, { input, encoding: 'utf8' })
  if (error) throw error
  return { code: status, output: stdout + stderr }
}

/** What promtool has against a page. The names of Node's own metrics are the library's. */
export function checkMetrics(text: string): ToolResult {
  const { code, output } = promtool(['check', 'metrics'], text)
  const own = output.split('\n').filter((line) => line !== '' && !line.startsWith('nodejs_'))
  return { code: own.length === 0 && code === 3 ? 0 : code, output: own.join('\n') }
}

/** What an expression asks for that neither the gate nor `others` have. */
export function unknownMetrics(expression: string, others: readonly string[] = []): string[] {
  const known = new Set<string>([...Object.keys(METRICS), ...others])
  const named = expression
    // What stands in braces or quotes, and label lists behind by and without, are no metrics.
    .replaceAll(/\{[^}]*\}|"[^"]*"|\[[^\]]*\]/g, '')
    .replaceAll(/\b(by|without|on) \([^)]*\)/g, '')
    .match(/[a-zA-Z_][\w:]*(?!\s*\()\b(?!\()/g)
  const words = new Set(['and', 'or', 'unless', 'offset', 'sum', 'max', 'm', 'h'])
  return (named ?? []).filter(
    (name) => !words.has(name) && !known.has(name.replace(/_(bucket|sum|count)$/, '')),
  )
}
