import {
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  Lexer,
  LineCounter,
  parseDocument,
  visit,
  type Document,
  type Node,
} from 'yaml'

import {
  fileProblem,
  firstProblems,
  formatKey,
  type ConfigProblem,
  type KeyPath,
  type Reading,
} from './config-problem'

/** A parsed YAML file whose values can be asked for their place. */
export interface YamlFile {
  /** Made anew at each call. */
  value(): unknown
  problemAt(path: KeyPath, problem: string): ConfigProblem
  /** Where `path` is a number as it stands (`007`, `12345678901234567890`), takes it for the text that was written. */
  readAsText(path: KeyPath): boolean
}

export const MAX_FILE_OCTETS = 1024 * 1024
/** Of the whole file: the parser looks for the anchor of each one from the beginning. */
const MAX_ALIASES = 100

/** YAML 1.2 5.1 allows no others; in a terminal they could do anything. U+FFFD: what was there was not UTF-8. */
// eslint-disable-next-line no-control-regex -- these are exactly the characters to find
const UNPRINTABLE = /[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufffd-\uffff]/

/** For the mistakes that the parser's own words do not explain. */
const WORDING: Readonly<Partial<Record<string, string>>> = {
  BLOCK_AS_IMPLICIT_KEY: 'has a colon in its text, or is indented too far; put quotes around the text',
  MULTIPLE_DOCS: 'a second document begins here; one file is one document',
}

/** Parses YAML 1.2 with its core schema, in which `off`, `yes` and a date are text. */
export function readYaml(text: string, file: string): Reading<{ yaml: YamlFile }> {
  const refused = (problem: ConfigProblem): Reading<never> => ({ ok: false, problems: [problem] })
  const octets = Buffer.byteLength(text)
  if (octets > MAX_FILE_OCTETS) return refused(fileProblem(file, `is larger than ${MAX_FILE_OCTETS} octets`))
  // An editor that empties the file before it writes must not put the defaults into force.
  if (text.trim() === '') return refused(fileProblem(file, 'is empty'))
  const unfit = unprintableProblem(text, file) ?? costlyProblem(text, file)
  if (unfit) return refused(unfit)

  const lines = new LineCounter()
  const document = parseDocument(text, {
    lineCounter: lines,
    schema: 'core',
    // The parser compares each key with all others of its map; `repeatedKeys` looks each up.
    uniqueKeys: false,
    prettyErrors: false,
    logLevel: 'error',
  })
  const problemAt = (keys: KeyPath, problem: string): ConfigProblem => ({
    file,
    ...lineColumn(lines, offsetOf(document, keys)),
    key: formatKey(keys),
    problem,
  })
  // A tag such as !secret or !!binary is a warning to the parser: the value would not be what was meant.
  const faults = [...document.errors, ...document.warnings]
  if (faults.length > 0) {
    const problems = firstProblems(faults, file, ({ code, message, pos: [offset] }) => ({
      file,
      ...lineColumn(lines, offset),
      key: formatKey(keyAt(document.contents, offset)),
      problem: WORDING[code] ?? message,
    }))
    return { ok: false, problems }
  }

  const repeated = repeatedKeys(document)
  if (repeated.length > 0) {
    const problems = firstProblems(repeated, file, (offset) => ({
      file,
      ...lineColumn(lines, offset),
      key: formatKey(keyAt(document.contents, offset)),
      problem: 'is there twice; keep one',
    }))
    return { ok: false, problems }
  }

  const yaml: YamlFile = {
    value: () => document.toJS({ maxAliasCount: MAX_ALIASES }) as unknown,
    problemAt,
    readAsText: (keys) => readAsText(nodeAt(document, keys)),
  }
  const circle = aliasInItself(document)
  if (circle) return refused(problemAt(circle, 'an alias may not stand inside its own anchor'))
  try {
    yaml.value()
  } catch (error) {
    return refused(fileProblem(file, `${(error as Error).message}; write the values out`))
  }
  return { ok: true, yaml }
}

function unprintableProblem(text: string, file: string): ConfigProblem | undefined {
  const body = text.replace(/^\ufeff/, '')
  const match = UNPRINTABLE.exec(body)
  if (!match) return undefined
  const code = match[0].charCodeAt(0)
  const problem =
    code === 0 || code >= 0xfffd
      ? 'is not UTF-8 text from here on; save it as UTF-8'
      : `has a control character here (U+${code.toString(16).toUpperCase().padStart(4, '0')}); take it out`
  return { file, ...placeAt(body, match.index), key: '', problem }
}

/** For what is found before there is a document. */
function placeAt(text: string, offset: number): { readonly line: number; readonly column: number } {
  const before = text.slice(0, offset).split('\n')
  return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 }
}

/** Deeper ones are no policy, and the parser, which calls itself for each level, would end the process. */
const MAX_FLOW_DEPTH = 32
/** Each level of indentation, or of `- - -`, begins in a column further to the right. */
const MAX_INDENT = 160

