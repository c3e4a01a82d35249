import net from 'node:net'

import type { LoadAccounts, LoadResult, LoadTask } from './load-client'

const accounts = JSON.parse(process.argv[2] ?? '') as LoadAccounts
/** Every read of every connection goes here: a light client has CPU left for the proxies. */
const readBuffer = Buffer.allocUnsafeSlow(256 * 1024)
/** A tagged answer fits: what is kept of a response, to find its end. */
const TAIL_OCTETS = 512
const LF = 10
const [mailUser = ''] = accounts.users
let nextUser = 0

/** An IMAP client that only looks for the ends of answers. */
class Connection {
  octets = 0
  readonly closed: Promise<void>
  readonly #socket: net.Socket
  #tail = ''
  #end = /^\* OK .*\r\n$/
  #wake: () => void = () => undefined

  constructor(port: number) {
    const onread = {
      buffer: readBuffer,
      callback: (octets: number) => this.#received(readBuffer.subarray(0, octets)),
    }
    this.#socket = net.connect({ port, host: '127.0.0.1', noDelay: true, onread })
    this.#socket.on('error', fail)
    this.closed = new Promise((resolve) => this.#socket.once('close', resolve))
  }

  greeted(): Promise<void> {
    return this.#answer()
  }

  /** Resolves with the tagged OK; any other answer ends the run. */
  command(tag: string, text: string): Promise<void> {
    this.#end = new RegExp(`(?:^|\r\n)${tag} OK [^\r\n]*\r\n$`)
    this.#tail = ''
    this.#socket.write(`${tag} ${text}\r\n`)
    return this.#answer()
  }

  login(user: string): Promise<void> {
    return this.command('a', `LOGIN ${user} ${accounts.password}`)
  }

  close(): void {
    this.#socket.destroy()
  }

  #answer(): Promise<void> {
    return new Promise((resolve) => (this.#wake = resolve))
  }

  #received(chunk: Buffer): boolean {
    this.octets += chunk.length
    const last = chunk.toString('latin1', Math.max(0, chunk.length - TAIL_OCTETS))
    this.#tail = (this.#tail + last).slice(-TAIL_OCTETS)
    if (chunk[chunk.length - 1] !== LF) return true
    if (this.#end.test(this.#tail)) this.#wake()
    else if (/(?:^|\r\n)\w+ (?:NO|BAD) |\* BYE [^L]/.test(this.#tail)) fail(new Error(this.#tail))
    return true
  }
}

function fail(error: Error): never {
  console.error('load:', error)
  process.exit(1)
}

const result = (done: number, startedMs: number, roundTripsUs: number[][] = []): LoadResult => ({
  done,
  seconds: (performance.now() - startedMs) / 1000,
  roundTripsUs,
})

const times = <T>(count: number, make: () => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, make))

async function loggedIn(port: number, user = anyUser()): Promise<Connection> {
  const connection = new Connection(port)
  await connection.greeted()
  await connection.login(user)
  return connection
}

function anyUser(): string {
  nextUser = (nextUser + 1) % accounts.users.length
  return accounts.users[nextUser] ?? ''
}

async function logins({ port, connections, durationMs }: LoadTask & { kind: 'login' }): Promise<LoadResult> {
  const started = performance.now()
  let done = 0
  await times(connections, async () => {
    while (performance.now() - started < durationMs) {
      const connection = await loggedIn(port)
      done += 1
      void connection.command('z', 'LOGOUT')
      await connection.closed
    }
  })
  return result(done, started)
}

async function fetches({ port, connections, durationMs }: LoadTask & { kind: 'fetch' }): Promise<LoadResult> {
  const open = await times(connections, () => loggedIn(port, mailUser))
  for (const connection of open) await connection.command('b', 'EXAMINE INBOX')
  const started = performance.now()
  let done = 0
  await Promise.all(
    open.map(async (connection) => {
      while (performance.now() - started < durationMs) {
        const before = connection.octets
        await connection.command('c', 'FETCH 1:* BODY.PEEK[]')
        done += connection.octets - before
      }
    }),
  )
  const fetched = result(done, started)
  for (const connection of open) connection.close()
  return fetched
}

async function noops({ ports, turns, perTurn }: LoadTask & { kind: 'noop' }): Promise<LoadResult> {
  const started = performance.now()
  const open = await Promise.all(ports.map((port) => loggedIn(port)))
  const roundTripsUs = open.map((): number[] => [])
  for (let turn = 0; turn < turns; turn += 1) {
    for (const [i, connection] of open.entries()) {
      for (let n = 0; n < perTurn; n += 1) {
        const sent = performance.now()
        await connection.command('n', 'NOOP')
        // The first ones of a turn find cold caches, whoever's turn it is.
        if (n >= perTurn / 10) roundTripsUs[i]?.push((performance.now() - sent) * 1000)
      }
    }
  }
  for (const connection of open) connection.close()
  return result(turns * perTurn, started, roundTripsUs)
}

let held: Connection[] = []

async function hold({ port, sessions }: LoadTask & { kind: 'hold' }): Promise<LoadResult> {
  const started = performance.now()
  while (held.length < sessions) {
    const connection = await loggedIn(port)
    await connection.command('n', 'NOOP')
    held.push(connection)
  }
  return result(sessions, started)
}

function release(): LoadResult {
  const started = performance.now()
  for (const connection of held) connection.close()
  held = []
  return result(0, started)
}

function perform(task: LoadTask): Promise<LoadResult> | LoadResult {
  switch (task.kind) {
    case 'login':
      return logins(task)
    case 'fetch':
      return fetches(task)
    case 'noop':
      return noops(task)
    case 'hold':
      return hold(task)
    case 'release':
      return release()
  }
}

process.on('message', (task: LoadTask) => {
  void Promise.resolve(perform(task)).then((done) => process.send?.(done), fail)
})
process.on('disconnect', () => process.exit(0))
