/** Bounds of what a client may send before login; octets. */
export interface ReaderLimits {
  readonly line: number
  readonly literal: number
}

/** One argument of a command: an atom, a string (quoted or literal, unescaped), or a parenthesis. */
export type Argument =
  { readonly kind: 'atom' | 'string'; readonly value: Buffer } | { readonly kind: '(' | ')' }

export type ReaderEvent =
  | {
      readonly kind: 'command'
      readonly tag: string
      readonly name: string
      readonly args: readonly Argument[]
    }
  /** A line asked for by {@link CommandReader.expectLine}, without its line end. */
  | { readonly kind: 'line'; readonly line: Buffer }
  /** A synchronising literal is announced and fits: answer `+`, then its octets come. */
  | { readonly kind: 'continue' }
  /** Answer `tag BAD text`, or `* BAD` without a usable tag, and go on. */
  | { readonly kind: 'bad'; readonly tag: string | null; readonly text: string }
  /** A synchronising literal is too large: answer `tag NO [TOOBIG]`, and it does not come. */
  | { readonly kind: 'toobig'; readonly tag: string }
  /** Nothing sensible can follow: answer `* BYE text` and close. */
  | { readonly kind: 'fatal'; readonly text: string }

const CR = 13
const LF = 10
const SPACE = 32
const QUOTE = 34
const BACKSLASH = 92
const OPEN = 40
const CLOSE = 41
const EMPTY = Buffer.alloc(0)
/** No command before login has more (ID: 30 pairs and two parentheses). */
const MAX_ARGUMENTS = 64
const MAX_NAME = 32
const MAX_TAG = 64

/**
 * Reads commands before login (RFC 3501 9, RFC 7888) from whatever pieces the network gives. Holds at most
 * one line and one command's literals. Strings stay in Buffers, so that credentials can be wiped.
 */
export class CommandReader {
  #buffer: Buffer = EMPTY
  /** Where the search for the next line end goes on. */
  #scanned = 0
  /** The pieces of the command so far: lines, each but the last followed by its literal. */
  #lines: Buffer[] = []
  #literals: Buffer[] = []
  #octets = 0
  #literalOctets = 0
  /** Octets of the literal that is coming; -1 when a line is. */
  #literalSize = -1
  #lineWanted = false

  constructor(private readonly limits: () => ReaderLimits) {}

  push(chunk: Buffer): void {
    this.#buffer = this.#buffer.length === 0 ? chunk : Buffer.concat([this.#buffer, chunk])
  }

  /** The next line is no command: a SASL response. */
  expectLine(): void {
    this.#lineWanted = true
  }

  /** What came behind the last event; the reader is done with it. */
  takeRest(): Buffer {
    const rest = this.#buffer
    this.#buffer = EMPTY
    this.#scanned = 0
    return rest
  }

  hasRest(): boolean {
    return this.#buffer.length > 0
  }

  /** The next event, or undefined until more is pushed. */
  next(): ReaderEvent | undefined {
    for (;;) {
      if (this.#literalSize >= 0) {
        if (this.#buffer.length < this.#literalSize) return undefined
        this.#literals.push(this.#take(this.#literalSize))
        this.#literalSize = -1
      }
      const line = this.#takeLine()
      if (line === undefined) return undefined
      if (!Buffer.isBuffer(line)) return line
      if (this.#lineWanted) {
        this.#lineWanted = false
        return { kind: 'line', line }
      }
      this.#lines.push(line)
      const announced = literalAnnounced(line)
      if (!announced) return this.#command()
      const event = this.#expectLiteral(announced)
      if (event) return event
    }
  }

  #take(octets: number): Buffer {
    const piece = this.#buffer.subarray(0, octets)
    this.#buffer = this.#buffer.subarray(octets)
    this.#scanned = 0
    return piece
  }

  /** The next line without CRLF (a lone LF ends one too: nothing of it is ever passed on). */
  #takeLine(): Buffer | ReaderEvent | undefined {
    const { line: limit, literal } = this.limits()
    const bound = this.#lineWanted ? Math.max(limit, literal) : limit
    const end = this.#buffer.indexOf(LF, this.#scanned)
    if ((end < 0 ? this.#buffer.length : end) + this.#octets > bound)
      return { kind: 'fatal', text: 'Line too long' }
    if (end < 0) {
      this.#scanned = this.#buffer.length
      return undefined
    }
    const line = this.#take(end + 1)
    const length = end > 0 && line[end - 1] === CR ? end - 1 : end
    if (!this.#lineWanted) this.#octets += length
    return line.subarray(0, length)
  }

  #expectLiteral({ size, synchronising }: { size: number; synchronising: boolean }): ReaderEvent | undefined {
    if (size + this.#literalOctets > this.limits().literal) {
      const tag = tagOf(this.#lines[0] ?? EMPTY)
      this.#reset()
      // A non-synchronising literal comes whatever we say: there is no polite way to refuse it.
      if (!synchronising) return { kind: 'fatal', text: 'Literal too large' }
      return tag === null ? { kind: 'bad', tag, text: 'Invalid tag' } : { kind: 'toobig', tag }
    }
    this.#literalSize = size
    this.#literalOctets += size
    return synchronising ? { kind: 'continue' } : undefined
  }

  #command(): ReaderEvent {
    const lines = this.#lines
    const literals = this.#literals
    this.#reset()
    return parseCommand(lines, literals)
  }

  #reset(): void {
    this.#lines = []
    this.#literals = []
    this.#octets = 0
    this.#literalOctets = 0
  }
}