/** What would take the parser more than its length says. */
function costlyProblem(text: string, file: string): ConfigProblem | undefined {
  let [offset, lineStart, flowDepth, aliases] = [0, 0, 0, 0]
  const refused = (problem: string): ConfigProblem => ({ file, ...placeAt(text, offset), key: '', problem })
  let isScalarNext = false
  let isLineBegun = false
  for (const token of new Lexer().lex(text)) {
    if (MARKS.has(token)) {
      isScalarNext = token === SCALAR_FOLLOWS
      continue
    }
    if (isScalarNext) isScalarNext = false
    else if (token === '[' || token === '{') flowDepth += 1
    else if (token.startsWith('*')) aliases += 1
    else if (token === ']' || token === '}') flowDepth = Math.max(0, flowDepth - 1)
    const isBlank = /^[ \t\r\n]|^#/.test(token)
    const isBlockLevel = flowDepth === 0 && !isBlank && (!isLineBegun || token === '-' || token === '?')
    if (flowDepth > MAX_FLOW_DEPTH || (isBlockLevel && offset - lineStart >= MAX_INDENT))
      return refused('is nested too deep here; write it flatter')
    if (aliases > MAX_ALIASES) return refused(`has more than ${MAX_ALIASES} aliases; write the values out`)
    isLineBegun ||= !isBlank
    const lastBreak = token.lastIndexOf('\n')
    if (lastBreak >= 0) {
      lineStart = offset + lastBreak + 1
      isLineBegun = false
    }
    offset += token.length
  }
  return undefined
}

/** What the lexer says before the text of a scalar, which may look like anything. */
const SCALAR_FOLLOWS = '\u001f'
/** What it says that is no text of the file: also where a document begins, and where a flow ends early. */
const MARKS: ReadonlySet<string> = new Set([SCALAR_FOLLOWS, '\u0002', '\u0018'])

/** The offsets of keys that their map has already. */
function repeatedKeys(document: Document): readonly number[] {
  const found: number[] = []
  visit(document, {
    Map: (_, map) => {
      const seen = new Set<string>()
      for (const { key } of map.items) {
        if (!isScalar(key)) continue
        const name = String(key.value)
        if (seen.has(name)) found.push(start(key))
        seen.add(name)
      }
    },
  })
  return found
}

function readAsText(node: unknown): boolean {
  if (!isScalar(node) || typeof node.value !== 'number' || node.source === undefined) return false
  node.value = node.source
  return true
}

function aliasInItself(document: Document): KeyPath | undefined {
  let found: KeyPath | undefined
  visit(document, {
    Alias: (_, alias, path) => {
      const anchored = alias.resolve(document)
      if (!anchored || !path.includes(anchored)) return undefined
      found = keyAt(document.contents, start(alias))
      return visit.BREAK
    },
  })
  return found
}

const resolved = (document: Document, node: unknown): unknown =>
  isAlias(node) ? node.resolve(document) : node

/** The node that `keys` lead to; undefined when the file has none. */
function nodeAt(document: Document, keys: KeyPath): unknown {
  let node: unknown = document.contents
  for (const key of keys) {
    node = resolved(document, node)
    if (isMap(node)) node = node.items.find((item) => isKey(item.key, key))?.value
    else node = isSeq(node) && typeof key === 'number' ? node.items[key] : undefined
  }
  return resolved(document, node)
}

/** The place of the deepest part of `keys` that the file really has: a key where there is one, else its parent. */
function offsetOf(document: Document, keys: KeyPath): number {
  let node: unknown = document.contents
  let offset = isNode(node) ? start(node) : 0
  for (const key of keys) {
    node = resolved(document, node)
    if (isMap(node)) {
      const pair = node.items.find((item) => isKey(item.key, key))
      if (!pair) break
      if (isNode(pair.key)) offset = start(pair.key)
      node = pair.value
    } else if (isSeq(node) && typeof key === 'number') {
      node = node.items[key]
      if (!isNode(node)) break
      offset = start(node)
    } else break
  }
  return offset
}

const MAX_DEPTH = 8

/** The keys that lead to `offset`: of a map the last key before it, so that even a syntax error has a name. */
function keyAt(node: unknown, offset: number, depth = 0): (string | number)[] {
  if (depth === MAX_DEPTH) return []
  const isBefore = (part: unknown): part is Node => isNode(part) && start(part) <= offset
  if (isMap(node)) {
    const pair = node.items.findLast((item) => isBefore(item.key))
    return pair && isScalar(pair.key) ? [String(pair.key.value), ...keyAt(pair.value, offset, depth + 1)] : []
  }
  if (isSeq(node)) {
    const index = node.items.findLastIndex(isBefore)
    return index < 0 ? [] : [index, ...keyAt(node.items[index], offset, depth + 1)]
  }
  return []
}

const isKey = (node: unknown, key: string | number): boolean =>
  isScalar(node) && String(node.value) === String(key)

const start = (node: Node): number => node.range?.[0] ?? 0

function lineColumn(lines: LineCounter, offset: number): { line: number; column: number } {
  const { line, col } = lines.linePos(offset)
  return { line: Math.max(line, 1), column: Math.max(col, 1) }
}
