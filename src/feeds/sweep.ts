import type { Store } from '../devices/store'
import type { FeedDefinition } from './definition'
import { FeedError } from './feed-error'
import type { FeedsDatabase } from './feeds-database'
import { isShrunk, markGone, missingDevices } from './gone'
import { feedErrorOf } from './http'
import { SHRINKING_IS_MEANT } from './hold'
import type { Intake } from './intake'
import type { FeedContext, FeedKind, SweepEnd } from './kind'
import { Tally, type TallySummary } from './tally'

export interface SweepReport extends TallySummary {
  /** Devices that the sweep brought. */
  readonly devices: number
  /** Those that it no longer brought, by the feed's rule. */
  readonly gone: number
  /** The source says that nothing changed. */
  readonly notModified: boolean
  /** Why nothing was marked gone though the sweep is complete; null: nothing stood in the way. */
  readonly goneHeld: string | null
  /** Why it ended early; what it brought before counts, nothing is marked gone. null: it is complete. */
  readonly error: FeedError | null
}

export interface SweepParts {
  readonly definition: FeedDefinition
  readonly kind: FeedKind
  readonly context: FeedContext
  readonly store: Store
  readonly database: FeedsDatabase
  readonly intake: Intake
}

/** Readings that are written together. */
const BATCH = 1000

/**
 * Goes once through all that a source has, page by page, and takes in each page before it asks for the next. What
 * a source does wrong is in the report; what goes wrong here is thrown.
 */
export async function runSweep(parts: SweepParts): Promise<SweepReport> {
  const { definition, kind, context, database, intake } = parts
  const tally = new Tally()
  const sweep = kind.sweep?.(context)
  if (!sweep) throw new FeedError('settings', `a feed of kind ${kind.kind} has no sweep`)
  intake.seen.begin()
  let end: SweepEnd | undefined
  let gone = NONE_GONE
  let error: FeedError | null = null
  try {
    for (;;) {
      const step = await fromSource(sweep.next())
      if (step.done) {
        end = step.value
        break
      }
      for (let from = 0; from < step.value.length; from += BATCH) {
        const readings = step.value.slice(from, from + BATCH)
        tally.add(readings, await intake.take(definition.name, readings))
      }
    }
    if (end?.unchanged !== true) gone = await seeToGone(parts, tally.unreadable)
    if (end?.keep) await database.keep(definition.name, end.keep)
  } catch (problem) {
    if (!(problem instanceof FeedError)) throw problem
    error = problem
  } finally {
    await sweep.return(undefined).catch(() => undefined)
  }
  const notModified = end?.unchanged === true
  return { ...tally.summary(), devices: intake.seen.inSweep, ...gone, notModified, error }
}

/** What a kind throws is the source's fault, unless it is a mistake of its own. */
async function fromSource<T>(step: Promise<T>): Promise<T> {
  try {
    return await step
  } catch (error) {
    throw feedErrorOf(error)
  }
}

type Gone = Pick<SweepReport, 'gone' | 'goneHeld'>
const NONE_GONE: Gone = { gone: 0, goneHeld: null }

async function seeToGone(
  { definition, store, database, intake }: SweepParts,
  unreadable: number,
): Promise<Gone> {
  const { name, gone } = definition
  if (gone === 'keep') return NONE_GONE
  // Any of them may be one that would be missed.
  if (unreadable > 0)
    return { gone: 0, goneHeld: `${unreadable} records without an id: nothing was marked gone` }
  const missing = await missingDevices(store, name, intake.seen)
  const isMeant = database.state(name, SHRINKING_IS_MEANT) !== undefined
  if (!isMeant && missing.devices.length > 0 && isShrunk(missing)) {
    const left = missing.known - missing.devices.length
    await intake.trip({ cause: 'shrunk', devices: left, before: missing.known })
    return { gone: 0, goneHeld: `it brought ${left} of ${missing.known} devices: nothing was marked gone` }
  }
  const count = await markGone(store, gone, missing.devices)
  const settled = new Map(missing.devices.map(({ id }) => [id, null]))
  await database.write(() => {
    database.putAsides(name, settled)
    database.put(name, { [SHRINKING_IS_MEANT]: undefined })
  })
  return { gone: count, goneHeld: null }
}
