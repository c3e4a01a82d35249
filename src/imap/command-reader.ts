import {
  announcedLiteral,
  MAX_ARGUMENTS,
  parseCommand,
  tagOf,
  type Command,
  type Malformed,
} from './command-syntax'
import { OctetQueue } from './octet-queue'

/** Bounds of what a client may send before login; octets. */
export interface ReaderLimits {
  readonly line: number
  readonly literal: number
}

/** What a client sent. The Buffers in it hold until {@link CommandReader.forget}. */
export type ReaderEvent =
  | Command
  | Malformed
  /** A line asked for by {@link CommandReader.expectLine}, without its line end. */
  | { readonly kind: 'line'; readonly line: Buffer }
  /** A synchronising literal is announced and fits: answer `+`, then its octets come. */
  | { readonly kind: 'continue' }
  /** A synchronising literal is too large: answer `tag NO [TOOBIG]`, and it does not come. */
  | { readonly kind: 'toobig'; readonly tag: string }
  /** Nothing sensible can follow: answer `* BYE text` and close. */
  | { readonly kind: 'fatal'; readonly text: string }

const CR = 13
const EMPTY = Buffer.alloc(0)

/**
 * Reads commands before login (RFC 3501 9, RFC 7888) from whatever pieces the network gives. Holds at most
 * one line and one command's literals. Strings stay in Buffers, so that credentials can be overwritten.
 */
export class CommandReader {
  readonly #queue = new OctetQueue()
  /** The pieces of the command so far: lines, each but the last followed by its literal. */
  #lines: Buffer[] = []
  #literals: Buffer[] = []
  /** What the last events were made of. */
  #spent: Buffer[] = []
  #lineOctets = 0
  #literalOctets = 0
  /** Octets of the literal that is coming; -1 when a line is. */
  #literalSize = -1
  #lineWanted = false

  constructor(private readonly limits: () => ReaderLimits) {}

  /** Takes `chunk` over: it is overwritten once it was used. */
  push(chunk: Buffer): void {
    this.#queue.push(chunk)
  }

  /** The next line is no command: a SASL response. */
  expectLine(): void {
    this.#lineWanted = true
  }

  /** What came behind the last event; the reader is done with it. */
  takeRest(): Buffer {
    return this.#queue.take(this.#queue.length)
  }

  /** Octets behind the last event. */
  get waiting(): number {
    return this.#queue.length
  }

  /** Overwrites what the events so far were made of. */
  forget(): void {
    for (const piece of this.#spent) piece.fill(0)
    this.#spent = []
  }

  /** Overwrites all it holds: nobody will ask for more. */
  discard(): void {
    this.#reset()
    this.forget()
    this.takeRest().fill(0)
  }

  /** The next event, or undefined until more is pushed. */
  next(): ReaderEvent | undefined {
    for (;;) {
      if (this.#literalSize >= 0) {
        if (this.#queue.length < this.#literalSize) return undefined
        this.#literals.push(this.#queue.take(this.#literalSize))
        this.#literalSize = -1
      }
      const line = this.#takeLine()
      if (line === undefined) return undefined
      if (line === 'too long') return { kind: 'fatal', text: 'Line too long' }
      if (this.#lineWanted) {
        this.#lineWanted = false
        this.#spent.push(line)
        return { kind: 'line', line }
      }
      this.#lines.push(line)
      this.#lineOctets += line.length
      const literal = announcedLiteral(line)
      if (!literal) return this.#command()
      const event = this.#expectLiteral(literal)
      if (event) return event
    }
  }

  /** The next line without CRLF (a lone LF ends one too: nothing of it is ever passed on). */
  #takeLine(): Buffer | 'too long' | undefined {
    const { line: limit, literal } = this.limits()
    // A token comes as a SASL response, and may be as long as a literal.
    const bound = this.#lineWanted ? Math.max(limit, literal) : limit - this.#lineOctets
    const end = this.#queue.lineEnd()
    // Not counting the line end, of which the CR may be here already.
    if (end < 0) return this.#queue.length > bound + 1 ? 'too long' : undefined
    const line = this.#queue.take(end + 1)
    const text = line.subarray(0, line[end - 1] === CR ? end - 1 : end)
    return text.length > bound ? 'too long' : text
  }

  #expectLiteral(literal: { size: number; synchronising: boolean }): ReaderEvent | undefined {
    const { size, synchronising } = literal
    if (this.#literals.length === MAX_ARGUMENTS) return { kind: 'fatal', text: 'Too many literals' }
    if (size + this.#literalOctets <= this.limits().literal) {
      this.#literalSize = size
      this.#literalOctets += size
      return synchronising ? { kind: 'continue' } : undefined
    }
    // A non-synchronising literal comes whatever we say: there is no polite way to refuse it.
    if (!synchronising) return { kind: 'fatal', text: 'Literal too large' }
    const tag = tagOf(this.#lines[0] ?? EMPTY)
    this.#reset()
    return tag === null ? { kind: 'bad', tag, text: 'Invalid tag' } : { kind: 'toobig', tag }
  }

  #command(): ReaderEvent {
    const event = parseCommand(this.#lines, this.#literals)
    this.#reset()
    return event
  }

  #reset(): void {
    this.#spent.push(...this.#lines, ...this.#literals)
    this.#lines = []
    this.#literals = []
    this.#lineOctets = 0
    this.#literalOctets = 0
  }
}
