import path from 'node:path'

import { Command, CommanderError } from 'commander'

import { blockedCommand } from './blocked-command'
import { blocksCommand } from './blocks-command'
import { openSite, type CommandContext } from './context'
import { deviceCommand } from './device-command'
import { modeCommand } from './mode-command'
import { UsageError, type Streams } from './output'
import { overrideCommand } from './override-command'
import { policyCommand } from './policy-command'
import { statusCommand } from './status-command'
import { tagCommand } from './tag-command'
import { whyCommand } from './why-command'

const EXIT_DONE = 0
const EXIT_REFUSED = 1
const EXIT_USAGE = 2

/**
 * Runs one command line and gives its exit code: 0 done, 1 refused (the reason on stderr), 2 usage.
 * Works on the site's files and store, whether Haraka runs or not.
 */
export async function run(argv: readonly string[], streams: Streams): Promise<number> {
  const program = new Command('device-gate')
  let site: ReturnType<typeof openSite> | undefined
  const context = (): CommandContext => {
    const { config, json } = program.opts<{ config: string; json?: boolean }>()
    site ??= openSite(path.resolve(config), json === true, streams)
    return site.context
  }

  program
    .description('Looks after the gate that keeps non-compliant devices off company mail.')
    .option('-c, --config <dir>', "Haraka's directory, the one with config/ in it", process.cwd())
    .option('--json', 'print JSON for programs instead of text for people')
    .configureOutput({ writeOut: streams.out, writeErr: streams.err })
    .showSuggestionAfterError()
    .exitOverride()

  statusCommand(program, context)
  modeCommand(program, context)
  deviceCommand(program, context)
  whyCommand(program, context)
  blocksCommand(program, context)
  blockedCommand(program, context)
  overrideCommand(program, context, 'exemption')
  overrideCommand(program, context, 'lock')
  policyCommand(program, context)
  tagCommand(program, context)

  try {
    await program.parseAsync(globalOptionsFirst(argv), { from: 'user' })
    return EXIT_DONE
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT_DONE : EXIT_USAGE
    streams.err(`device-gate: ${(error as Error).message}\n`)
    if (error instanceof UsageError) return EXIT_USAGE
    return EXIT_REFUSED
  } finally {
    await site?.close()
  }
}

/** `--json` may stand anywhere on the line, as people type it. */
const globalOptionsFirst = (argv: readonly string[]): string[] => {
  const end = argv.indexOf('--')
  const options = end < 0 ? argv : argv.slice(0, end)
  if (!options.includes('--json')) return [...argv]
  return ['--json', ...options.filter((word) => word !== '--json'), ...(end < 0 ? [] : argv.slice(end))]
}
