import dns from 'node:dns'
import http from 'node:http'
import https from 'node:https'
import net, { type LookupFunction } from 'node:net'

import { addressProblem, isLoopback } from './address-rules'

export interface FetchOptions {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  /** Octets of the answer's body. */
  readonly maxOctets?: number
  /** From the call to the end of the body. */
  readonly timeoutMs?: number
  readonly signal?: AbortSignal
}

export interface BoundedAnswer {
  readonly status: number
  /** By lower-case name. */
  header(name: string): string | undefined
  /** Where it came from in the end. */
  readonly url: string
  /** To be read once, to its end or broken off. Throws FetchError when it is cut off, too long or too slow. */
  readonly body: AsyncIterable<Uint8Array>
  /** In place of reading it: until one or the other, connection and clock hold the process. */
  discard(): void
  text(): Promise<string>
  /** Throws FetchError for what is no JSON. */
  json(): Promise<unknown>
}

export type FetchProblem = 'refused_url' | 'unreachable' | 'timeout' | 'too_large' | 'redirect' | 'not_json'

/** An answer that did not come. The message names the host, never what stood in a URL's query or in a header. */
export class FetchError extends Error {
  override readonly name = 'FetchError'
  readonly code = 'ERR_FETCH'
  constructor(
    readonly kind: FetchProblem,
    message: string,
  ) {
    super(message)
  }
}

const MAX_OCTETS = 1024 * 1024
const TIMEOUT_MS = 10_000
/** A connection on which nothing comes for so long is given up, however long the answer may take as a whole. */
const IDLE_MS = 30_000
const MAX_REDIRECTS = 3
const MAX_HEADER_OCTETS = 16_384
const REDIRECTS = [301, 302, 303, 307, 308]

/** Names and addresses that may be asked though they are private; those in the site's own settings. */
export type NamedHosts = ReadonlySet<string>

/** The hosts of all texts in `settings` that are URLs. */
export function namedHosts(settings: unknown): NamedHosts {
  const hosts = new Set<string>()
  const look = (value: unknown): void => {
    if (typeof value === 'string' && URL.canParse(value)) hosts.add(new URL(value).hostname)
    else if (typeof value === 'object' && value !== null) Object.values(value).forEach(look)
  }
  look(settings)
  return hosts
}

/**
 * Asks one URL and gives its answer, whatever its status. Https only, but for a loopback host that the settings
 * name. The address is looked at when it is connected to, so that a name cannot lead elsewhere the second time.
 * Redirects are followed for GET, at most three, to https only, without credentials to another origin. Octets are
 * taken as they come: no content coding is asked for or undone, so that nothing can swell.
 */
export async function boundedFetch(
  url: string,
  named: NamedHosts,
  options: FetchOptions = {},
): Promise<BoundedAnswer> {
  const { timeoutMs = TIMEOUT_MS, maxOctets = MAX_OCTETS, signal } = options
  const timer = new AbortController()
  const timeout = setTimeout(() => timer.abort(), timeoutMs)
  const ended = AbortSignal.any([timer.signal, ...(signal ? [signal] : [])])
  const explain = (error: unknown, host: string): Error => {
    if (error instanceof FetchError) return error
    if (signal?.aborted) return new FetchError('unreachable', `${host}: given up`)
    if (timer.signal.aborted)
      return new FetchError('timeout', `${host} did not answer within ${timeoutMs} ms`)
    return new FetchError('unreachable', `${host}: ${(error as Error).message}`)
  }
  let place = url.slice(0, 64)
  try {
    let target = checkedUrl(url, named)
    let headers = options.headers ?? {}
    for (let hops = 0; ; hops += 1) {
      place = target.host
      const response = await request(target, named, { ...options, headers }, ended)
      const next = response.headers.location
      if (next === undefined || !REDIRECTS.includes(response.statusCode ?? 0)) {
        const release = (): void => clearTimeout(timeout)
        return answerOf(response, target, maxOctets, release, (error) => explain(error, place))
      }
      response.destroy()
      if (hops >= MAX_REDIRECTS || (options.method ?? 'GET') !== 'GET')
        throw new FetchError(
          'redirect',
          `${place} redirects ${hops >= MAX_REDIRECTS ? 'endlessly' : 'a change'}`,
        )
      const to = checkedUrl(next, named, target)
      if (to.protocol !== target.protocol && to.protocol !== 'https:')
        throw new FetchError('refused_url', `${place} redirects to ${to.protocol}//`)
      if (to.origin !== target.origin) headers = withoutCredentials(headers)
      target = to
    }
  } catch (error) {
    clearTimeout(timeout)
    throw explain(error, place)
  }
}

