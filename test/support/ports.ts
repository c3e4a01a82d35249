import { randomInt } from 'node:crypto'
import net from 'node:net'

/**
 * Below the ports that systems give to outgoing connections: one of those could take a port between its being
 * found and its being listened on, or while the server on it is restarted.
 */
const FIRST_PORT = 10_000
const LAST_PORT = 32_000

/** Ports of 127.0.0.1 that were free a moment ago, all different. */
export async function freePorts(count: number): Promise<number[]> {
  const servers: net.Server[] = []
  while (servers.length < count) {
    const server = await listening(randomInt(FIRST_PORT, LAST_PORT))
    if (server) servers.push(server)
  }
  const ports = servers.map((server) => (server.address() as net.AddressInfo).port)
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}

/** undefined: somebody else has the port. */
const listening = (port: number): Promise<net.Server | undefined> =>
  new Promise((resolve) => {
    const server = net.createServer()
    server.once('error', () => resolve(undefined)).listen(port, '127.0.0.1', () => resolve(server))
  })

const RETRY_MS = 25

/** Resolves when something listens on `port`; rejects with what `explain` says when nothing does in time. */
export async function untilListening(port: number, explain: () => string, timeoutMs = 30_000): Promise<void> {
  const end = Date.now() + timeoutMs
  while (!(await canConnect(port))) {
    if (Date.now() > end) throw new Error(`nothing listens on port ${port}: ${explain()}`)
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
  }
}

const canConnect = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1')
    const done = (open: boolean) => () => {
      socket.destroy()
      resolve(open)
    }
    socket.once('connect', done(true)).once('error', done(false))
  })
