import net from 'node:net'

/** A way to a port of 127.0.0.1 that can be blocked (nothing comes through, nothing ends) or closed. */
export class CuttableWay {
  readonly #pairs = new Set<readonly [net.Socket, net.Socket]>()
  #state: 'open' | 'blocked' | 'closed' = 'open'

  private constructor(
    private readonly server: net.Server,
    readonly port: number,
  ) {}

  static async to(target: number): Promise<CuttableWay> {
    const server = net.createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const way = new CuttableWay(server, (server.address() as net.AddressInfo).port)
    server.on('connection', (near) => way.#take(near, target))
    return way
  }

  #take(near: net.Socket, target: number): void {
    if (this.#state === 'closed') {
      near.destroy()
      return
    }
    const far = net.connect(target, '127.0.0.1')
    const pair = [near, far] as const
    this.#pairs.add(pair)
    for (const [from, to] of [pair, [far, near] as const]) {
      from.on('data', (chunk) => this.#state === 'open' && to.write(chunk))
      from.on('error', () => undefined)
      from.on('close', () => {
        to.destroy()
        this.#pairs.delete(pair)
      })
    }
  }

  block(): void {
    this.#state = 'blocked'
  }

  close(): void {
    this.#state = 'closed'
    this.#endAll()
  }

  /** What was held up is lost with its connection. */
  open(): void {
    this.#endAll()
    this.#state = 'open'
  }

  end(): void {
    this.close()
    this.server.close()
  }

  #endAll(): void {
    for (const [near, far] of this.#pairs) {
      near.destroy()
      far.destroy()
    }
  }
}
