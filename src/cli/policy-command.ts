import fs from 'node:fs'
import type { Command } from 'commander'

import { parsePolicy } from '../config/policy-file'
import { formatProblem } from '../config/yaml-file'
import type { PolicyVersion } from '../devices/store'
import { answer, configFile, readable, type CommandContext } from './context'
import { isoTime, Refusal, table } from './output'

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
}

function check(context: CommandContext, file = configFile(context, 'device_gate_policy.yaml')): void {
  const parsed = parsePolicy(readFile(file), { file })
  if (!parsed.ok) throw new Refusal(parsed.problems.map(formatProblem).join('\n'))
  const { mandates, tests, mode } = parsed.policy
  const summary = { ok: true, file, mode, mandates: mandates.length, tests: tests.length }
  answer(
    context,
    summary,
    `${file}: valid, mode ${mode}, ${mandates.length} mandates, ${tests.length} tests passed\n`,
  )
}

function readFile(file: string): string {
  try {
    return fs.readFileSync(file, 'utf8')
  } catch (error) {
    throw new Refusal(`${file} cannot be read: ${(error as Error).message}`)
  }
}

function show(context: CommandContext, version: string | undefined): void {
  const store = context.store()
  const number = version === undefined ? store.activePolicy()?.version : Number(version)
  if (number === undefined) throw new Refusal('no policy was applied yet: start Haraka with the plugin once')
  const found = Number.isInteger(number) ? store.policyVersion(number) : undefined
  if (!found)
    throw new Refusal(`there is no policy version ${version ?? number}: see device-gate policy history`)
  answer(context, found, found.sourceText)
}

const HISTORY_LIMIT = 1000

function history(context: CommandContext): void {
  const versions = readable(context, context.store().policyHistory(HISTORY_LIMIT))
  const row = (v: PolicyVersion): (string | number)[] => [
    v.version,
    isoTime(v.at),
    v.author,
    v.policy.mode,
    v.policy.mandates.map((mandate) => mandate.id).join(' ') || 'none',
    v.reason,
  ]
  const json = versions.map(({ version, at, author, reason, policy }) => ({
    version,
    at,
    author,
    reason,
    mode: policy.mode,
  }))
  answer(context, json, table(['version', 'applied', 'by', 'mode', 'mandates', 'reason'], versions.map(row)))
}
