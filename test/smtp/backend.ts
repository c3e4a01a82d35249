import net from 'node:net'

/** The mail server that auth/auth_proxy asks: its end of each connection is played by the transcript. */
export class Backend {
  readonly #server = net.createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    socket.on('error', () => undefined)
    const waiting = this.#waiting.shift()
    if (waiting) waiting(socket)
    else this.#arrived.push(socket)
  })
  readonly #arrived: net.Socket[] = []
  readonly #waiting: ((socket: net.Socket) => void)[] = []

  static async start(): Promise<Backend> {
    const backend = new Backend()
    await new Promise<void>((resolve) => backend.#server.listen(0, '127.0.0.1', resolve))
    return backend
  }

  get port(): number {
    return (this.#server.address() as net.AddressInfo).port
  }

  /** The next connection that was made to it. */
  next(): Promise<net.Socket> {
    const socket = this.#arrived.shift()
    return socket ? Promise.resolve(socket) : new Promise((resolve) => this.#waiting.push(resolve))
  }

  stop(): void {
    this.#server.close()
  }
}
