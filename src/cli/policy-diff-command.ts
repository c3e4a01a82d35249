import type { Command } from 'commander'

import { formatProblem } from '../config/config-problem'
import { readTextFile } from '../config/file-watcher'
import { readPolicy } from '../config/policy-file'
import { policyDifference } from '../policy/difference'
import type { Policy } from '../policy/policy'
import { zoneOf } from '../policy/zone'
import { answer, type CommandContext } from './context'
import { NO_POLICY } from '../lookup/site'
import { Refusal } from './output'

export function policyDiffCommand(policy: Command, context: () => CommandContext): void {
  policy
    .command('diff')
    .description('say in plain words what differs between two policies; of one: from the one in force to it')
    .argument('<a>', 'a version (see policy history) or a file')
    .argument('[b]', 'the same')
    .action((a: string, b: string | undefined) => diff(context(), a, b))
}

interface Side {
  readonly name: string
  readonly policy: Policy
  readonly text: string
}

function diff(context: CommandContext, a: string, b: string | undefined): void {
  const from = b === undefined ? inForce(context) : side(context, a)
  const to = side(context, b ?? a)
  const changes = policyDifference(from.policy, to.policy, zoneOf(to.text) ?? zoneOf(from.text) ?? 0)
  const text =
    changes.length === 0
      ? `nothing differs between ${from.name} and ${to.name}\n`
      : `from ${from.name} to ${to.name}:\n${changes.map(({ change }) => `- ${change}\n`).join('')}`
  answer(context, { from: from.name, to: to.name, changes }, text)
}

const VERSION = /^[1-9][0-9]{0,14}$/

function side(context: CommandContext, which: string): Side {
  return VERSION.test(which) ? version(context, Number(which)) : file(which)
}

function inForce(context: CommandContext): Side {
  const active = context.store().activePolicy()
  if (!active) throw new Refusal(NO_POLICY)
  return version(context, active.version)
}

function version(context: CommandContext, number: number): Side {
  const found = context.store().policyVersion(number)
  if (!found) throw new Refusal(`there is no policy version ${number}: see device-gate policy history`)
  return { name: `version ${number}`, policy: found.policy, text: found.sourceText }
}

/** Its own tests need not hold: a draft may be looked at before they do. */
function file(name: string): Side {
  const content = readTextFile(name)
  if (!content.ok) throw new Refusal(`${name} ${content.problem}`)
  const reading = readPolicy(content.text, { file: name })
  if (!reading.ok)
    throw new Refusal(`${name} is not valid\n${reading.problems.map(formatProblem).join('\n')}`)
  return { name, policy: reading.policy, text: content.text }
}
