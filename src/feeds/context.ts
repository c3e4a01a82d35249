import { boundedFetch, namedHosts } from '../net/bounded-fetch'
import { FeedError } from './feed-error'
import type { FeedContext, Settings } from './kind'
import { readSecret, type SecretReference } from './secrets'

/** What a context keeps over restarts. */
export type FeedMemory = Pick<FeedContext, 'state' | 'keep' | 'isKnown'>

export interface ContextParts {
  readonly name: string
  readonly settings: Settings
  readonly secrets: Readonly<Record<string, SecretReference>>
  readonly memory: FeedMemory
  readonly signal: AbortSignal
  readonly now: () => number
}

export function feedContext({ name, settings, secrets, memory, signal, now }: ContextParts): FeedContext {
  const named = namedHosts(settings)
  return {
    name,
    settings,
    hasSecret: (secret) => secrets[secret] !== undefined,
    secret: (secret) => readSecret(secret, secrets[secret]),
    fetch: (url, options) => boundedFetch(url, named, { signal, ...options }),
    signal,
    now,
    wait: (ms) => pause(ms, signal),
    ...memory,
  }
}

/** Holds no process back from ending. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      clearTimeout(timer)
      reject(new FeedError('unreachable', 'the feed was stopped'))
    }
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', stop)
      resolve()
    }, ms)
    if (signal.aborted) stop()
    else signal.addEventListener('abort', stop, { once: true })
  })
}
