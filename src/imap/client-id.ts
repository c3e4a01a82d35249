import type { Argument } from './command-syntax'

/** RFC 2971 3.3: at most 30 pairs, fields of 30 octets, values of 1024. */
const MAX_PAIRS = 30
const MAX_FIELD = 30
const MAX_VALUE = 1024

/** The pairs of an ID command, fields in lower case; undefined when it breaks the grammar or its bounds. */
export function parseClientId(args: readonly Argument[]): ReadonlyMap<string, string> | undefined {
  const pairs = new Map<string, string>()
  if (args.length === 1) return isNil(args[0]) ? pairs : undefined
  if (args[0]?.kind !== '(' || args.at(-1)?.kind !== ')') return undefined
  const words = args.slice(1, -1)
  if (words.length % 2 !== 0 || words.length > MAX_PAIRS * 2) return undefined
  for (let i = 0; i < words.length; i += 2) {
    const field = words[i]
    const value = words[i + 1]
    if (field?.kind !== 'string' || field.value.length > MAX_FIELD) return undefined
    if (isNil(value)) continue
    if (value?.kind !== 'string' || value.value.length > MAX_VALUE) return undefined
    pairs.set(field.value.toString('latin1').toLowerCase(), value.value.toString('utf8'))
  }
  return pairs
}

const isNil = (argument: Argument | undefined): boolean =>
  argument?.kind === 'atom' && argument.value.toString('latin1').toUpperCase() === 'NIL'
