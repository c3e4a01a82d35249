import { Option, type Command } from 'commander'

import { formatProblem } from '../config/config-problem'
import { readTextFile } from '../config/file-watcher'
import { readPolicy } from '../config/policy-file'
import { policyTestResults } from '../policy/policy-tests'
import { configFile, type CommandContext } from './context'
import { isoTime, jsonLine, Refusal, UsageError } from './output'
import { holds, renderReport, REPORT_FORMATS, type ReportFormat, type TestReport } from './test-report'

export function policyTestCommand(policy: Command, context: () => CommandContext): void {
  policy
    .command('test')
    .description(
      "run a policy file's own tests; for a site's CI: 0 all hold, 1 one does not, 2 it is no policy",
    )
    .argument('[file]', "default: the site's device_gate_policy.yaml")
    .addOption(new Option('--format <name>', 'of the report').choices(REPORT_FORMATS).default('text'))
    .action((file: string | undefined, { format }: { format: ReportFormat }) =>
      runTests(context(), file, format),
    )
}

function runTests(
  context: CommandContext,
  file = configFile(context, 'device_gate_policy.yaml'),
  format: ReportFormat,
): void {
  const report = testReport(file)
  context.streams.out(context.json ? jsonLine(reportJson(report)) : renderReport(report, format))
  const failed = report.cases.filter((one) => !holds(one)).length
  if (failed > 0) throw new Refusal(`${failed} of ${report.cases.length} tests do not hold`)
}

function testReport(file: string): TestReport {
  const content = readTextFile(file)
  if (!content.ok) throw new UsageError(`${file} ${content.problem}`)
  const reading = readPolicy(content.text, { file })
  if (!reading.ok)
    throw new UsageError(`${file} is no policy\n${reading.problems.map(formatProblem).join('\n')}`)
  const { policy, problemAt } = reading
  const results = policyTestResults(policy)
  const cases = policy.tests.flatMap((test, index) => {
    const result = results[index]
    return result ? [{ test, result, line: problemAt(['tests', index], '').line }] : []
  })
  return { file, cases }
}

const reportJson = ({ file, cases }: TestReport): object => ({
  file,
  ok: cases.every(holds),
  tests: cases.map(({ test, result: { expected, got, reason }, line }) => ({
    line,
    device: test.device,
    at: isoTime(test.at),
    expected,
    got,
    reason,
  })),
})
