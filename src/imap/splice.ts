import type net from 'node:net'

import { READ_OCTETS, type UpstreamSocket } from './upstream-socket'

/**
 * Where a chunk from the shared read buffer is written from. The kernel usually takes all of it at once, and
 * then it serves the next write, of whichever session; a write that has to wait keeps it.
 */
let writeBuffer = Buffer.allocUnsafeSlow(READ_OCTETS)

/** When one side is gone, or the mail server has ended, the other may take what is still its for so long. */
const LAST_WORDS_MS = 5 * 60_000

/**
 * Joins a client and its upstream after login: bytes go both ways as they come, each side is read only as
 * fast as the other takes them, an end on one side ends that direction, an error ends both. It is a
 * member of `live` until both are gone.
 */
export class Splice {
  #open = 2
  #lastWords: NodeJS.Timeout | undefined
  readonly #client: net.Socket
  readonly #upstream: net.Socket

  constructor(
    client: net.Socket,
    private readonly from: UpstreamSocket,
    private readonly live: Set<Splice>,
  ) {
    this.#client = client
    this.#upstream = from.socket
    live.add(this)
    from.receiver = (chunk) => this.#toClient(chunk)
    client.on('data', (chunk: Buffer) => this.#toUpstream(chunk))
    client.on('end', () => this.#upstream.end())
    this.#upstream.on('end', () => {
      this.#client.end()
      this.#windUp()
    })
    client.on('drain', () => this.#upstream.resume())
    this.#upstream.on('drain', () => this.#client.resume())
    client.on('close', () => this.#closed(this.#upstream))
    this.#upstream.on('close', () => this.#closed(this.#client))
    // What happened before is not told again.
    if (client.readableEnded) this.#upstream.end()
    if (this.#upstream.destroyed) this.#closed(this.#client)
    if (client.destroyed) this.#closed(this.#upstream)
    this.#upstream.resume()
    client.resume()
  }

  destroy(): void {
    this.#client.destroy()
    this.#upstream.destroy()
  }

  #toClient(chunk: Buffer): boolean {
    if (!this.from.shared) return this.#client.write(chunk)
    chunk.copy(writeBuffer)
    const goOn = this.#client.write(writeBuffer.subarray(0, chunk.length))
    if (this.#client.writableLength > 0) writeBuffer = Buffer.allocUnsafeSlow(READ_OCTETS)
    return goOn
  }

  #toUpstream(chunk: Buffer): void {
    if (!this.#upstream.write(chunk)) this.#client.pause()
  }

  #closed(other: net.Socket): void {
    this.#open -= 1
    if (this.#open === 1) {
      // What was already written to the other side still goes out; then it is closed too.
      other.destroySoon()
      this.#windUp()
    } else if (this.#open === 0) {
      clearTimeout(this.#lastWords)
      this.live.delete(this)
    }
  }

  #windUp(): void {
    this.#lastWords ??= setTimeout(() => this.destroy(), LAST_WORDS_MS)
  }
}
