/** Where the fleet's Redis is and how to be let in: what `store.redis.url` says. Paths are absolute. */
export interface RedisTarget {
  readonly kind: 'single' | 'sentinel' | 'cluster'
  /** The server; or the Sentinels; or some of the Cluster's nodes. */
  readonly nodes: readonly RedisNode[]
  /** The name that the Sentinels know the server by; null unless `kind` is sentinel. */
  readonly service: string | null
  readonly db: number
  readonly username: string | null
  readonly password: string | null
  /** Read at each connect, so that a password can be changed without a restart. */
  readonly passwordFile: string | null
  readonly sentinelUsername: string | null
  readonly sentinelPasswordFile: string | null
  readonly tls: RedisTls | null
}

export interface RedisNode {
  readonly host: string
  readonly port: number
}

export interface RedisTls {
  /** PEM files; null: the system's CAs, no client certificate. */
  readonly ca: string | null
  readonly cert: string | null
  readonly key: string | null
}

export type RedisUrlReading =
  { readonly ok: true; readonly target: RedisTarget } | { readonly ok: false; readonly problem: string }

const FORMS =
  'redis://[user:password@]host[:port][/db], redis+sentinel://host[:port],.../service[/db] or ' +
  'redis+cluster://host[:port],... (rediss for TLS)'
const DEFAULT_PORT = { single: 6379, sentinel: 26_379, cluster: 6379 } as const
/** Query parameters that name files, and the one that is text. */
const FILES = ['password_file', 'sentinel_password_file', 'ca', 'cert', 'key'] as const
const PARAMETERS: readonly string[] = [...FILES, 'sentinel_username']
const TLS_PARAMETERS = ['ca', 'cert', 'key'] as const

const URL_FORM =
  /^(rediss?)(?:\+(sentinel|cluster))?:\/\/(?:([^/?#]*)@)?([^/?#@]*)(?:\/([^?#]*))?(?:\?([^#]*))?$/

/**
 * Parses the connection URL; files it names are relative to `configDir`. A problem never repeats the part
 * that may hold a password.
 */
export function parseRedisUrl(url: string, resolveFile: (file: string) => string): RedisUrlReading {
  const [, scheme, kindWord = 'single', userInfo, hosts = '', path = '', query = ''] =
    URL_FORM.exec(url) ?? []
  if (scheme === undefined) return bad(`must be one of ${FORMS}`)
  const kind = kindWord as RedisTarget['kind']

  const nodes = hosts.split(',').map((text) => nodeOf(text, DEFAULT_PORT[kind]))
  const unreadable = nodes.indexOf(undefined)
  if (unreadable >= 0) return bad(`host ${unreadable + 1} must be "host", "host:port" or "[v6]:port"`)
  if (kind === 'single' && nodes.length > 1)
    return bad('names several hosts: use redis+sentinel:// or redis+cluster://')

  const place = placeOf(kind, path)
  if ('problem' in place) return bad(place.problem)
  const parameters = new URLSearchParams(query)
  const unknown = [...parameters.keys()].find((name) => !PARAMETERS.includes(name))
  if (unknown !== undefined)
    return bad(`has no parameter ${JSON.stringify(unknown.slice(0, 64))}; known: ${PARAMETERS.join(', ')}`)
  const file = (name: (typeof FILES)[number]): string | null => {
    const value = parameters.get(name)
    return value === null || value === '' ? null : resolveFile(value)
  }
  if (scheme === 'redis' && TLS_PARAMETERS.some((name) => parameters.has(name)))
    return bad('names certificates without TLS: begin it with rediss')
  if ((file('cert') === null) !== (file('key') === null)) return bad('needs both cert and key, or neither')

  const login = loginOf(userInfo)
  if (!login) return bad('has a user or password that is not percent-encoded')
  if (login.password !== null && file('password_file') !== null)
    return bad('has a password and a password_file: leave one out')
  return {
    ok: true,
    target: {
      kind,
      nodes: nodes as RedisNode[],
      ...place,
      ...login,
      passwordFile: file('password_file'),
      sentinelUsername: parameters.get('sentinel_username'),
      sentinelPasswordFile: file('sentinel_password_file'),
      tls: scheme === 'rediss' ? { ca: file('ca'), cert: file('cert'), key: file('key') } : null,
    },
  }
}

const bad = (problem: string): RedisUrlReading => ({ ok: false, problem })

function nodeOf(text: string, defaultPort: number): RedisNode | undefined {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9._-]+))(?::(\d{1,5}))?$/.exec(text)
  const host = match?.[1] ?? match?.[2]
  const port = match?.[3] === undefined ? defaultPort : Number(match[3])
  return host === undefined || port < 1 || port > 65_535 ? undefined : { host, port }
}

type Place = Pick<RedisTarget, 'service' | 'db'>

function placeOf(kind: RedisTarget['kind'], path: string): Place | { readonly problem: string } {
  const parts = path === '' ? [] : path.split('/')
  const service = kind === 'sentinel' ? parts.shift() : null
  if (service === undefined || (service !== null && !/^[A-Za-z0-9._-]+$/.test(service)))
    return { problem: 'must name the service after the hosts: redis+sentinel://host/service' }
  const [db = '0', ...rest] = parts
  if (!/^\d{1,5}$/.test(db) || rest.length > 0) return { problem: 'must end with the number of a database' }
  if (kind === 'cluster' && Number(db) !== 0) return { problem: 'a Cluster has database 0 only' }
  return { service, db: Number(db) }
}

function loginOf(userInfo = ''): Pick<RedisTarget, 'username' | 'password'> | undefined {
  const colon = userInfo.indexOf(':')
  const [user, password] = colon < 0 ? [userInfo, ''] : [userInfo.slice(0, colon), userInfo.slice(colon + 1)]
  try {
    return {
      username: user === '' ? null : decodeURIComponent(user),
      password: password === '' ? null : decodeURIComponent(password),
    }
  } catch {
    return undefined
  }
}
