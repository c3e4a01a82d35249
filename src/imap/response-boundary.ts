const LF = 10
const CR = 13
const ZERO = 48
const NINE = 57
const OPEN_BRACE = 123
const CLOSE_BRACE = 125
/** `* PREAUTH ` is the longest beginning that tells a status response. */
const HEAD_OCTETS = 10
/** `{` and `}` around a number of 20 digits, and a CR. */
const TAIL_OCTETS = 23
/** Untagged status responses (RFC 3501 7.1), tagged ones, and continuations: lines of text, never with a literal. */
const TEXT_RESPONSE = /^(?:\* (?:OK|NO|BAD|BYE|PREAUTH) |[^*])/i

/**
 * Follows a server's stream of responses (RFC 3501 9) and tells where one ends and the next begins: the only
 * places where the gate may put in a line of its own. Literals are skipped by their count; elsewhere only the
 * line ends are looked at.
 */
export class ResponseBoundary {
  /** Octets of the current literal that are still to come. */
  #literal = 0
  /** How the response under way begins, when that came in an earlier chunk; empty at a boundary. */
  #head = ''
  /** How the line under way ends so far, when that came in an earlier chunk. */
  #tail = ''
  #atBoundary = true

  /** Whether everything seen so far ends with a whole response. */
  get atBoundary(): boolean {
    return this.#atBoundary
  }

  /** Takes the next octets of the stream; gives the offset behind the last whole response in them, or -1. */
  take(chunk: Buffer): number {
    let last = -1
    let at = 0
    /** Where the response under way begins; negative: in an earlier chunk. */
    let start = this.#atBoundary ? 0 : -1
    while (at < chunk.length) {
      if (this.#literal > 0) {
        const octets = Math.min(this.#literal, chunk.length - at)
        this.#literal -= octets
        at += octets
        continue
      }
      const end = chunk.indexOf(LF, at)
      if (end < 0) break
      const literal = this.#literalAnnounced(chunk, at, end, start)
      this.#tail = ''
      at = end + 1
      if (literal < 0) {
        last = at
        start = at
        this.#head = ''
      } else this.#literal = literal
    }
    this.#atBoundary = last === chunk.length || (this.#atBoundary && chunk.length === 0)
    if (!this.#atBoundary) this.#keep(chunk, at, start)
    return last
  }

  /** What of an unfinished line the next chunk will be read with. */
  #keep(chunk: Buffer, at: number, start: number): void {
    if (start >= 0) this.#head = chunk.toString('latin1', start, start + HEAD_OCTETS)
    else if (this.#head.length < HEAD_OCTETS) {
      this.#head = (this.#head + chunk.toString('latin1', 0, HEAD_OCTETS)).slice(0, HEAD_OCTETS)
    }
    if (at < chunk.length) {
      const piece = chunk.toString('latin1', Math.max(at, chunk.length - TAIL_OCTETS))
      this.#tail = (this.#tail + piece).slice(-TAIL_OCTETS)
    }
  }

  /** The octets of the literal that the line from `at` to its LF at `end` announces; -1: none. */
  #literalAnnounced(chunk: Buffer, at: number, end: number, start: number): number {
    let brace = end - 1
    if (chunk[brace] === CR) brace -= 1
    if (brace >= at && chunk[brace] !== CLOSE_BRACE) return -1
    const from = Math.max(at, end - TAIL_OCTETS)
    const size = announcedSize(this.#tail + chunk.toString('latin1', from, end))
    if (size < 0) return -1
    const head =
      start < 0
        ? this.#head + chunk.toString('latin1', 0, HEAD_OCTETS - this.#head.length)
        : chunk.toString('latin1', start, start + HEAD_OCTETS)
    return TEXT_RESPONSE.test(head) ? -1 : size
  }
}

/** `{n}` at the end of a line's text; -1: none. A quoted string cannot end a line with it: its quote comes behind. */
function announcedSize(line: string): number {
  let i = line.length - 1
  if (line.charCodeAt(i) === CR) i -= 1
  if (line.charCodeAt(i) !== CLOSE_BRACE) return -1
  const end = i
  do i -= 1
  while (line.charCodeAt(i) >= ZERO && line.charCodeAt(i) <= NINE)
  if (line.charCodeAt(i) !== OPEN_BRACE || i === end - 1) return -1
  return Number(line.slice(i + 1, end))
}
