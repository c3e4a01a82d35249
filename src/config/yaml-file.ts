import fs from 'node:fs'
import path from 'node:path'

import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv'
import { isMap, isNode, isScalar, isSeq, LineCounter, parseDocument, type Document, type Node } from 'yaml'

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

export type KeyPath = readonly (string | number)[]

/** A parsed YAML file whose values can be asked for their place. */
export interface YamlFile {
  readonly value: unknown
  problemAt(path: KeyPath, problem: string): ConfigProblem
}

export type Reading<T> =
  ({ readonly ok: true } & T) | { readonly ok: false; readonly problems: ConfigProblem[] }

const MAX_FILE_OCTETS = 1024 * 1024
const MAX_ALIASES = 16

/** Parses YAML 1.2 (core schema) and validates it, filling in the schema's defaults. */
export function readYaml(
  text: string,
  file: string,
  validate: ValidateFunction,
): Reading<{ yaml: YamlFile }> {
  const whole = (problem: string): Reading<never> => ({
    ok: false,
    problems: [{ file, line: 1, column: 1, key: '', problem }],
  })
  if (Buffer.byteLength(text) > MAX_FILE_OCTETS) return whole(`is larger than ${MAX_FILE_OCTETS} octets`)
  if (text.includes('\ufffd') || text.includes('\0')) return whole('is not valid UTF-8 text')

  const lines = new LineCounter()
  const document = parseDocument(text, {
    lineCounter: lines,
    schema: 'core',
    uniqueKeys: true,
    prettyErrors: false,
  })
  if (document.errors.length > 0) {
    const problems = document.errors.map((error) => ({
      file,
      ...lineColumn(lines, error.pos[0]),
      key: '',
      problem: error.message,
    }))
    return { ok: false, problems }
  }
  let value: unknown
  try {
    value = document.toJS({ maxAliasCount: MAX_ALIASES }) ?? {}
  } catch (error) {
    return whole((error as Error).message)
  }
  const yaml: YamlFile = {
    value,
    problemAt: (keys, problem) => ({
      file,
      ...placeOf(document, lines, keys),
      key: formatKey(keys),
      problem,
    }),
  }
  if (validate(value)) return { ok: true, yaml }
  const problems = (validate.errors ?? []).map((error) => schemaProblem(yaml, error))
  return { ok: false, problems }
}

/** Compiles a schema of the package's config/ directory; defaults are filled into what it validates. */
export function publishedSchema(name: string): ValidateFunction {
  const schema = JSON.parse(
    fs.readFileSync(path.join(__dirname, '..', '..', 'config', name), 'utf8'),
  ) as object
  return new Ajv({ allErrors: true, useDefaults: true, allowUnionTypes: true, verbose: true }).compile(schema)
}

function schemaProblem(yaml: YamlFile, error: ErrorObject): ConfigProblem {
  const keys = keysOf(error.instancePath, yaml.value)
  switch (error.keyword) {
    case 'additionalProperties': {
      const { additionalProperty } = error.params as { additionalProperty: string }
      const known = Object.keys((error.parentSchema as { properties: object }).properties)
      const near = closest(additionalProperty, known)
      const hint = near === undefined ? `known here: ${known.join(', ')}` : `did you mean "${near}"?`
      return yaml.problemAt([...keys, additionalProperty], `unknown key; ${hint}`)
    }
    case 'enum':
      return yaml.problemAt(
        keys,
        `must be one of ${(error.schema as unknown[]).join(', ')} (found ${shown(error.data)})`,
      )
    case 'pattern': {
      const { description } = error.parentSchema as { description?: string }
      return yaml.problemAt(
        keys,
        `must be ${description ?? `of the form ${String(error.schema)}`} (found ${shown(error.data)})`,
      )
    }
    case 'required':
      return yaml.problemAt(
        keys,
        `the key "${(error.params as { missingProperty: string }).missingProperty}" is missing`,
      )
    default:
      return yaml.problemAt(keys, `${error.message ?? 'is not valid'} (found ${shown(error.data)})`)
  }
}

const shown = (value: unknown): string =>
  value === undefined ? 'nothing' : JSON.stringify(value).slice(0, 80)

/** A JSON pointer as keys, numbers where the value is a list. */
function keysOf(pointer: string, root: unknown): (string | number)[] {
  const keys: (string | number)[] = []
  let value = root
  for (const part of pointer.split('/').slice(1)) {
    const name = part.replace(/~1/g, '/').replace(/~0/g, '~')
    const key = Array.isArray(value) ? Number(name) : name
    keys.push(key)
    value = (value as Record<string | number, unknown> | undefined)?.[key]
  }
  return keys
}

const formatKey = (keys: KeyPath): string =>
  keys.map((key, i) => (typeof key === 'number' ? `[${key}]` : i === 0 ? key : `.${key}`)).join('')

/** The place of the deepest part of `keys` that the file really has: a key where there is one, else its parent. */
function placeOf(document: Document, lines: LineCounter, keys: KeyPath): { line: number; column: number } {
  let node: unknown = document.contents
  let offset = isNode(node) ? start(node) : 0
  for (const key of keys) {
    if (isMap(node)) {
      const pair = node.items.find((item) => isScalar(item.key) && item.key.value === key)
      if (!pair) break
      offset = isNode(pair.key) ? start(pair.key) : offset
      node = pair.value
    } else if (isSeq(node) && typeof key === 'number') {
      node = node.items[key]
      if (!isNode(node)) break
      offset = start(node)
    } else break
  }
  return lineColumn(lines, offset)
}

const start = (node: Node): number => node.range?.[0] ?? 0

function lineColumn(lines: LineCounter, offset: number): { line: number; column: number } {
  const { line, col } = lines.linePos(offset)
  return { line: Math.max(line, 1), column: Math.max(col, 1) }
}

/** The known key a typo was probably meant to be: within two edits. */
function closest(word: string, known: readonly string[]): string | undefined {
  const best = known.map((key) => ({ key, edits: distance(word, key) })).sort((a, b) => a.edits - b.edits)[0]
  return best && best.edits <= 2 ? best.key : undefined
}

/** Levenshtein distance. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i]
    for (let j = 1; j <= b.length; j += 1) {
      const substitution = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, substitution))
    }
    row = next
  }
  return row[b.length] ?? 0
}
