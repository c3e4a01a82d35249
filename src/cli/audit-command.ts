import type { Command } from 'commander'

import { auditHistory } from '../orders/audit'
import { answer, type CommandContext } from './context'
import { Refusal } from './output'

export function auditCommand(program: Command, context: () => CommandContext): void {
  const command = program.command('audit').description('answer for what was ordered')
  command
    .command('verify')
    .description('check that the history is whole and unchanged, and names the first entry that is not')
    .action(() => verify(context()))
}

async function verify(context: CommandContext): Promise<void> {
  const { entries, newestHash, problem } = await auditHistory(context.store())
  if (problem) throw new Refusal(`the history is broken at entry ${problem.n}: ${problem.problem}`)
  answer(
    context,
    { ok: true, entries, newest_hash: newestHash },
    `the history is whole: ${entries} entries, the newest has hash ${newestHash || 'none'}\n`,
  )
}
