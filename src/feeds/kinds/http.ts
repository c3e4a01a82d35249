import { urlSetting } from '../../config/settings'
import { ask, feedErrorOf } from '../http'
import type { FeedContext, FeedKind } from '../kind'
import { FORMATS, formatOf, pagesOfRows } from './rows'

/** A million devices take a quarter of it. */
const MAX_OCTETS = 1024 ** 3
const SWEEP_MS = 15 * 60_000
const ETAG = 'etag'

interface HttpSettings {
  readonly url: string
  readonly format?: string
}

/** The file kind's records from a URL; not read again while the server says by its ETag that they are the same. */
export const httpKind: FeedKind = {
  kind: 'http',
  description: 'device records in NDJSON or CSV from a URL, read again when its ETag changes',
  settingsSchema: {
    type: 'object',
    additionalProperties: false,
    required: ['url'],
    properties: {
      url: urlSetting('an https URL (http on loopback only)'),
      format: { enum: FORMATS, description: 'default: by the content type, then by the end of the URL' },
    },
  },
  secrets: ['token?'],
  everyS: 3600,
  test: async (context) => {
    const { answer, format } = await askFor(context, undefined)
    answer.discard()
    return { facts: [`answers ${answer.status} in ${format}, ETag ${answer.header('etag') ?? 'none'}`] }
  },
  sweep: async function* (context) {
    const { answer, place, format } = await askFor(context, context.state(ETAG))
    if (answer.status === 304) {
      await answer.text()
      return { unchanged: true }
    }
    try {
      yield* pagesOfRows(context.name, place, format, answer.body)
    } catch (error) {
      throw feedErrorOf(error)
    }
    const etag = answer.header('etag')
    return etag === undefined ? undefined : { keep: { [ETAG]: etag } }
  },
}

async function askFor(context: FeedContext, etag: string | undefined) {
  const { url, format } = context.settings as unknown as HttpSettings
  const { pathname, host } = new URL(url)
  const token = context.hasSecret('token') ? context.secret('token') : undefined
  const answer = await ask(context, url, {
    headers: {
      accept: 'application/x-ndjson, text/csv',
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(etag !== undefined && { 'if-none-match': etag }),
    },
    maxOctets: MAX_OCTETS,
    timeoutMs: SWEEP_MS,
  })
  const isCsv = /^text\/csv\b/i.test(answer.header('content-type') ?? '')
  return { answer, place: host, format: formatOf(isCsv ? '.csv' : pathname, format) }
}