const LITERAL = /\{(\d{1,20})(\+?)\}$/

/** `{n}` or `{n+}` at the end of a line; not inside a quoted string, where it is text. */
function literalAnnounced(line: Buffer): { size: number; synchronising: boolean } | undefined {
  if (line.at(-1) !== 125) return undefined
  const match = LITERAL.exec(line.toString('latin1', Math.max(0, line.length - 24)))
  if (!match || insideQuotes(line)) return undefined
  return { size: Number(match[1]), synchronising: match[2] === '' }
}

function insideQuotes(line: Buffer): boolean {
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

function tagOf(line: Buffer): string | null {
  const space = line.indexOf(SPACE)
  const tag = line.toString('latin1', 0, Math.min(space < 0 ? line.length : space, MAX_TAG + 1))
  return tag.length <= MAX_TAG && TAG.test(tag) ? tag : null
}

function parseCommand(lines: readonly Buffer[], literals: readonly Buffer[]): ReaderEvent {
  const first = lines[0] ?? EMPTY
  const tag = tagOf(first)
  if (tag === null) return { kind: 'bad', tag, text: 'Invalid tag' }
  const bad = (text: string): ReaderEvent => ({ kind: 'bad', tag, text })
  if (literals.some((literal) => literal.includes(0))) return bad('NUL in a literal')

  const nameStart = tag.length + 1
  const space = first.indexOf(SPACE, nameStart)
  const nameEnd = space < 0 ? first.length : space
  const name = first.toString('latin1', nameStart, Math.min(nameEnd, nameStart + MAX_NAME + 1))
  if (name.length > MAX_NAME || !NAME.test(name)) return bad('Invalid command')

  const args: Argument[] = []
  for (let i = 0; i < lines.length; i += 1) {
    const line = lines[i] ?? EMPTY
    const literal = literals[i]
    const end = literal ? line.lastIndexOf('{') : line.length
    const problem = parseArguments(line.subarray(i === 0 ? nameEnd : 0, end), args)
    if (problem !== undefined) return bad(problem)
    if (literal) args.push({ kind: 'string', value: literal })
    if (args.length > MAX_ARGUMENTS) return bad('Too many arguments')
  }
  return { kind: 'command', tag, name: name.toUpperCase(), args }
}

/** Reads the arguments of one line into `into`; gives what is wrong, if anything is. */
function parseArguments(text: Buffer, into: Argument[]): string | undefined {
  let i = 0
  while (i < text.length) {
    const octet = text[i] ?? 0
    if (octet === SPACE) i += 1
    else if (octet === OPEN || octet === CLOSE) {
      into.push({ kind: octet === OPEN ? '(' : ')' })
      i += 1
    } else if (octet === QUOTE) {
      const quoted = readQuoted(text, i + 1)
      if (!quoted) return 'Invalid quoted string'
      into.push({ kind: 'string', value: quoted.value })
      i = quoted.end
    } else {
      const start = i
      while (i < text.length && isAtomChar(text[i] ?? 0)) i += 1
      if (i === start) return 'Invalid character'
      into.push({ kind: 'atom', value: text.subarray(start, i) })
    }
    if (into.length > MAX_ARGUMENTS) return 'Too many arguments'
  }
  return undefined
}

/** Wider than the grammar's atom: base64 needs "=", "+" and "/", and "*" cancels; never a control or a quote. */
const isAtomChar = (octet: number): boolean =>
  octet > SPACE && octet < 127 && octet !== OPEN && octet !== CLOSE && octet !== QUOTE && octet !== 123

/** From behind the opening quote; only `\\` and `\"` are escapes, no CR, LF or NUL may be inside. */
function readQuoted(text: Buffer, start: number): { value: Buffer; end: number } | undefined {
  const value = Buffer.alloc(text.length - start)
  let length = 0
  for (let i = start; i < text.length; i += 1) {
    let octet = text[i] ?? 0
    if (octet === QUOTE) return { value: value.subarray(0, length), end: i + 1 }
    if (octet === BACKSLASH) {
      i += 1
      octet = text[i] ?? 0
      if (octet !== QUOTE && octet !== BACKSLASH) return undefined
    } else if (octet === 0 || octet === CR || octet === LF) return undefined
    value[length] = octet
    length += 1
  }
  return undefined
}
