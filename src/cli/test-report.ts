import { clockTime, printable } from './output'
import type { PolicyTest } from '../policy/policy'
import type { PolicyTestResult } from '../policy/policy-tests'

/** One of a policy's own cases, with what it came to and where it stands. */
export interface TestedCase {
  readonly test: PolicyTest
  readonly result: PolicyTestResult
  readonly line: number
}

export interface TestReport {
  readonly file: string
  readonly cases: readonly TestedCase[]
}

export const REPORT_FORMATS = ['text', 'tap', 'junit'] as const
export type ReportFormat = (typeof REPORT_FORMATS)[number]

export const holds = ({ result: { expected, got } }: TestedCase): boolean => expected === got

export function renderReport(report: TestReport, format: ReportFormat): string {
  switch (format) {
    case 'text':
      return textReport(report)
    case 'tap':
      return tapReport(report)
    case 'junit':
      return junitReport(report)
  }
}

/** What a case is about, in one line. */
export const caseTitle = ({ test: { device, at, expect } }: TestedCase): string =>
  [
    device.platform,
    device.state,
    ...(device.findings.length > 0 ? [`with ${device.findings.join(' ')}`] : []),
    ...(device.owners && device.owners.length > 0 ? [`of ${device.owners.join(' ')}`] : []),
    `at ${clockTime(at)}: ${expect}`,
  ].join(' ')

function textReport({ file, cases }: TestReport): string {
  const lines = cases.map((one) => {
    const { got, reason } = one.result
    const told = holds(one) ? '' : `, but the policy gives ${got} (${reason})`
    return `${holds(one) ? 'ok  ' : 'FAIL'} line ${one.line}: ${printable(caseTitle(one))}${told}\n`
  })
  const failed = cases.filter((one) => !holds(one)).length
  return `${lines.join('')}${file}: ${cases.length - failed} passed, ${failed} failed\n`
}

/**
 * TAP version 13: `prove` refuses what calls itself 14. A plan, a test point a case, and a YAML block (two spaces in)
 * under those that fail.
 */
function tapReport({ cases }: TestReport): string {
  const points = cases.map((one, index) => {
    const point = `${holds(one) ? 'ok' : 'not ok'} ${index + 1} - ${tapText(caseTitle(one))}\n`
    const { expected, got, reason } = one.result
    const block = `  ---\n  line: ${one.line}\n  expected: ${expected}\n  actual: ${got}\n  reason: ${reason}\n  ...\n`
    return holds(one) ? point : point + block
  })
  const plan = cases.length === 0 ? '1..0 # SKIP the policy has no tests\n' : `1..${cases.length}\n`
  return `TAP version 13\n${plan}${points.join('')}`
}

/** `#` begins a directive. */
const tapText = (text: string): string => printable(text).replace(/[\\#]/g, '\\$&')

/**
 * The form that Ant made and CI servers read: one suite, a failure in each case that does not hold. Only the attributes that
 * strict readers know (junit-10.xsd of Jenkins' xunit plugin): a case has no file nor line there, so the name says the line.
 */
function junitReport({ file, cases }: TestReport): string {
  const failed = cases.filter((one) => !holds(one)).length
  const counts = `tests="${cases.length}" failures="${failed}" errors="0" time="0"`
  const suite = cases.map((one) => {
    const { expected, got, reason } = one.result
    const attributes = `name="line ${one.line}: ${xmlText(caseTitle(one))}" classname="policy" time="0"`
    if (holds(one)) return `    <testcase ${attributes}/>\n`
    const message = `expected ${expected}, the policy gives ${got} (${reason})`
    return `    <testcase ${attributes}>\n      <failure message="${message}" type="${reason}">${message}</failure>\n    </testcase>\n`
  })
  return [
    '<?xml version="1.0" encoding="UTF-8"?>\n',
    `<testsuites name="device-gate policy test" ${counts}>\n`,
    `  <testsuite name="${xmlText(file)}" file="${xmlText(file)}" ${counts} skipped="0">\n`,
    ...suite,
    '  </testsuite>\n</testsuites>\n',
  ].join('')
}

const XML: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
}

/** XML 1.0 has no way to write a control character, a lone surrogate, or U+FFFE. */
const xmlText = (text: string): string =>
  printable(text)
    .replace(
      /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]|[\ufffe\uffff]/g,
      '\ufffd',
    )
    .replace(/[&<>"']/g, (char) => XML[char] ?? '')
