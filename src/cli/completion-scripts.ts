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

/** The flags that take a value, each with the command it stands behind. */
const valuedFlags = (paths: readonly CommandPath[]): { at: string; option: CommandOption }[] =>
  paths.flatMap(({ path, options }) =>
    options
      .filter(({ takesValue }) => takesValue)
      .flatMap((option) => option.flags.map((flag) => ({ at: `${path}:${flag}`, option }))),
  )

const steps = (paths: readonly CommandPath[]): string[] =>
  paths.flatMap(({ path, subcommands }) => subcommands.map(({ name }) => `'${path}:${name}'`))

/** What completes the value of an option; empty: nothing can. */
const bashValue = ({ choices, names }: CommandOption): string => {
  if (choices.length > 0) return `COMPREPLY=($(compgen -W '${words(choices)}' -- "$cur"))`
  return names === null ? '' : `_device_gate_names ${names === 'file' ? '-f' : '-d'}`
}

function bashFunctions(paths: readonly CommandPath[]): string {
  const values = valuedFlags(paths).map(
    ({ at, option }) => `    '${at}') ${[bashValue(option), 'return'].filter(Boolean).join('; ')} ;;`,
  )
  const lists = paths.map((one) => {
    const files = one.takesFile ? '; _device_gate_names -f' : ''
    return `    '${one.path}') COMPREPLY=($(compgen -W '${words(wordsOf(one))}' -- "$cur"))${files} ;;`
  })
  // Names are told apart by line ends, and bash quotes them and goes on into directories by itself. It takes a "=" for a word.
  return `_device_gate_names() {
  local IFS=$'\n'
  COMPREPLY+=($(compgen "$1" -- "$cur"))
  compopt -o filenames 2>/dev/null
}
_device_gate() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" prev="\${COMP_WORDS[COMP_CWORD-1]}" path='' word i
  COMPREPLY=()
  if [[ $cur == '=' ]]; then cur=''
  elif [[ $prev == '=' ]]; then prev="\${COMP_WORDS[COMP_CWORD-2]}"
  fi
  for ((i = 1; i < COMP_CWORD; i++)); do
    word="\${COMP_WORDS[i]}"
    case "$word" in
      ${valued(paths).join('|')})
        [[ "\${COMP_WORDS[i+1]}" != '=' ]] || ((i++))
        ((i++))
        continue ;;
    esac
    case "$path:$word" in
      ${steps(paths).join('|')}) path="\${path:+$path }$word" ;;
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
  `${HEAD}\n${bashFunctions(paths)}complete -F _device_gate device-gate\n`

/** For zsh's `_describe`: a word, and behind the first colon what it is. */
const zshDescribed = (word: string, description: string): string =>
  `'${word}:${description.replaceAll("'", `'\\''`)}'`

const zshValue = ({ choices, names }: CommandOption): string => {
  if (choices.length > 0) return `compadd -- ${words(choices)}`
  return names === 'file' ? '_files' : '_directories'
}

function zshList({ path, subcommands, choices, options, takesFile }: CommandPath): string {
  const described = subcommands.map(({ name, description }) => zshDescribed(name, description))
  const flags = options.flatMap((option) =>
    option.flags.map((flag) => zshDescribed(flag, option.description)),
  )
  return [
    `    '${path}')`,
    ...(described.length > 0
      ? [`      found=(${described.join(' ')})`, `      _describe command found && ret=0`]
      : []),
    ...(choices.length > 0 ? [`      compadd -- ${words(choices)} && ret=0`] : []),
    ...(takesFile ? [`      _files && ret=0`] : []),
    `      found=(${flags.join(' ')})`,
    `      _describe -o option found && ret=0 ;;`,
  ].join('\n')
}

/**
 * Put into a directory of `fpath`, or read by `source <(device-gate completion zsh)`. The first TAB loads it from there by calling
 * it, and is to be answered too.
 */
export function zshCompletion(paths: readonly CommandPath[]): string {
  const values = valuedFlags(paths)
    .filter(({ option }) => option.choices.length > 0 || option.names !== null)
    .map(({ at, option }) => `    '${at}') ${zshValue(option)}; return ;;`)
  return `#compdef device-gate
${HEAD}
_device-gate() {
  local at='' value='' word ret=1
  local -a found
  for word in "\${(@)words[2,CURRENT-1]}"; do
    if [[ -n $value ]]; then
      value=''
      continue
    fi
    case "$word" in
      ${valued(paths).join('|')}) value="$at:$word"; continue ;;
    esac
    case "$at:$word" in
      ${steps(paths).join('|')}) at="\${at:+$at }$word" ;;
    esac
  done
  if [[ -z $value && $PREFIX == --*=* ]]; then
    value="$at:\${PREFIX%%=*}"
    compset -P 1 '*='
  fi
  case "$value" in
${values.join('\n')}
    ?*) _message 'a value'; return ;;
  esac
  case "$at" in
${paths.map(zshList).join('\n')}
  esac
  return ret
}
if [[ \${funcstack[1]-} == _device-gate ]]; then _device-gate "$@"; else compdef _device-gate device-gate; fi
`
}

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
      case ${steps(paths).join(' ')}
        set path (string trim "$path $word")
    end
  end
  echo "$path"
end
complete -c device-gate -f
${paths.flatMap(fishLines).join('\n')}
`
