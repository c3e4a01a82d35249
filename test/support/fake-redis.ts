import net from 'node:net'

/** A server that speaks just enough of Redis' protocol to say which version it is. */
export class FakeRedis {
  private constructor(
    private readonly server: net.Server,
    readonly port: number,
  ) {}

  static async start(version: string): Promise<FakeRedis> {
    const server = net.createServer((socket) => {
      socket.on('error', () => undefined)
      socket.on('data', (chunk) => {
        for (const command of chunk.toString().matchAll(/^\*\d+\r\n\$\d+\r\n(\w+)\r\n/gm)) {
          const info = `# Server\r\nredis_version:${version}\r\nrole:master\r\nloading:0\r\n`
          socket.write(command[1]?.toLowerCase() === 'info' ? `$${info.length}\r\n${info}\r\n` : '+OK\r\n')
        }
      })
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return new FakeRedis(server, (server.address() as net.AddressInfo).port)
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`
  }

  close(): void {
    this.server.close()
  }
}
