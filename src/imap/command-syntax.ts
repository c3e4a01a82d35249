const CR = 13
const SPACE = 32
const QUOTE = 34
const OPEN = 40
const CLOSE = 41
const BACKSLASH = 92
const BRACE = 123
const END_BRACE = 125
const DEL = 127
const EMPTY = Buffer.alloc(0)
/** No command before login has more (ID: 30 pairs and two parentheses). */
export const MAX_ARGUMENTS = 64
const MAX_NAME = 32
const MAX_TAG = 64

/** One argument of a command: an atom, a string (quoted or literal, unescaped), or a parenthesis. */
export type Argument =
  { readonly kind: 'atom' | 'string'; readonly value: Buffer } | { readonly kind: '(' | ')' }

export interface Command {
  readonly kind: 'command'
  readonly tag: string
  /** In capitals. */
  readonly name: string
  readonly args: readonly Argument[]
}

/** To be answered `tag BAD text`, or `* BAD` without a usable tag. */
export interface Malformed {
  readonly kind: 'bad'
  readonly tag: string | null
  readonly text: string
}

const LITERAL = /\{(\d{1,20})(\+?)\}$/

/** `{n}` or `{n+}` at the end of a line (RFC 7888); not inside a quoted string, where it is text. */
export function announcedLiteral(line: Buffer): { size: number; synchronising: boolean } | undefined {
  if (line.at(-1) !== END_BRACE) return undefined
  const match = LITERAL.exec(line.toString('latin1', Math.max(0, line.length - 24)))
  if (!match || endsInQuotes(line)) return undefined
  return { size: Number(match[1]), synchronising: match[2] === '' }
}

function endsInQuotes(line: Buffer): boolean {
  let quoted = false
  for (let i = 0; i < line.length; i += 1) {
    if (line[i] === QUOTE) quoted = !quoted
    else if (quoted && line[i] === BACKSLASH) i += 1
  }
  return quoted
}

/** Any ASTRING-CHAR but "+" (RFC 3501 9). */
// eslint-disable-next-line no-control-regex -- the grammar excludes the controls by name
const TAG = /^[^\x00-\x20"%()*+\\{\x7f-\xff]+$/
const NAME = /^[A-Za-z][A-Za-z0-9-]*$/

export function tagOf(line: Buffer): string | null {
  const space = line.indexOf(SPACE)
  const tag = line.toString('latin1', 0, Math.min(space < 0 ? line.length : space, MAX_TAG + 1))
  return tag.length <= MAX_TAG && TAG.test(tag) ? tag : null
}

/**
 * A command from its lines, each but the last followed by its literal. Arguments are views of what is given;
 * quoted strings are unescaped in place.
 */
export function parseCommand(lines: readonly Buffer[], literals: readonly Buffer[]): Command | Malformed {
  const first = lines[0] ?? EMPTY
  const tag = tagOf(first)
  if (tag === null) return { kind: 'bad', tag, text: 'Invalid tag' }
  const bad = (text: string): Malformed => ({ kind: 'bad', tag, text })

  const nameStart = tag.length + 1
  const space = first.indexOf(SPACE, nameStart)
  const nameEnd = space < 0 ? first.length : space
  const name = first.toString('latin1', nameStart, Math.min(nameEnd, nameStart + MAX_NAME + 1))
  if (name.length > MAX_NAME || !NAME.test(name)) return bad('Invalid command')

  const parser = new ArgumentParser()
  for (let i = 0; i < lines.length; i += 1) {
    const line = lines[i] ?? EMPTY
    const literal = literals[i]
    const end = literal ? line.lastIndexOf(BRACE) : line.length
    const problem =
      parser.read(line.subarray(i === 0 ? nameEnd : 0, end)) ?? (literal && parser.literal(literal))
    if (problem !== undefined) return bad(problem)
  }
  return { kind: 'command', tag, name: name.toUpperCase(), args: parser.args }
}

/** Each method gives what is wrong, if anything is. */
class ArgumentParser {
  readonly args: Argument[] = []
  /** The next argument would touch the one before: there was no space. */
  #touching = false

  read(text: Buffer): string | undefined {
    let i = 0
    while (i < text.length) {
      const octet = text[i] ?? 0
      let problem: string | undefined
      if (octet === SPACE) {
        this.#touching = false
        i += 1
      } else if (octet === OPEN) {
        problem = this.#add({ kind: '(' })
        this.#touching = false
        i += 1
      } else if (octet === CLOSE) {
        this.#touching = false
        problem = this.#add({ kind: ')' })
        i += 1
      } else if (octet === QUOTE) {
        const quoted = readQuoted(text, i + 1)
        if (!quoted) return 'Invalid quoted string'
        problem = this.#add({ kind: 'string', value: quoted.value })
        i = quoted.end
      } else {
        const start = i
        while (i < text.length && isAtomChar(text[i] ?? 0)) i += 1
        if (i === start) return 'Invalid character'
        problem = this.#add({ kind: 'atom', value: text.subarray(start, i) })
      }
      if (problem !== undefined) return problem
    }
    return undefined
  }

  literal(value: Buffer): string | undefined {
    return value.includes(0) ? 'NUL in a literal' : this.#add({ kind: 'string', value })
  }

  #add(argument: Argument): string | undefined {
    if (this.#touching) return 'Missing space between arguments'
    if (this.args.length === MAX_ARGUMENTS) return 'Too many arguments'
    this.args.push(argument)
    this.#touching = true
    return undefined
  }
}

/** Wider than the grammar's atom: base64 needs "=", "+" and "/"; never a control, a quote or a brace. */
const isAtomChar = (octet: number): boolean =>
  octet > SPACE && octet < DEL && octet !== OPEN && octet !== CLOSE && octet !== QUOTE && octet !== BRACE

/**
 * From behind the opening quote; only `\\` and `\"` are escapes, no CR, LF or NUL may be inside. Octets above
 * 127 may, though RFC 3501 wants a literal for them: clients send names and passwords in UTF-8 so.
 */
function readQuoted(text: Buffer, start: number): { value: Buffer; end: number } | undefined {
  let length = start
  for (let i = start; i < text.length; i += 1) {
    let octet = text[i] ?? 0
    if (octet === QUOTE) return { value: text.subarray(start, length), end: i + 1 }
    if (octet === BACKSLASH) {
      i += 1
      octet = text[i] ?? 0
      if (octet !== QUOTE && octet !== BACKSLASH) return undefined
    } else if (octet === 0 || octet === CR) return undefined
    text[length] = octet
    length += 1
  }
  return undefined
}
