import type { FetchOptions } from '../net/bounded-fetch'
import { FeedError } from './feed-error'
import { ask, askJson, feedErrorOf } from './http'
import type { FeedContext } from './kind'

/** Where a client has itself given tokens, by client credentials (RFC 6749 section 4.4). */
export interface TokenGrant {
  readonly url: string
  readonly clientId: string
  /** Name of the secret that has the client's secret. */
  readonly secret: string
  readonly scope?: string
}

/** A token is renewed so long before its end, at the most: a request may take a while. */
const MARGIN_MS = 60_000
/** RFC 6750 section 2.1; what is longer would not go into a header. */
const TOKEN = /^[A-Za-z0-9\-._~+/]{1,8192}=*$/
const ERROR_CODE = /^[a-z_]{1,64}$/
const MAX_OCTETS = 65_536

/**
 * Asks a source as a client of its OAuth server. The token is kept in memory, renewed before it ends, and once more for
 * a request that it does not suffice for any longer. Neither it nor the client's secret is in any error.
 */
export class AccessToken {
  #token: string | undefined
  #renewAt = 0

  constructor(
    private readonly context: FeedContext,
    private readonly grant: TokenGrant,
  ) {}

  async askJson(url: string, options: FetchOptions = {}): Promise<unknown> {
    const isFresh = !this.#isUsable()
    try {
      return await askJson(this.context, url, await this.#withToken(options))
    } catch (error) {
      const problem = feedErrorOf(error)
      if (problem.kind !== 'credentials' || isFresh) throw problem
      this.#token = undefined
      return await askJson(this.context, url, await this.#withToken(options))
    }
  }

  async #withToken(options: FetchOptions): Promise<FetchOptions> {
    const token = this.#isUsable() ? this.#token : await this.#renew()
    return { ...options, headers: { ...options.headers, authorization: `Bearer ${token}` } }
  }

  #isUsable(): boolean {
    return this.#token !== undefined && this.context.now() < this.#renewAt
  }

  async #renew(): Promise<string> {
    const { url, clientId, secret, scope } = this.grant
    const { host } = new URL(url)
    const form = new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: clientId,
      client_secret: this.context.secret(secret),
      ...(scope !== undefined && { scope }),
    })
    const askedAt = this.context.now()
    const request: FetchOptions = {
      method: 'POST',
      headers: { accept: 'application/json', 'content-type': 'application/x-www-form-urlencoded' },
      body: form.toString(),
      maxOctets: MAX_OCTETS,
    }
    const answer = await ask(this.context, url, request, [400, 401])
    const fields = await answer.json().catch((error: unknown) => {
      if (answer.status < 400) throw feedErrorOf(error)
    })
    const { access_token: token, expires_in: lifeS, error } = (fields ?? {}) as Record<string, unknown>
    if (answer.status >= 400) {
      const code = typeof error === 'string' && ERROR_CODE.test(error) ? error : `answers ${answer.status}`
      const cure = `check the client's id, and the secret ${secret}: it may have expired`
      throw new FeedError('credentials', `${host} gives no access token: ${code}; ${cure}`)
    }
    if (typeof token !== 'string' || !TOKEN.test(token))
      throw new FeedError('answer', `${host} answers without an access token`)
    const lifeMs = Number(lifeS) * 1000
    this.#token = token
    // One that does not say how long it lives is used until it is refused.
    this.#renewAt = lifeMs > 0 ? askedAt + lifeMs - Math.min(MARGIN_MS, lifeMs / 2) : Infinity
    return token
  }
}
