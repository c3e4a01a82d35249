import fs from 'node:fs'

import { Cluster, Redis } from 'ioredis'

import type { RedisTarget } from '../../config/redis-url'
import { asStoreProblem, StoreProblem } from './problem'

/** One connection, made once: it never reconnects by itself and never sends a command a second time. */
export type RedisClient = Redis | Cluster

const CONNECT_MS = 3000
/** A server that says nothing for so long is taken for dead; longer than a blocking read waits. */
const SILENCE_MS = 4000
/** A server that does not close its end by then is left. */
const DISCONNECT_MS = 500
const MIN_VERSION = [6, 2] as const

/** `host:port` of what is connected to, for people. */
export const placeName = ({ nodes, service }: RedisTarget): string =>
  nodes.map(({ host, port }) => `${host.includes(':') ? `[${host}]` : host}:${port}`).join(',') +
  (service === null ? '' : ` (${service})`)

/**
 * Connects, and checks that what answers can be used. Rejects with {@link StoreProblem}. The caller ends the
 * connection with {@link endConnection}, also after an error on it.
 */
export async function connectRedis(target: RedisTarget, name: string): Promise<RedisClient> {
  const place = placeName(target)
  let cause: unknown
  let client: RedisClient | undefined
  try {
    client = createClient(target, name)
    const noted = (error: unknown): unknown => (cause ??= error)
    client.on('error', noted).on('node error', noted)
    await client.connect()
    checkServer(await client.info(), place)
    return client
  } catch (error) {
    if (client) endConnection(client)
    throw asStoreProblem(error instanceof StoreProblem || isReply(error) ? error : (cause ?? error), place)
  }
}

/** What waits on the connection fails. One that has ended already is left alone: ending it again takes seconds. */
export function endConnection(client: RedisClient): void {
  if (client.status !== 'end') client.disconnect()
}

const isReply = (error: unknown): boolean => error instanceof Error && error.name === 'ReplyError'

function createClient(target: RedisTarget, connectionName: string): RedisClient {
  const tls = target.tls && {
    ...(target.tls.ca !== null && { ca: fs.readFileSync(target.tls.ca) }),
    ...(target.tls.cert !== null && { cert: fs.readFileSync(target.tls.cert) }),
    ...(target.tls.key !== null && { key: fs.readFileSync(target.tls.key) }),
  }
  const password = target.passwordFile === null ? target.password : readSecret(target.passwordFile)
  const options = {
    connectionName,
    connectTimeout: CONNECT_MS,
    socketTimeout: SILENCE_MS,
    disconnectTimeout: DISCONNECT_MS,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    lazyConnect: true,
    protocol: 2 as const,
    disableClientInfo: true,
    // Its own check calls INFO too, and talks to the console where it may not.
    enableReadyCheck: false,
    ...(target.username !== null && { username: target.username }),
    ...(password !== null && { password }),
    ...(tls && { tls }),
  }
  const [first] = target.nodes
  if (!first) throw new StoreProblem('unreachable', 'store.redis.url names no host')
  switch (target.kind) {
    case 'single':
      return new Redis({
        ...options,
        ...first,
        db: target.db,
        retryStrategy: null,
        enableOfflineQueue: false,
      })
    case 'sentinel':
      return new Redis({
        ...options,
        db: target.db,
        retryStrategy: null,
        enableOfflineQueue: false,
        sentinels: [...target.nodes],
        name: target.service ?? '',
        sentinelRetryStrategy: () => null,
        sentinelCommandTimeout: CONNECT_MS,
        updateSentinels: false,
        ...(tls && { enableTLSForSentinelMode: true, sentinelTLS: tls }),
        ...(target.sentinelUsername !== null && { sentinelUsername: target.sentinelUsername }),
        ...(target.sentinelPasswordFile !== null && {
          sentinelPassword: readSecret(target.sentinelPasswordFile),
        }),
      })
    case 'cluster':
      return new Cluster([...target.nodes], {
        lazyConnect: true,
        enableOfflineQueue: true,
        clusterRetryStrategy: () => null,
        slotsRefreshTimeout: CONNECT_MS,
        redisOptions: options,
      })
  }
}

/** A file with a password and perhaps a line end. */
function readSecret(file: string): string {
  try {
    return fs.readFileSync(file, 'utf8').replace(/\r?\n$/, '')
  } catch (error) {
    throw new StoreProblem('refused', `the password file ${file} cannot be read: ${(error as Error).message}`)
  }
}

function checkServer(info: string, place: string): void {
  const fields = new Map(
    info.split(/\r?\n/).map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]),
  )
  const version = fields.get('redis_version') ?? ''
  const [major = NaN, minor = NaN] = version.split('.').map(Number)
  if (!(major > MIN_VERSION[0] || (major === MIN_VERSION[0] && minor >= MIN_VERSION[1]))) {
    throw new StoreProblem(
      'too_old',
      `Redis at ${place} is version ${version.slice(0, 32) || 'unknown'}; the gate needs ${MIN_VERSION.join('.')} or newer`,
    )
  }
  if (fields.get('loading') === '1')
    throw new StoreProblem('not_ready', `Redis at ${place} is loading its data; it should pass by itself`)
  if (fields.get('role') === 'slave')
    throw new StoreProblem(
      'read_only',
      `Redis at ${place} is a replica and takes no writes; name the primary, or its Sentinels`,
    )
}
