import type { Store } from '../devices/store'
import { feedContext, type FeedMemory } from './context'
import type { FeedDefinition } from './definition'
import { FeedError } from './feed-error'
import type { FeedsDatabase } from './feeds-database'
import type { Intake } from './intake'
import type { FeedContext, FeedKind } from './kind'
import { feedKind } from './kinds'
import { feedRun, keepFeedRun, type FeedRun } from './standing'
import { runSweep, type SweepReport } from './sweep'

export interface SessionParts {
  readonly store: Store
  readonly database: FeedsDatabase
  readonly intake: Intake
  readonly now: () => number
}

/** Throws FeedError for a kind that this version does not know. */
export function kindOf({ name, kind }: FeedDefinition): FeedKind {
  const found = feedKind(kind)
  if (!found) throw new FeedError('settings', `feed ${name}: this version knows no feeds of kind ${kind}`)
  return found
}

export const contextOf = (
  { name, settings, secrets }: FeedDefinition,
  memory: FeedMemory,
  signal: AbortSignal,
  now: () => number,
): FeedContext => feedContext({ name, settings, secrets, memory, signal, now })

export const memoryOf = (database: FeedsDatabase, name: string, now: () => number): FeedMemory => ({
  state: (key) => database.state(name, stateKey(key)),
  keep: (key, value) => database.keep(name, { [stateKey(key)]: value }),
  isKnown: (event) => {
    database.refresh()
    return database.isKnown(name, event, now())
  },
})

/** A memory that remembers nothing and keeps nothing: for trials, and for a sweep that is to read all. */
export const noMemory: FeedMemory = {
  state: () => undefined,
  keep: () => Promise.resolve(),
  isKnown: () => false,
}

/** Apart from what is kept about the feed by others. */
export const stateKey = (key: string): string => `kind/${key}`

/** One sweep, and how it went. Rejects only with what is wrong here, not at the source. */
export async function sweepOnce(
  definition: FeedDefinition,
  parts: SessionParts,
  { signal, readAll }: { readonly signal: AbortSignal; readonly readAll: boolean },
): Promise<SweepReport> {
  const { store, database, intake, now } = parts
  const { name } = definition
  const remembered = memoryOf(database, name, now)
  const memory = readAll ? { ...remembered, state: () => undefined } : remembered
  const triedAt = now()
  const former = feedRun(database, name)
  try {
    const kind = kindOf(definition)
    const context = contextOf(definition, memory, signal, now)
    const report = await runSweep({ definition, kind, context, store, database, intake })
    const { error, devices, bad, problems, goneHeld, notModified } = report
    await keepFeedRun(database, name, {
      ...feedRun(database, name),
      lastTriedAt: triedAt,
      ...(error ? {} : { lastGoodAt: now(), lastSweepAt: now() }),
      ...(error || notModified ? {} : { devices, bad, examples: problems.slice(0, EXAMPLES), goneHeld }),
      problem: error && problemOf(former, error.kind, error.message, now()),
    })
    return report
  } catch (error) {
    const kind = error instanceof FeedError ? error.kind : 'fault'
    const problem = problemOf(former, kind, (error as Error).message, now())
    await keepFeedRun(database, name, { ...former, lastTriedAt: triedAt, problem })
    throw error
  }
}

const EXAMPLES = 10

export const problemOf = (
  former: FeedRun,
  kind: NonNullable<FeedRun['problem']>['kind'],
  message: string,
  now: number,
): FeedRun['problem'] => ({ kind, message, since: former.problem?.since ?? now })
