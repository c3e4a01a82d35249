import type { Command } from 'commander'

import { answer, configFile, type CommandContext } from './context'
import { NO_POLICY } from '../lookup/site'
import { Refusal, UsageError } from './output'
import { policyDiffCommand } from './policy-diff-command'
import { policyOrdersCommands, versionJson } from './policy-orders-command'
import { policyTestCommand } from './policy-test-command'
import { validPolicy } from './valid-policy'
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
  policyOrdersCommands(command, context)
  policyDiffCommand(command, context)
  policyTestCommand(command, context)
  whatIfCommand(command, context)
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
