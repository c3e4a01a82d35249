import path from 'node:path'

import { Command, CommanderError } from 'commander'

import { closest } from '../config/closest'
import { VERSION } from '../config/version'
import { attestCommand } from './attest-command'
import { auditCommand } from './audit-command'
import { blockedCommand } from './blocked-command'
import { blocksCommand } from './blocks-command'
import { certificateCommand } from './certificate-command'
import { withExamples } from './command-examples'
import { completionCommand } from './completion-command'
import { openSite, type CommandContext, type Site } from './context'
import { deviceCommand } from './device-command'
import { feedCommand } from './feed-command'
import { fitted } from './fitted'
import { initCommand } from './init-command'
import { journalCommand } from './journal-command'
import { modeCommand } from './mode-command'
import { printableText, UsageError, type Streams } from './output'
import { overrideCommand } from './override-command'
import { rendered } from './paint'
import { policyCommand } from './policy-command'
import { profileCommand } from './profile-command'
import { recallCommand } from './recall-command'
import { statusCommand } from './status-command'
import { storeCommand } from './store-command'
import { tagCommand } from './tag-command'
import { tokenCommand } from './token-command'
import { whyCommand } from './why-command'

const EXIT_DONE = 0
const EXIT_REFUSED = 1
const EXIT_USAGE = 2

/** Commands that neither read nor write the store: they wait for nobody. */
const WITHOUT_STORE: readonly string[] = [
  'init',
  'check',
  'test',
  'blocks',
  'bash',
  'zsh',
  'fish',
  'pseudonym',
]

/** Commander tells what may be chosen; what was meant is told as for a command and an option. */
function withNearChoice(text: string): string {
  const [, value, choices = ''] =
    /(?:argument|value) '([^']*)' is invalid.* Allowed choices are (.*)\.\n$/s.exec(text) ?? []
  const near = value === undefined ? undefined : closest(value, choices.split(', '))
  return near === undefined ? text : `${text}(Did you mean ${near}?)\n`
}

/**
 * Runs one command line and gives its exit code: 0 done, 1 refused (the reason on stderr), 2 usage.
 * Works on the site's files and store, whether Haraka runs or not.
 */
export async function run(argv: readonly string[], given: Streams): Promise<number> {
  const err = (text: string): void => given.err(printableText(text))
  let options: GlobalOptions = { color: !argv.includes('--no-color') }
  const out = (text: string): void => {
    const shown = given.width === undefined ? text : fitted(text, given.width)
    given.out(rendered(shown, given.colour && options.color !== false))
  }
  const streams: Streams = { ...given, out, err }
  const program = new Command('device-gate')
  let site: Site | undefined
  const openedSite = (): Site => {
    const { config = process.cwd(), json = false } = options
    return (site ??= openSite(path.resolve(config), json, streams))
  }
  const context = (): CommandContext => openedSite().context

  program
    .description('Looks after the gate that keeps non-compliant devices off company mail.')
    .version(VERSION, '-V, --version', 'print the version')
    .configureOutput({
      writeOut: streams.out,
      writeErr: err,
      getOutHasColors: () => given.colour && options.color !== false,
      outputError: (text, write) => write(withNearChoice(text.replace(/^error: /, 'device-gate: '))),
    })
    .hook('preAction', async (_, command) => {
      options = globalOptions(command)
      const group = command.parent?.name() ?? ''
      const aboutKeys = ['tag', 'token'].includes(group) && command.name() !== 'export'
      if (!aboutKeys && (group === 'feed' || !WITHOUT_STORE.includes(command.name())))
        await openedSite().catchUp()
    })

  addCommands(program, context, streams)

  try {
    await program.parseAsync(argv, { from: 'user' })
    return EXIT_DONE
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT_DONE : EXIT_USAGE
    err(`device-gate: ${(error as Error).message}\n`)
    return error instanceof UsageError ? EXIT_USAGE : EXIT_REFUSED
  } finally {
    await site?.close()
  }
}

/** All there are, with their options and examples. */
export function addCommands(
  program: Command,
  context: () => CommandContext,
  streams: Pick<Streams, 'raw'>,
): Command {
  initCommand(program, context)
  statusCommand(program, context)
  modeCommand(program, context)
  deviceCommand(program, context)
  whyCommand(program, context)
  blocksCommand(program, context)
  blockedCommand(program, context)
  journalCommand(program, context)
  overrideCommand(program, context, 'exemption')
  overrideCommand(program, context, 'lock')
  attestCommand(program, context)
  policyCommand(program, context)
  recallCommand(program, context)
  auditCommand(program, context)
  feedCommand(program, context)
  storeCommand(program, context)
  tagCommand(program, context)
  certificateCommand(program, context)
  profileCommand(program, context)
  tokenCommand(program, context)
  completionCommand(program, streams)
  withGlobalOptions(program)
  withExamples(program)
  return program
}

interface GlobalOptions {
  readonly config?: string
  readonly json?: boolean
  readonly color?: boolean
}

/**
 * `-c`, `--json` and `--no-color` may stand before the command or behind it, as people type them. Each command has them
 * for itself: a command line searched for them as a whole would take them out of `--reason "-critical outage"`.
 */
function withGlobalOptions(command: Command): void {
  command
    .enablePositionalOptions()
    .exitOverride()
    .option('-c, --config <dir>', "Haraka's directory, the one with config/ in it; default: this one")
    .option('--json', 'print JSON for programs instead of text for people')
    .option('--no-color', 'print no colours on a terminal')
  command.commands.forEach(withGlobalOptions)
}

function globalOptions(command: Command): GlobalOptions {
  const given = command.parent ? globalOptions(command.parent) : {}
  const own = command.opts<GlobalOptions>()
  // Not given is `true` at each level.
  return { ...given, ...own, color: given.color !== false && own.color !== false }
}
