import type { Command } from 'commander'

import { formatProblem } from '../config/config-problem'
import { readTextFile } from '../config/file-watcher'
import { parsePolicy } from '../config/policy-file'
import type { PolicyVersion } from '../devices/store'
import type { Policy } from '../policy/policy'
import { answer, author, checkedReason, configFile, readable, type CommandContext } from './context'
import { inForceText, untilInForce } from './in-force'
import { NO_POLICY } from './mode-command'
import { clockTime, facts, isoTime, jsonLine, Refusal, table, UsageError } from './output'
import { policyDiffCommand } from './policy-diff-command'
import { policyTestCommand } from './policy-test-command'
import { whatIfCommand } from './what-if-command'

export function policyCommand(program: Command, context: () => CommandContext): void {
  const command = program.command('policy').description('look at the policy and check drafts of it')
  command
    .command('check')
    .description('validate a policy file and run its own tests; changes nothing')
    .argument('[file]', "default: the site's device_gate_policy.yaml")
    .action((file: string | undefined) => check(context(), file))
  command
    .command('show')
    .description('print a policy version as it was written; default: the one in force')
    .argument('[version]')
    .action((version: string | undefined) => show(context(), version))
  command
    .command('history')
    .description('list the policy versions, newest first')
    .action(() => history(context()))
  command
    .command('apply')
    .description('put a policy into the store as the next version; for policy.source: fleet')
    .argument('<file>')
    .option('--reason <text>', 'why; kept with it')
    .action(async (file: string, options: { reason?: string }) => apply(context(), file, options.reason))
  policyDiffCommand(command, context)
  policyTestCommand(command, context)
  whatIfCommand(command, context)
}

async function apply(context: CommandContext, file: string, reason: string | undefined): Promise<void> {
  if (context.config().policy.source === 'file')
    throw new Refusal('policy.source is file: edit device_gate_policy.yaml, which is live within a second')
  const by = { author: author(), reason: checkedReason(reason), at: context.now() }
  const { policy, text } = validPolicy(context, file)
  const since = performance.now()
  const applied = await context.store().applyPolicy(policy, text, by)
  const hosts = await untilInForce(context, since)
  const summary = { ...versionJson(applied), hosts }
  answer(
    context,
    summary,
    facts([['policy version', applied.version], ['mode', policy.mode], ...inForceText(hosts)]),
  )
}

function check(context: CommandContext, file = configFile(context, 'device_gate_policy.yaml')): void {
  const { mandates, tests, mode } = validPolicy(context, file).policy
  const summary = { ok: true, file, mode, mandates: mandates.length, tests: tests.length }
  answer(
    context,
    summary,
    `${file}: valid; mode: ${mode}, mandates: ${mandates.length}, tests passed: ${tests.length}\n`,
  )
}

/** The policy in a file, whose own tests pass. */
function validPolicy(
  context: CommandContext,
  file: string,
): { readonly policy: Policy; readonly text: string } {
  const content = readTextFile(file)
  if (!content.ok) throw new Refusal(`${file} ${content.problem}`)
  const parsed = parsePolicy(content.text, { file })
  if (parsed.ok) return { policy: parsed.policy, text: content.text }
  if (context.json) context.streams.out(jsonLine({ ok: false, file, problems: parsed.problems }))
  throw new Refusal(`${file} is not valid\n${parsed.problems.map(formatProblem).join('\n')}`)
}

function show(context: CommandContext, version: string | undefined): void {
  const store = context.store()
  if (version !== undefined && !/^[1-9][0-9]{0,14}$/.test(version))
    throw new UsageError(`"${version}" is no policy version: see device-gate policy history`)
  const number = version === undefined ? store.activePolicy()?.version : Number(version)
  if (number === undefined) throw new Refusal(NO_POLICY)
  const found = store.policyVersion(number)
  if (!found) throw new Refusal(`there is no policy version ${number}: see device-gate policy history`)
  answer(context, { ...versionJson(found), text: found.sourceText }, found.sourceText)
}

const versionJson = ({ version, at, author, reason, policy }: PolicyVersion): object => ({
  version,
  applied_at: isoTime(at),
  author,
  reason,
  mode: policy.mode,
  mandates: policy.mandates.map(({ id }) => id),
})

const HISTORY_LIMIT = 1000

function history(context: CommandContext): void {
  const versions = readable(context, context.store().policyHistory(HISTORY_LIMIT))
  const row = (v: PolicyVersion): (string | number)[] => [
    v.version,
    clockTime(v.at),
    v.author,
    v.policy.mode,
    v.policy.mandates.map((mandate) => mandate.id).join(' ') || 'none',
    v.reason,
  ]
  const text =
    versions.length === 0
      ? `${NO_POLICY}\n`
      : table(['version', 'applied', 'by', 'mode', 'mandates', 'reason'], versions.map(row))
  answer(context, versions.map(versionJson), text)
}
