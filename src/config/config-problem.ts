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

export const formatKey = (keys: KeyPath): string =>
  keys.map((key, i) => (typeof key === 'number' ? `[${key}]` : i === 0 ? key : `.${key}`)).join('')

export type Reading<T> =
  ({ readonly ok: true } & T) | { readonly ok: false; readonly problems: readonly ConfigProblem[] }
