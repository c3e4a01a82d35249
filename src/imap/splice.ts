import type net from 'node:net'

import { CompressRequest } from './compress-request'
import type { ClientConnection, ConnectionOwner } from './connection'
import { ResponseBoundary } from './response-boundary'
import type { Listed, Roster } from '../gate/roster'
import { READ_OCTETS, type UpstreamSocket } from './upstream-socket'

/**
 * Where a large chunk from the shared read buffer is written from. The kernel usually takes all of it at once,
 * and then it serves the next write, of whichever session; a write that has to wait keeps it.
 */
let writeBuffer = Buffer.allocUnsafeSlow(READ_OCTETS)

/** A smaller chunk gets memory of its own: while it waits for a slow client it must not keep a whole buffer. */
const LARGE_OCTETS = 16 * 1024

/** When one side is gone, or the mail server has ended, the other may take what is still its for so long. */
const LAST_WORDS_MS = 5 * 60_000

/** The server's stream comes to the end of a response within so long, or the session ends without a word. */
const BOUNDARY_MS = 30_000

/** Told when a spliced session is over. */
export interface SpliceWatcher {
  onOver(): void
}

/**
 * Joins a client and its upstream after login: bytes go both ways as they come, each side is read only as
 * fast as the other takes them, an end on one side ends that direction, an error ends both. It is a
 * member of `live` until both are gone.
 */
export class Splice implements Listed {
  place = -1
  #open = 2
  #lastWords: NodeJS.Timeout | undefined
  #watcher: SpliceWatcher | undefined
  readonly #toClient: Downstream
  readonly #client: net.Socket
  readonly #upstream: net.Socket

  constructor(
    client: ClientConnection,
    upstream: UpstreamSocket,
    private readonly live: Roster<Splice>,
    /** What the client was told already of what follows the login. */
    told: Buffer,
    /** What the client said already behind its login, for the upstream. */
    ahead: Buffer,
  ) {
    this.#client = client.socket
    this.#upstream = upstream.socket
    live.add(this)
    this.#toClient = new Downstream(this.#client, upstream.shared, this, told)
    const toUpstream = new Upward(this.#upstream, false, this)
    client.owner = toUpstream
    if (ahead.length > 0) toUpstream.onData(ahead)
    upstream.handTo(this.#toClient)
    // What happened before is not told again.
    if (this.#client.readableEnded) this.onEnd(this.#upstream)
    if (this.#upstream.readableEnded) this.onEnd(this.#client)
    if (this.#upstream.closed) this.onClose(this.#client)
    if (this.#client.closed) this.onClose(this.#upstream)
    this.#client.resume()
  }

  watch(watcher: SpliceWatcher): void {
    if (this.#open > 0) this.#watcher = watcher
    else watcher.onOver()
  }

  /** Says a line of the gate's own as soon as the server's stream is between two responses. */
  say(line: string): void {
    this.#toClient.say(line)
  }

  /** Says a last line there, and ends the session. */
  bye(line: string): void {
    this.#lastWords ??= setTimeout(() => this.destroy(), BOUNDARY_MS)
    this.#toClient.sayLast(line)
  }

  /** From here on the gate cannot read what the server says, nor say anything itself: a `bye` just ends the session. */
  onCompress(): void {
    this.#toClient.silence()
  }

  /** The last line was said. */
  onSaid(): void {
    this.#client.end()
    this.#upstream.destroy()
  }

  destroy(): void {
    this.#client.destroy()
    this.#upstream.destroy()
  }

  /** Nothing more comes for `to`. */
  onEnd(to: net.Socket): void {
    // With its other direction ended and all written, to close it says the same to its far end.
    if (to.readableEnded && to.writableLength === 0) to.destroy()
    else to.end()
    if (to === this.#client) this.#windUp()
  }

  /** The other side is gone. */
  onClose(to: net.Socket): void {
    this.#open -= 1
    if (this.#open === 1) {
      // What was already written to the other side still goes out; then it is closed too.
      if (!to.destroyed) to.destroySoon()
      this.#windUp()
    } else if (this.#open === 0) {
      clearTimeout(this.#lastWords)
      this.live.delete(this)
      this.#watcher?.onOver()
    }
  }

  #windUp(): void {
    this.#lastWords ??= setTimeout(() => this.destroy(), LAST_WORDS_MS)
  }
}

/** What comes from one side goes to the other. */
class Direction implements ConnectionOwner {
  constructor(
    protected readonly to: net.Socket,
    /** Chunks lie in memory that the next read overwrites. */
    private readonly shared: boolean,
    protected readonly splice: Splice,
  ) {}

  onData(chunk: Buffer): boolean {
    const { to } = this
    if (!this.shared) return to.write(chunk)
    if (chunk.length < LARGE_OCTETS) return to.write(Buffer.from(chunk))
    chunk.copy(writeBuffer)
    const goOn = to.write(writeBuffer.subarray(0, chunk.length))
    if (to.writableLength === 0) return true
    writeBuffer = Buffer.allocUnsafeSlow(READ_OCTETS)
    return goOn
  }

  /** The side that this one reads from takes more again: so the other may be read again. */
  onDrain(): void {
    this.to.resume()
  }

  onEnd(): void {
    this.splice.onEnd(this.to)
  }

  onClose(): void {
    this.splice.onClose(this.to)
  }
}

/** What comes from the client goes to the mail server; when it asks for compression, that is noticed. */
class Upward extends Direction {
  #request: CompressRequest | undefined = new CompressRequest()

  override onData(chunk: Buffer): boolean {
    if (this.#request?.take(chunk)) {
      this.#request = undefined
      this.splice.onCompress()
    }
    return super.onData(chunk)
  }
}

/** What comes from the mail server goes to the client, with the gate's own words between its responses. */
class Downstream extends Direction {
  readonly #boundary = new ResponseBoundary()
  #words = ''
  /** Nothing that we say would be understood. */
  #silent = false
  #last = false
  #over = false

  constructor(to: net.Socket, shared: boolean, splice: Splice, told: Buffer) {
    super(to, shared, splice)
    this.#boundary.take(told)
  }

  say(line: string): void {
    if (!this.#last) this.#add(line)
  }

  sayLast(line: string): void {
    if (this.#last) return
    this.#last = true
    this.#add(line)
  }

  silence(): void {
    this.#silent = true
    this.#words = ''
    if (this.#last) this.#speak()
  }

  override onData(chunk: Buffer): boolean {
    if (this.#over) return false
    if (this.#silent) return super.onData(chunk)
    const end = this.#boundary.take(chunk)
    if (this.#words === '' || end < 0) return super.onData(chunk)
    super.onData(chunk.subarray(0, end))
    this.#speak()
    return this.#last ? false : super.onData(chunk.subarray(end))
  }

  #add(line: string): void {
    if (!this.#silent) this.#words += line
    if (this.#silent ? this.#last : this.#boundary.atBoundary) this.#speak()
  }

  #speak(): void {
    if (this.#words !== '') this.to.write(this.#words, 'latin1')
    this.#words = ''
    if (this.#over || !this.#last) return
    this.#over = true
    this.splice.onSaid()
  }
}
