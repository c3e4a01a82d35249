import path from 'node:path'

/** One thing wrong with a file: where it is and what to do. Lines and columns count from 1. */
export interface ConfigProblem {
  readonly file: string
  readonly line: number
  readonly column: number
  /** The dotted key, e.g. `imap.limits.line` or `mandates[1].deadline`; empty for the file as a whole. */
  readonly key: string
  readonly problem: string
}

/** `device_gate.yaml:12:3 imap.limits.line: must be <= 65536` */
export const formatProblem = ({ file, line, column, key, problem }: ConfigProblem): string =>
  `${path.basename(file)}:${line}:${column} ${key === '' ? '' : `${key}: `}${problem}`

/** A problem of the file as a whole. */
export const fileProblem = (file: string, problem: string): ConfigProblem => ({
  file,
  line: 1,
  column: 1,
  key: '',
  problem,
})

export type KeyPath = readonly (string | number)[]

const MAX_KEY = 64

export const formatKey = (keys: KeyPath): string =>
  keys
    .map((key, i) => (typeof key === 'number' ? `[${key}]` : `${i === 0 ? '' : '.'}${key.slice(0, MAX_KEY)}`))
    .join('')

const MAX_PROBLEMS = 20

/** The first problems and how many more there are: a file of a thousand faults must not fill the log. */
export function firstProblems<T>(
  found: readonly T[],
  file: string,
  toProblem: (item: T) => ConfigProblem,
): ConfigProblem[] {
  const problems = found.slice(0, MAX_PROBLEMS).map(toProblem)
  const untold = found.length - problems.length
  return untold > 0 ? [...problems, fileProblem(file, `has ${untold} more problems`)] : problems
}

export type Reading<T> =
  ({ readonly ok: true } & T) | { readonly ok: false; readonly problems: readonly ConfigProblem[] }
