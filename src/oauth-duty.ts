import { writeOauthKeys } from './config/oauth-key-file'
import type { ControlParts } from './host-parts'
import { storedKeys } from './identity/oauth-keys'
import { boundedFetch, FetchError, namedHosts } from './net/bounded-fetch'
import { KeySet } from './net/jwks'
import { lookEvery } from './repeated-look'

const LOOK_MS = 250
/** Whatever the issuer allows: a key that it withdrew ends within the hour. */
const MAX_FRESH_MS = 3_600_000

export interface OauthDuty {
  /** Why the keys of the issuer cannot be had; null: they can, or nobody asked for any. */
  problem(): string | null
  close(): Promise<void>
}

type OauthParts = Pick<ControlParts, 'config' | 'journal' | 'logger' | 'onConfigChange' | 'onFault'>

/**
 * Fetches the keys of `identity.oauth` for the workers, which never ask anybody: when they grow old, and when a worker
 * met a token of a key that it does not know.
 */
export function startOauthDuty(parts: OauthParts, onChange: () => void): OauthDuty {
  const { config, logger, onFault } = parts
  let watched = watch(config.current().identity.oauth?.jwksUri)
  parts.onConfigChange(({ identity }) => {
    const uri = identity.oauth?.jwksUri
    if (uri !== watched?.uri) watched = watch(uri)
  })
  let told: string | null = null
  const look = async (): Promise<void> => {
    if (watched) await lookAt(watched, parts)
    const problem = watched?.keys.problem ?? null
    if (problem === told) return
    told = problem
    if (problem === null) logger.info({}, 'oauth keys: can be fetched again')
    else logger.error({}, `oauth keys: ${problem}`)
    onChange()
  }
  const looking = lookEvery(LOOK_MS, look, onFault)
  return { problem: () => told, close: () => looking.close() }
}

interface Watched {
  readonly uri: string
  readonly keys: KeySet
  /** Of which time those are that the workers have. */
  writtenAt: number
}

function watch(uri: string | undefined): Watched | undefined {
  if (uri === undefined) return undefined
  const named = namedHosts(uri)
  const keys = new KeySet(uri, (url, options) => boundedFetch(url, named, options), Date.now)
  return { uri, keys, writtenAt: -Infinity }
}

async function lookAt(watched: Watched, { config, journal }: OauthParts): Promise<void> {
  const { keys, uri } = watched
  const isOld = !keys.isFresh || Date.now() - keys.fetchedAt >= MAX_FRESH_MS
  const isMissed = journal.workers.all().some(({ unknownKeyAt }) => unknownKeyAt > keys.fetchedAt)
  try {
    if (isOld || isMissed) await keys.lookAgain()
  } catch (error) {
    if (!(error instanceof FetchError)) throw error
  }
  const { fetchedAt } = keys
  if (fetchedAt <= watched.writtenAt) return
  const { keys: set } = await keys.current()
  writeOauthKeys(config.current().stateDir, storedKeys(uri, fetchedAt, set))
  watched.writtenAt = fetchedAt
}
