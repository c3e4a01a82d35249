import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'

import { Redis } from 'ioredis'

import { eventually } from './eventually'
import { freePorts, untilListening } from './ports'
import { WatchedProcess } from './process'
import { REDIS, RedisServer } from './redis-server'

const SERVICE = 'mymaster'
/** What the replica logs in as at its master, so that a test can shut it out. */
const REPLICATION = [
  'masteruser repl',
  'masterauth repl-secret',
  'user repl on >repl-secret +psync +replconf +ping',
]

/** A master, its replica and the Sentinel that watches them. */
export class RedisWithSentinel {
  #watcher: WatchedProcess | undefined
  #client: Redis | undefined

  private constructor(
    private readonly servers: readonly [RedisServer, RedisServer],
    private readonly dir: string,
    readonly port: number,
  ) {}

  static async start(): Promise<RedisWithSentinel> {
    const config = [...REPLICATION, 'repl-diskless-sync-delay 0', 'repl-timeout 5']
    const servers = [await RedisServer.start({ config }), await RedisServer.start({ config })] as const
    await servers[1].client.replicaof('127.0.0.1', servers[0].port)
    const [port = 0] = await freePorts(1)
    const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'device-gate-sentinel-'))
    const sentinel = new RedisWithSentinel(servers, dir, port)
    await sentinel.#untilReplicating(servers[1])
    await sentinel.#watch()
    return sentinel
  }

  async #watch(): Promise<void> {
    const file = path.join(this.dir, 'sentinel.conf')
    const lines = [
      'bind 127.0.0.1',
      `port ${this.port}`,
      `dir ${this.dir}`,
      `sentinel monitor ${SERVICE} 127.0.0.1 ${this.servers[0].port} 1`,
      `sentinel down-after-milliseconds ${SERVICE} 500`,
      `sentinel failover-timeout ${SERVICE} 3000`,
    ]
    fs.writeFileSync(file, `${lines.join('\n')}\n`)
    const watcher = new WatchedProcess(REDIS, [file, '--sentinel'])
    this.#watcher = watcher
    await untilListening(this.port, () => watcher.output)
    this.#client = new Redis({ host: '127.0.0.1', port: this.port, retryStrategy: () => 50 })
    this.#client.on('error', () => undefined)
    await eventually(async () => {
      const replicas = (await this.#client?.call('SENTINEL', 'REPLICAS', SERVICE)) as unknown[]
      if (replicas.length !== 1) throw new Error('the Sentinel does not know the replica yet')
    })
  }

  get url(): string {
    return `redis+sentinel://127.0.0.1:${this.port}/${SERVICE}`
  }

  /** The server that takes writes, as the Sentinel says. */
  async master(): Promise<RedisServer> {
    const [, port] = (await this.#client?.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', SERVICE)) as string[]
    return this.servers.find((server) => String(server.port) === port) ?? this.servers[0]
  }

  async replica(): Promise<RedisServer> {
    const master = await this.master()
    return this.servers.find((server) => server !== master) ?? this.servers[1]
  }

  /** What the master takes from now on does not reach the replica. */
  async shutReplicaOut(): Promise<void> {
    const { client } = await this.master()
    await client.call('ACL', 'SETUSER', 'repl', 'off')
    await client.call('CLIENT', 'KILL', 'TYPE', 'replica')
  }

  /** The master dies; resolves when the replica has taken over. */
  async killMaster(): Promise<RedisServer> {
    const [master, replica] = [await this.master(), await this.replica()]
    await master.kill()
    await this.#untilMaster(replica)
    return replica
  }

  /** An orderly change of roles, with both alive; resolves when it is complete. */
  async failOver(): Promise<void> {
    const [master, replica] = [await this.master(), await this.replica()]
    await eventually(async () => {
      await this.#client?.call('SENTINEL', 'FAILOVER', SERVICE)
    })
    await this.#untilMaster(replica)
    await this.#untilReplicating(master)
  }

  async #untilMaster(server: RedisServer): Promise<void> {
    await eventually(async () => {
      const [role] = await server.client.role()
      if (role !== 'master' || (await this.master()) !== server) throw new Error('no failover yet')
    }, 30_000)
  }

  async #untilReplicating(server: RedisServer): Promise<void> {
    await eventually(async () => {
      const role = await server.client.role()
      if (role[0] !== 'slave' || role[3] !== 'connected') throw new Error('the replica is not in sync yet')
    }, 30_000)
  }

  async remove(): Promise<void> {
    this.#client?.disconnect()
    await this.#watcher?.stop('SIGKILL')
    for (const server of this.servers) await server.remove()
    fs.rmSync(this.dir, { recursive: true, force: true })
  }
}
