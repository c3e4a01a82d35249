import type { CommandOption, CommandPath } from './command-paths'

const HEAD = '# Made by `device-gate completion`; made anew after an upgrade.'

/** The words of commands, options and choices need no quoting in any shell; held by the tests. */
const words = (list: readonly string[]): string => list.join(' ')

const wordsOf = ({ subcommands, choices, options }: CommandPath): string[] => [
  ...subcommands.map(({ name }) => name),
  ...choices,
  ...options.flatMap(({ flags }) => flags),
]

const valued = (paths: readonly CommandPath[]): string[] => [
  ...new Set(
    paths.flatMap(({ options }) =>
      options.filter(({ takesValue }) => takesValue).flatMap(({ flags }) => flags),
    ),
  ),
]

/** What completes the value of an option; empty: nothing can. */
const bashValue = ({ choices, names }: CommandOption): string => {
  if (choices.length > 0) return `COMPREPLY=($(compgen -W '${words(choices)}' -- "$cur"))`
  return names === null ? '' : `COMPREPLY=($(compgen ${names === 'file' ? '-f' : '-d'} -- "$cur"))`
}

function bashFunction(paths: readonly CommandPath[]): string {
  const steps = paths.flatMap(({ path, subcommands }) => subcommands.map(({ name }) => `'${path}:${name}'`))
  const values = paths.flatMap(({ path, options }) =>
    options
      .filter(({ takesValue }) => takesValue)
      .flatMap((option) =>
        option.flags.map(
          (flag) => `    '${path}:${flag}') ${[bashValue(option), 'return'].filter(Boolean).join('; ')} ;;`,
        ),
      ),
  )
  const lists = paths.map((one) => {
    const files = one.takesFile ? '; COMPREPLY+=($(compgen -f -- "$cur"))' : ''
    return `    '${one.path}') COMPREPLY=($(compgen -W '${words(wordsOf(one))}' -- "$cur"))${files} ;;`
  })
  return `_device_gate() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" prev="\${COMP_WORDS[COMP_CWORD-1]}" path='' word i
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    word="\${COMP_WORDS[i]}"
    case "$word" in
      ${valued(paths).join('|')}) ((i++)); continue ;;
    esac
    case "$path:$word" in
      ${steps.join('|')}) path="\${path:+$path }$word" ;;
    esac
  done
  case "$path:$prev" in
${values.join('\n')}
  esac
  case "$path" in
${lists.join('\n')}
  esac
}
`
}

/** Put into `/etc/bash_completion.d/`, or read by `source <(device-gate completion bash)`. */
export const bashCompletion = (paths: readonly CommandPath[]): string =>
  `${HEAD}\n${bashFunction(paths)}complete -F _device_gate device-gate\n`

/** zsh runs what bash does. */
export const zshCompletion = (paths: readonly CommandPath[]): string =>
  `#compdef device-gate\n${HEAD}\nautoload -U +X bashcompinit && bashcompinit\n${bashFunction(paths)}complete -F _device_gate device-gate\n`

/** In single quotes fish knows two escapes. */
const fishText = (text: string): string => `'${text.replace(/[\\']/g, (found) => `\\${found}`)}'`

function fishLines({ path, subcommands, options, choices, takesFile }: CommandPath): string[] {
  const at = `complete -c device-gate -n ${fishText(`test (__device_gate_path) = "${path}"`)}`
  return [
    ...subcommands.map(({ name, description }) => `${at} -f -a ${name} -d ${fishText(description)}`),
    ...choices.map((choice) => `${at} -f -a ${choice}`),
    ...(takesFile ? [`${at} -F`] : []),
    ...options.map(({ flags, description, takesValue, choices: values, names }) => {
      const named = flags.map((flag) =>
        flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`,
      )
      const value = takesValue ? (names === null ? ' -x' : ' -r') : ''
      const list = values.length > 0 ? ` -a ${fishText(words(values))}` : ''
      return `${at} ${named.join(' ')}${value}${list} -d ${fishText(description)}`
    }),
  ]
}

export const fishCompletion = (paths: readonly CommandPath[]): string => `${HEAD}
function __device_gate_path
  set -l path ''
  set -l skip 0
  for word in (commandline -opc)[2..-1]
    if test $skip = 1
      set skip 0
      continue
    end
    switch $word
      case ${words(valued(paths))}
        set skip 1
        continue
    end
    switch "$path:$word"
      case ${paths.flatMap(({ path, subcommands }) => subcommands.map(({ name }) => `'${path}:${name}'`)).join(' ')}
        set path (string trim "$path $word")
    end
  end
  echo "$path"
end
complete -c device-gate -f
${paths.flatMap(fishLines).join('\n')}
`
