const LF = 10
const CR = 13
const SPACE = 32
const QUOTE = 34
const UPPER_E = 69
const LOWER_E = 101
/** ` COMPRESS "DEFLATE"` and a CRLF, with some room for more blanks. */
const TAIL_OCTETS = 48
const REQUEST = /(?:^| )COMPRESS +"?DEFLATE"? *\r?\n$/i

/**
 * Follows what a client sends after its login, and notices when it asks for compression (RFC 4978): it must wait
 * for the answer, so the request is the last line for now. Looks at the end of each chunk only. A line of a
 * message that reads the same is taken for a request.
 */
export class CompressRequest {
  /** How the line under way ends so far, when that came in an earlier chunk. */
  #tail = ''

  /** Whether all that came so far ends in a request. */
  take(chunk: Buffer): boolean {
    const last = chunk.length - 1
    if (this.#tail === '' && chunk[last] === LF) {
      const octet = chunk[chunk[last - 1] === CR ? last - 2 : last - 1]
      if (octet !== UPPER_E && octet !== LOWER_E && octet !== SPACE && octet !== QUOTE) {
        // A line end that comes by itself has its line in an earlier chunk, and so a tail.
        return false
      }
    }
    const text = this.#tail + chunk.toString('latin1', Math.max(0, chunk.length - TAIL_OCTETS))
    this.#tail = text.endsWith('\n') ? '' : text.slice(-TAIL_OCTETS)
    return this.#tail === '' && REQUEST.test(text)
  }
}
