import type { RedisTarget } from '../../config/redis-url'
import { connectRedis, endConnection, placeName, type RedisClient } from './connection'
import { asStoreProblem, StoreProblem } from './problem'

/**
 * The one connection of a purpose: made when it is needed, dropped when it fails, so that each try begins
 * afresh (asks the Sentinels again, reads the password file again). Nothing is retried in here.
 */
export class RedisLink {
  #client: Promise<RedisClient> | undefined
  #closed = false

  constructor(
    private readonly target: RedisTarget,
    private readonly name: string,
  ) {}

  /** Runs `work` on the connection. Rejects with {@link StoreProblem}, which says whether the work may be done. */
  async run<T>(work: (client: RedisClient) => Promise<T>): Promise<T> {
    const client = await this.#connected()
    try {
      return await work(client)
    } catch (error) {
      const { kind, message, passes } = asStoreProblem(error, placeName(this.target))
      if (passes) this.drop()
      throw new StoreProblem(kind, message, kind === 'unreachable')
    }
  }

  /** Ends the connection; what waits on it fails. The next `run` makes a new one. */
  drop(): void {
    const dropped = this.#client
    this.#client = undefined
    dropped?.then(endConnection, () => undefined)
  }

  close(): void {
    this.#closed = true
    this.drop()
  }

  #connected(): Promise<RedisClient> {
    if (this.#closed) return Promise.reject(new StoreProblem('unreachable', 'the connection was closed'))
    return (this.#client ??= this.#connect())
  }

  /** A connection that ended is never given to work: what fails on it was not even sent. */
  #connect(): Promise<RedisClient> {
    const connecting = connectRedis(this.target, this.name)
    const ended = (): void => {
      if (this.#client === connecting) this.#client = undefined
    }
    connecting.then((client) => client.once('end', ended), ended)
    return connecting
  }
}
