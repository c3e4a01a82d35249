import type { Command } from 'commander'

import { readPolicy } from '../config/policy-source'
import { readStatus } from '../config/status-file'
import { formatProblem } from '../config/yaml-file'
import { effectiveMode, siteMode } from '../policy/effective-mode'
import { answer, unlessDamaged, type CommandContext } from './context'
import { facts, isoTime } from './output'

export function statusCommand(program: Command, context: () => CommandContext): void {
  program
    .command('status')
    .description('what is in force on this host, and what needs attention')
    .action(() => status(context()))
}

function status(context: CommandContext): void {
  const config = context.config()
  const store = context.store()
  const damaged: string[] = []
  const tell = (message: string): unknown => damaged.includes(message) || damaged.push(message)
  const active = unlessDamaged(() => store.activePolicy(), tell)
  const running = readStatus(config.stateDir)
  const override = unlessDamaged(() => store.modeOverride(), tell)
  const file = readPolicy(context.harakaDir)
  const policyProblems = running?.policyProblems ?? (file.ok ? [] : file.problems.map(formatProblem))
  const counts = store.counts()
  const mode = active ? effectiveMode(siteMode(active), config.enforcement) : null
  const json = {
    mode,
    policyMode: active?.policy.mode ?? null,
    modeOverride: override ?? null,
    enforcement: config.enforcement,
    policyVersion: active?.version ?? 0,
    policyProblems,
    configProblems: [...context.configProblems(), ...(running?.configProblems ?? [])],
    damaged,
    running: running ? { pid: running.pid, since: isoTime(running.startedAt) } : null,
    sequence: store.sequence(),
    ...counts,
  }
  const text = facts([
    ...damaged.map((message) => ['DAMAGED', message] as const),
    ['mode', mode ?? (damaged.length > 0 ? 'as fail_mode says' : 'none: no policy was applied yet')],
    ["policy's own mode", active?.policy.mode],
    [
      'mode override',
      override
        ? `${override.mode} (${override.author}, ${isoTime(override.at)}: ${override.reason})`
        : 'none',
    ],
    ["this host's enforcement", config.enforcement],
    ['policy version', active?.version],
    ['policy file', policyProblems.length === 0 ? 'in force' : `NOT in force: ${policyProblems.join('; ')}`],
    [
      'config file',
      json.configProblems.length === 0 ? 'in force' : `NOT in force: ${json.configProblems.join('; ')}`,
    ],
    ['gate', running ? `running, pid ${running.pid}, since ${isoTime(running.startedAt)}` : 'not running'],
    ['devices', counts.devices],
    ['overrides', counts.overrides],
    ['change sequence', json.sequence],
  ])
  answer(context, json, text)
}