function checkedUrl(text: string, named: NamedHosts, base?: URL): URL {
  if (!URL.canParse(text, base?.href)) throw new FetchError('refused_url', 'this is no URL')
  const url = new URL(text, base)
  const host = hostOf(url)
  const isPlainAllowed = named.has(url.hostname) && isLoopback(host)
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isPlainAllowed))
    throw new FetchError('refused_url', `${url.protocol}//${url.host} is not asked: use https`)
  if (url.username !== '' || url.password !== '')
    throw new FetchError('refused_url', `${url.host}: a URL with a user or password in it is not asked`)
  const problem = net.isIP(host) === 0 ? undefined : addressProblem(host, named.has(url.hostname))
  if (problem !== undefined) throw new FetchError('refused_url', `${url.host}: ${problem}`)
  return url
}

const hostOf = ({ hostname }: URL): string => hostname.replace(/^\[|\]$/g, '')

const withoutCredentials = (headers: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(headers).filter(([name]) => !/^(authorization|cookie|proxy-)|key|token/i.test(name)),
  )

function request(
  url: URL,
  named: NamedHosts,
  { method = 'GET', headers = {}, body }: FetchOptions,
  signal: AbortSignal,
): Promise<http.IncomingMessage> {
  const { request: send } = url.protocol === 'https:' ? https : http
  return new Promise((resolve, reject) => {
    const sent = send(url, {
      method,
      headers: {
        'user-agent': 'device-gate',
        'accept-encoding': 'identity',
        ...headers,
        ...(body !== undefined && { 'content-length': String(Buffer.byteLength(body)) }),
      },
      agent: agentFor(url.protocol, named),
      lookup: checkedLookup(url.hostname, named),
      maxHeaderSize: MAX_HEADER_OCTETS,
      timeout: IDLE_MS,
      signal,
    })
    sent.once('timeout', () =>
      sent.destroy(new FetchError('timeout', `${url.host} says nothing for ${IDLE_MS} ms`)),
    )
    sent.once('response', resolve)
    sent.on('error', reject)
    sent.end(body)
  })
}

/** A connection is used again only by those who may make it: each set of names has its own. */
const agents = new WeakMap<NamedHosts, { readonly http: http.Agent; readonly https: https.Agent }>()

function agentFor(protocol: string, named: NamedHosts): http.Agent {
  const known = agents.get(named) ?? {
    http: new http.Agent({ keepAlive: true }),
    https: new https.Agent({ keepAlive: true }),
  }
  agents.set(named, known)
  return protocol === 'https:' ? known.https : known.http
}

/** Every address that the name has must be one that may be asked: what is connected to is one of these. */
const checkedLookup =
  (hostname: string, named: NamedHosts): LookupFunction =>
  (host, options, callback) => {
    dns.lookup(host, { ...options, all: true }, (error, addresses) => {
      if (error) return callback(error, '')
      const problem = addresses
        .map(({ address }) => addressProblem(address, named.has(hostname)))
        .find((found) => found !== undefined)
      if (problem !== undefined) return callback(new FetchError('refused_url', `${host}: ${problem}`), '')
      const [first] = addresses
      if (options.all === true) callback(null, addresses)
      else callback(null, first?.address ?? '', first?.family)
    })
  }

function answerOf(
  response: http.IncomingMessage,
  url: URL,
  maxOctets: number,
  release: () => void,
  explain: (error: unknown) => Error,
): BoundedAnswer {
  const header = (name: string): string | undefined => {
    const value = response.headers[name]
    return Array.isArray(value) ? value.join(', ') : value
  }
  const body = boundedBody(response, maxOctets, release, explain)
  const text = async (): Promise<string> => {
    const chunks: Uint8Array[] = []
    for await (const chunk of body) chunks.push(chunk)
    return Buffer.concat(chunks).toString('utf8')
  }
  return {
    status: response.statusCode ?? 0,
    header,
    url: url.href,
    body,
    discard: () => {
      release()
      response.destroy()
    },
    text,
    json: async () => {
      const content = await text()
      try {
        return JSON.parse(content) as unknown
      } catch {
        throw new FetchError(
          'not_json',
          `${url.host} answers ${response.statusCode ?? 0} with what is no JSON`,
        )
      }
    },
  }
}

async function* boundedBody(
  response: http.IncomingMessage,
  maxOctets: number,
  release: () => void,
  explain: (error: unknown) => Error,
): AsyncGenerator<Uint8Array> {
  let octets = 0
  try {
    const coding = response.headers['content-encoding'] ?? 'identity'
    if (coding !== 'identity')
      throw new FetchError('unreachable', `answers in ${coding}, which was not asked for`)
    for await (const chunk of response as AsyncIterable<Uint8Array>) {
      octets += chunk.length
      if (octets > maxOctets) throw new FetchError('too_large', `answers with more than ${maxOctets} octets`)
      yield chunk
    }
  } catch (error) {
    throw explain(error)
  } finally {
    release()
    response.destroy()
  }
}
