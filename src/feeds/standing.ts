import { unlessDamaged } from '../devices/unless-damaged'
import type { ReadStore } from '../devices/store'
import { blindSpots } from './blind-spots'
import { feedDefinitions, sourceOf, type FeedDefinition } from './definition'
import type { FeedProblemKind } from './feed-error'
import type { FeedsDatabase } from './feeds-database'
import { breakerState, causeText, holdOrder, isHeld, type HoldCause } from './hold'

/** How a feed went last, as the host keeps it that runs it. Times are epoch milliseconds; null: never. */
export interface FeedRun {
  /** When all was well last: at a complete sweep, or when events were taken in. */
  readonly lastGoodAt: number | null
  readonly lastSweepAt: number | null
  readonly lastTriedAt: number | null
  readonly nextAt: number | null
  /** Since when it fails, and why. */
  readonly problem: {
    readonly kind: FeedProblemKind | 'fault'
    readonly message: string
    readonly since: number
  } | null
  /** That the last complete sweep brought. */
  readonly devices: number | null
  /** Of the last sweep: records that could not be read, and the first of them. */
  readonly bad: number
  readonly examples: readonly { readonly place: string; readonly problem: string }[]
  /** Why the last sweep marked nothing gone though it was complete. */
  readonly goneHeld: string | null
  /** Events taken in and refused since the feed was added. */
  readonly events: number
  readonly refusedEvents: number
}

export const NO_RUN: FeedRun = {
  lastGoodAt: null,
  lastSweepAt: null,
  lastTriedAt: null,
  nextAt: null,
  problem: null,
  devices: null,
  bad: 0,
  examples: [],
  goneHeld: null,
  events: 0,
  refusedEvents: 0,
}

/** A feed as people see it. */
export interface FeedStanding extends FeedRun {
  readonly name: string
  readonly kind: string
  readonly of: string | null
  readonly everyS: number
  /** Why what turns devices is set aside now, since when, and how many records that are; null: it is not. */
  readonly held: { readonly why: string; readonly since: number; readonly count: number } | null
  /** Ids of the mandates in force about apps that it does not look for. */
  readonly blindTo: readonly string[]
  /** What is still to be released or dropped, as `feed release --confirm` wants it told. */
  readonly toConfirm: number
}

const KEY = 'run'

export function feedRun(database: FeedsDatabase, name: string): FeedRun {
  const text = database.state(name, KEY)
  return text === undefined ? NO_RUN : { ...NO_RUN, ...(JSON.parse(text) as Partial<FeedRun>) }
}

export const keepFeedRun = (database: FeedsDatabase, name: string, run: FeedRun): Promise<void> =>
  database.keep(name, { [KEY]: JSON.stringify(run) })

/** All feeds of the site, as this host knows them. */
export function feedStandings(store: ReadStore, database: FeedsDatabase): FeedStanding[] {
  database.refresh()
  return (unlessDamaged(() => feedDefinitions(store)) ?? []).map((definition) =>
    feedStanding(store, database, definition),
  )
}

export function feedStanding(
  store: ReadStore,
  database: FeedsDatabase,
  definition: FeedDefinition,
): FeedStanding {
  const { name, kind, of, everyS } = definition
  const source = sourceOf(definition)
  const state = breakerState(database, source)
  const order = unlessDamaged(() => holdOrder(store, source))
  const count = database.asideCount(source)
  const { tripped } = state
  const held = !isHeld(state, order)
    ? null
    : {
        why: tripped ? causeText(tripped) : `${order?.author ?? ''}: ${order?.reason ?? ''}`,
        since: tripped?.since ?? order?.at ?? 0,
        count,
      }
  const policy = unlessDamaged(() => store.activePolicy())?.policy
  return {
    name,
    kind,
    of,
    everyS,
    ...feedRun(database, name),
    held,
    blindTo: blindSpots(definition, policy),
    toConfirm: count + missing(tripped),
  }
}

/** Devices that would be gone when few are what is meant. */
const missing = (cause: HoldCause | null): number =>
  cause?.cause === 'shrunk' ? cause.before - cause.devices : 0
