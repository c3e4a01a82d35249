import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'

import { Redis } from 'ioredis'

import { freePorts, untilListening } from './ports'
import { WatchedProcess } from './process'

export const REDIS = '/usr/bin/redis-server'

export interface RedisServerOptions {
  /** Lines of redis.conf. */
  readonly config?: readonly string[]
  /** What a client of the test itself needs to be let in. */
  readonly password?: string
  /** PEM files: the server then speaks TLS only. */
  readonly tls?: { readonly ca: string; readonly cert: string; readonly key: string }
}

/** A private redis-server on a high port of 127.0.0.1, with a directory of its own. */
export class RedisServer {
  #process: WatchedProcess | undefined
  #client: Redis | undefined

  private constructor(
    readonly dir: string,
    readonly port: number,
    private readonly options: RedisServerOptions,
  ) {}

  static async start(options: RedisServerOptions = {}): Promise<RedisServer> {
    if (!fs.existsSync(REDIS)) throw new Error(`${REDIS} is missing: run scripts/install-test-packages.sh`)
    const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'device-gate-redis-'))
    const [port = 0] = await freePorts(1)
    const server = new RedisServer(dir, port, options)
    await server.start()
    return server
  }

  get url(): string {
    const { password } = this.options
    return `redis://${password === undefined ? '' : `:${password}@`}127.0.0.1:${this.port}`
  }

  /** Starts it again after `stop`, on the same port and with what it has on disk. */
  async start(): Promise<void> {
    const { tls } = this.options
    const lines = [
      'bind 127.0.0.1',
      ...(tls
        ? [
            'port 0',
            `tls-port ${this.port}`,
            `tls-ca-cert-file ${tls.ca}`,
            `tls-cert-file ${tls.cert}`,
            `tls-key-file ${tls.key}`,
          ]
        : [`port ${this.port}`]),
      `dir ${this.dir}`,
      'save ""',
      'appendonly no',
      'enable-debug-command yes',
      ...(this.options.config ?? []),
    ]
    fs.writeFileSync(path.join(this.dir, 'redis.conf'), `${lines.join('\n')}\n`)
    const server = new WatchedProcess(REDIS, [path.join(this.dir, 'redis.conf')])
    this.#process = server
    await untilListening(this.port, () => server.output)
  }

  /** A client for the test's own questions. */
  get client(): Redis {
    this.#client ??= new Redis({
      host: '127.0.0.1',
      port: this.port,
      ...(this.options.password !== undefined && { password: this.options.password }),
      retryStrategy: () => 50,
    }).on('error', () => undefined)
    return this.#client
  }

  /** SIGSTOP: connections stay, nothing answers. */
  freeze(): void {
    this.#process?.child.kill('SIGSTOP')
  }

  thaw(): void {
    this.#process?.child.kill('SIGCONT')
  }

  /** As a crash: nothing is written any more. */
  async kill(): Promise<void> {
    const server = this.#process
    server?.child.kill('SIGKILL')
    await server?.exited
    this.#process = undefined
  }

  async remove(): Promise<void> {
    this.#client?.disconnect()
    await this.kill()
    fs.rmSync(this.dir, { recursive: true, force: true })
  }
}
