const EMPTY = Buffer.alloc(0)
const LF = 10
const MIN_OCTETS = 256

/**
 * Octets that came and were not taken yet, whatever pieces they came in: each is copied a bounded number of
 * times, also when a client sends them one by one. What is copied is overwritten where it lay, since it may
 * be a password.
 */
export class OctetQueue {
  #octets: Buffer = EMPTY
  #start = 0
  #end = 0
  /** Where the search for the next line end goes on. */
  #searched = 0

  get length(): number {
    return this.#end - this.#start
  }

  /** Takes `chunk` over: it must not be used any more. */
  push(chunk: Buffer): void {
    if (this.length === 0) {
      this.#use(chunk, chunk.length)
      return
    }
    if (this.#octets.length - this.#end < chunk.length) this.#grow(chunk.length)
    chunk.copy(this.#octets, this.#end)
    this.#end += chunk.length
    chunk.fill(0)
  }

  /** How far it is to the next LF, or -1 while there is none. */
  lineEnd(): number {
    const at = this.#octets.subarray(this.#searched, this.#end).indexOf(LF)
    if (at >= 0) return this.#searched + at - this.#start
    this.#searched = this.#end
    return -1
  }

  /** The next octets; they belong to who takes them. There must be as many. */
  take(count: number): Buffer {
    const taken = this.#octets.subarray(this.#start, this.#start + count)
    this.#start += count
    this.#searched = this.#start
    if (this.length === 0) this.#use(EMPTY, 0)
    return taken
  }

  #grow(more: number): void {
    const length = this.length
    const grown = Buffer.allocUnsafeSlow(Math.max(MIN_OCTETS, 2 * (length + more)))
    const unread = this.#octets.subarray(this.#start, this.#end)
    unread.copy(grown)
    unread.fill(0)
    this.#use(grown, length)
  }

  #use(octets: Buffer, length: number): void {
    this.#searched = Math.max(0, this.#searched - this.#start)
    this.#octets = octets
    this.#start = 0
    this.#end = length
  }
}
