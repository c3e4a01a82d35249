import { feedContext } from '../../src/feeds/context'
import type { FeedContext, Settings } from '../../src/feeds/kind'

export interface TrialContext extends FeedContext {
  /** What the feed kept. */
  readonly kept: Map<string, string>
  /** Every wait that the feed asked for, in milliseconds; none of them takes time. */
  readonly waits: number[]
  readonly stop: () => void
}

/** A context for one kind alone, whose waits are noted and pass at once. */
export function trialContext(
  settings: Settings,
  secrets: Readonly<Record<string, string>> = {},
  now: () => number = Date.now,
): TrialContext {
  const kept = new Map<string, string>()
  const waits: number[] = []
  const controller = new AbortController()
  const memory = {
    state: (key: string) => kept.get(key),
    keep: (key: string, value: string) => Promise.resolve(void kept.set(key, value)),
    isKnown: () => false,
  }
  const context = feedContext({ name: 'trial', settings, secrets, memory, signal: controller.signal, now })
  return {
    ...context,
    kept,
    waits,
    wait: (ms) => Promise.resolve(void waits.push(ms)),
    stop: () => controller.abort(),
  }
}
