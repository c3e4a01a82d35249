import type { Command, Option } from 'commander'

/** A command as a person types it. */
export interface CommandPath {
  /** Of the program itself empty, else such as `device get`. */
  readonly path: string
  readonly description: string
  readonly subcommands: readonly { readonly name: string; readonly description: string }[]
  readonly options: readonly CommandOption[]
  /** The words that its argument may be. */
  readonly choices: readonly string[]
  /** Its argument names a file. */
  readonly takesFile: boolean
}

export interface CommandOption {
  readonly flags: readonly string[]
  readonly description: string
  readonly takesValue: boolean
  readonly choices: readonly string[]
  /** What its value names, where a shell can complete that. */
  readonly names: 'file' | 'directory' | null
}

/** Every command there is, the program itself first. */
export function commandPaths(program: Command, above: readonly string[] = []): CommandPath[] {
  const visible = program.commands.filter((command) => command.name() !== 'help')
  const own: CommandPath = {
    path: above.join(' '),
    description: program.description(),
    subcommands: visible.map((command) => ({ name: command.name(), description: command.description() })),
    options: [...program.options.map(optionOf), HELP],
    choices: program.registeredArguments.flatMap(({ argChoices }) => argChoices ?? []),
    takesFile: program.registeredArguments.some((argument) => argument.name() === 'file'),
  }
  return [own, ...visible.flatMap((command) => commandPaths(command, [...above, command.name()]))]
}

const HELP: CommandOption = {
  flags: ['--help'],
  description: 'display help',
  takesValue: false,
  choices: [],
  names: null,
}

const optionOf = (option: Option): CommandOption => {
  const value = /<(\w+)>/.exec(option.flags)?.[1]
  return {
    flags: [option.short, option.long].flatMap((flag) => flag ?? []),
    description: option.description,
    takesValue: value !== undefined,
    choices: option.argChoices ?? [],
    names: value === 'dir' ? 'directory' : value === 'file' ? 'file' : null,
  }
}
