import { AccessToken } from '../access-token'
import { FeedError } from '../feed-error'
import { fieldsOf, type Fields } from '../fields'
import type { FeedContext } from '../kind'

export const CLIENT_SECRET = 'client-secret'

export interface GraphSettings {
  readonly tenant: string
  readonly client_id: string
  readonly login_url: string
  readonly graph_url: string
}

const PAGE_MS = 60_000
/** Of a thousand devices each. */
const MAX_PAGES = 5000

/** Microsoft Graph, as an application of one tenant. */
export class Graph {
  readonly #token: AccessToken
  readonly #root: string

  constructor(context: FeedContext) {
    const { tenant, client_id: clientId, login_url: login, graph_url: graph } = graphSettings(context)
    this.#token = new AccessToken(context, {
      url: `${login}/${tenant}/oauth2/v2.0/token`,
      clientId,
      secret: CLIENT_SECRET,
      scope: `${graph}/.default`,
    })
    this.#root = `${graph}/v1.0/`
  }

  /** A collection, page by page. The token is shown to the settings' own origin alone, wherever a next page is. */
  async *pages(path: string): AsyncGenerator<readonly Fields[], undefined> {
    const { origin, host } = new URL(this.#root)
    const asked = new Set<string>()
    let url: string | undefined = this.#root + path
    while (url !== undefined) {
      if (asked.has(url) || asked.size >= MAX_PAGES)
        throw new FeedError('answer', `${host}: the pages of ${path.replace(/\?.*/, '')} come to no end`)
      asked.add(url)
      const options = { headers: { accept: 'application/json' }, timeoutMs: PAGE_MS }
      const answer = fieldsOf(await this.#token.askJson(url, options))
      const { value, '@odata.nextLink': next } = answer ?? {}
      if (!Array.isArray(value)) throw new FeedError('answer', `${host} answers without a list`)
      yield value.map((one: unknown) => fieldsOf(one) ?? {})
      url = next === undefined || next === null ? undefined : nextPage(next, origin)
    }
    return undefined
  }
}

const graphSettings = ({ settings }: FeedContext): GraphSettings => settings as unknown as GraphSettings

function nextPage(link: unknown, origin: string): string {
  if (typeof link === 'string' && URL.canParse(link) && new URL(link).origin === origin) return link
  throw new FeedError('refused_url', `${origin} names a next page that is elsewhere: it is not asked`)
}
