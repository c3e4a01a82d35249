import type { Command } from 'commander'

import type { Streams } from './output'
import { bashCompletion, fishCompletion, zshCompletion } from './completion-scripts'
import { commandPaths } from './command-paths'

/** The scripts are made of the commands themselves, so that they never say anything else. */
export function completionCommand(program: Command, { raw }: Pick<Streams, 'raw'>): void {
  const command = program.command('completion').description('print what lets a shell complete commands')
  const shells = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion }
  for (const [shell, script] of Object.entries(shells))
    command
      .command(shell)
      .description(`for ${shell}`)
      .action(() => raw(script(commandPaths(program))))
}
