import net from 'node:net'
import type tls from 'node:tls'

/** Longer than anything a dialogue waits for; a test that needs it has failed. */
const PATIENCE_MS = 8000
const MAX_SHOWN = 400

/** Wraps one end of a connection in TLS; `name` says as whom, where a transcript gives one. */
export type Secure = (socket: net.Socket, name: string) => tls.TLSSocket

const plainOnly: Secure = () => {
  throw new Error('this connection knows no TLS')
}

/** Connects to 127.0.0.1. */
export async function connectChannel(port: number, secure: Secure = plainOnly): Promise<Channel> {
  const socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true })
  await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject))
  return new Channel(socket, secure)
}

/** Our end of one connection: what came and was not yet looked at. */
export class Channel {
  #received = Buffer.alloc(0)
  readonly #heard: Buffer[] = []
  #ended = false
  #wake: (() => void) | undefined
  #socket: net.Socket

  /** `socket` must have been made with `allowHalfOpen`. */
  constructor(
    socket: net.Socket,
    private readonly secure: Secure,
  ) {
    this.#socket = socket
    this.#listen()
  }

  /** All that ever came. */
  get heard(): Buffer {
    return Buffer.concat(this.#heard)
  }

  send(octets: Buffer): void {
    this.#socket.write(octets)
  }

  /** The next line, without CRLF, as latin1. */
  async line(): Promise<string> {
    await this.#until('a line', () => this.#received.includes(10))
    const end = this.#received.indexOf(10)
    if (this.#received[end - 1] !== 13) throw new Error(`a line ends in a lone LF: ${this.#unread()}`)
    return this.#take(end + 1).toString('latin1', 0, end - 1)
  }

  async octets(count: number): Promise<string> {
    await this.#until(`${count} octets`, () => this.#received.length >= count)
    return this.#take(count).toString('latin1')
  }

  /** Resolves when the other side has ended; what it said before that and nobody looked at is an error. */
  async closed(): Promise<void> {
    await this.#until('the end of the connection', () => this.#ended || this.#received.length > 0)
    if (this.#received.length > 0) throw new Error(`expected the end of the connection, got ${this.#unread()}`)
  }

  /** Resolves when the other side has ended, whatever it said before. */
  async ended(): Promise<void> {
    await this.#until('the end of the connection', () => this.#ended)
  }

  async act(action: string): Promise<void> {
    const [verb = '', name = ''] = action.split(' ')
    switch (verb) {
      case 'end':
        this.#socket.end()
        return
      case 'close':
        this.#socket.destroySoon()
        return
      case 'reset':
        this.#socket.resetAndDestroy()
        return
      case 'TLS':
        return this.#startTls(name)
      default:
        throw new Error(`nobody knows how to do "${action}"`)
    }
  }

  /** Gives the socket away, paused, with what was not read yet. */
  release(): net.Socket {
    for (const event of ['data', 'end', 'close']) this.#socket.removeAllListeners(event)
    this.#socket.pause()
    this.#socket.unshift(this.#take(this.#received.length))
    return this.#socket
  }

  destroy(): void {
    this.#socket.destroy()
  }

  #startTls(name: string): Promise<void> {
    if (this.#received.length > 0) throw new Error(`octets before TLS: ${this.#unread()}`)
    for (const event of ['data', 'end', 'close']) this.#socket.removeAllListeners(event)
    const secured = this.secure(this.#socket, name)
    this.#socket = secured
    this.#listen()
    return new Promise((resolve, reject) => {
      secured.once('secure', resolve).once('error', reject)
      secured.once('close', () => reject(new Error('the connection ended in the TLS handshake')))
    })
  }

  #listen(): void {
    const ended = (): void => {
      this.#ended = true
      this.#wake?.()
    }
    this.#socket.on('data', (chunk: Buffer) => {
      this.#received = Buffer.concat([this.#received, chunk])
      this.#heard.push(chunk)
      this.#wake?.()
    })
    // A reset ends a connection like anything else: `close` follows.
    this.#socket.on('end', ended).on('close', ended).on('error', () => undefined)
  }

  #take(count: number): Buffer {
    const taken = this.#received.subarray(0, count)
    this.#received = this.#received.subarray(count)
    return taken
  }

  async #until(what: string, fulfilled: () => boolean): Promise<void> {
    const end = performance.now() + PATIENCE_MS
    const timer = setTimeout(() => this.#wake?.(), PATIENCE_MS + 1)
    try {
      while (!fulfilled()) {
        if (performance.now() > end) throw new Error(`expected ${what}, nothing came; unread: ${this.#unread()}`)
        if (this.#ended) throw new Error(`expected ${what}, the connection ended; unread: ${this.#unread()}`)
        await new Promise<void>((resolve) => (this.#wake = resolve))
      }
    } finally {
      clearTimeout(timer)
    }
  }

  /** What nobody looked at yet, with control characters made visible. */
  #unread(): string {
    const rest = this.#received.length > MAX_SHOWN ? ` and ${this.#received.length - MAX_SHOWN} octets` : ''
    return JSON.stringify(this.#received.toString('latin1', 0, MAX_SHOWN)) + rest
  }
}
