import { spawn } from 'node:child_process'
import net from 'node:net'
import type { Readable, Writable } from 'node:stream'

const PATIENCE_MS = 30_000
const MAX_SHOWN = 400

/** A dialogue with a line protocol, written by hand, over whatever carries it. */
export class Dialogue {
  #received = Buffer.alloc(0)
  #ended = false
  #wake: (() => void) | undefined

  constructor(
    input: Readable,
    private readonly output: Writable,
    /** Ends it at once. */
    readonly close: () => void,
  ) {
    const ended = (): void => {
      this.#ended = true
      this.#wake?.()
    }
    input.on('data', (chunk: Buffer) => {
      this.#received = Buffer.concat([this.#received, chunk])
      this.#wake?.()
    })
    // A reset ends a connection like anything else: `close` follows.
    input
      .on('end', ended)
      .on('close', ended)
      .on('error', () => undefined)
    output.on('error', () => undefined)
  }

  /** Over a plain connection; `from` is the address that the client connects from. */
  static async connect(port: number, from = '127.0.0.1'): Promise<Dialogue & { readonly localPort: number }> {
    const socket = net.connect({ port, host: '127.0.0.1', localAddress: from, noDelay: true })
    await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject))
    const dialogue = new Dialogue(socket, socket, () => socket.destroy())
    return Object.assign(dialogue, { localPort: socket.localPort ?? 0 })
  }

  /** Through `openssl s_client`, as one debugs a mail server by hand. */
  static openssl(port: number, ...options: string[]): Dialogue {
    const client = spawn('openssl', ['s_client', '-quiet', '-connect', `127.0.0.1:${port}`, ...options], {
      stdio: ['pipe', 'pipe', 'ignore'],
    })
    return new Dialogue(client.stdout, client.stdin, () => client.kill('SIGKILL'))
  }

  send(text: string | Buffer): void {
    this.output.write(text)
  }

  /** Sends one line and gives the answer up to the line that `end` matches, which is its last one. */
  async ask(line: string, end: RegExp): Promise<string> {
    this.send(`${line}\r\n`)
    return this.until(end)
  }

  /** The lines up to the first one that `end` matches, with their line ends. */
  async until(end: RegExp): Promise<string> {
    let text = ''
    for (;;) {
      const line = await this.line()
      text += `${line}\r\n`
      if (end.test(line)) return text
    }
  }

  /** The next line, without its line end. */
  async line(): Promise<string> {
    await this.#have('a line', () => this.#received.includes(10))
    const end = this.#received.indexOf(10)
    return this.#take(end + 1)
      .toString('latin1')
      .replace(/\r?\n$/, '')
  }

  async octets(count: number): Promise<Buffer> {
    await this.#have(`${count} octets`, () => this.#received.length >= count)
    return this.#take(count)
  }

  /** Resolves with what is still to come when the other side has ended. */
  async ended(): Promise<string> {
    await this.#have('the end', () => this.#ended)
    return this.#take(this.#received.length).toString('latin1')
  }

  /** Puts octets back in front of what is still to be read. */
  unread(octets: Buffer): this {
    this.#received = Buffer.concat([octets, this.#received])
    return this
  }

  #take(count: number): Buffer {
    const taken = this.#received.subarray(0, count)
    this.#received = this.#received.subarray(count)
    return taken
  }

  async #have(what: string, here: () => boolean): Promise<void> {
    const end = performance.now() + PATIENCE_MS
    const timer = setTimeout(() => this.#wake?.(), PATIENCE_MS + 1)
    try {
      while (!here()) {
        const unread = JSON.stringify(this.#received.toString('latin1', 0, MAX_SHOWN))
        if (this.#ended) throw new Error(`expected ${what}, the connection ended; unread: ${unread}`)
        if (performance.now() > end) throw new Error(`expected ${what}, nothing came; unread: ${unread}`)
        await new Promise<void>((resolve) => (this.#wake = resolve))
      }
    } finally {
      clearTimeout(timer)
    }
  }
}
