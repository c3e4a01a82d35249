import { unlessDamaged } from '../devices/unless-damaged'
import type { Store } from '../devices/store'
import { isOverBound } from '../policy/guard'
import { mandatedFindings, turnedFigure, withTurned, type BreakerBounds } from './breaker'
import type { FeedsDatabase } from './feeds-database'
import {
  breakerState,
  causeText,
  holdOrder,
  isHeld,
  isSettling,
  putBreakerState,
  SHRINKING_IS_MEANT,
  type BreakerState,
  type HoldCause,
  type HoldOrder,
} from './hold'
import { countsOf } from './counts-of'
import { OUTCOMES, planOf, type Known, type Outcome, type Plan } from './plan'
import type { FeedReading } from './reading'
import { SeenDevices } from './seen-devices'

export interface IntakeParts {
  readonly store: Store
  readonly database: FeedsDatabase
  readonly source: string
  readonly now: () => number
  /** Told when the feed comes to be held; once, until it is released. */
  readonly onTripped: (why: string) => void
}

/** What comes in together: a page of a sweep, or events. */
interface Entry {
  readonly feed: string
  readonly readings: readonly FeedReading[]
  readonly events: readonly string[]
  readonly resolve: (outcomes: readonly Outcome[]) => void
  readonly reject: (error: unknown) => void
}

/** Readings in one transaction. */
const BATCH = 1000
/** A share of the time after which evidence is stale: no finer is it kept. */
const COARSE_SHARE = 10
/** While there is no policy that says what is stale. */
const COARSE_MS = 3_600_000

/**
 * The one way by which a source's readings come into the store: judges them, holds back what the breaker does not
 * let pass, writes the rest. What comes at once is written together, one batch after the other.
 */
export class Intake {
  /** What the source brought in this process. */
  readonly seen = new SeenDevices()
  readonly #counts = countsOf(OUTCOMES)
  readonly #queue: Entry[] = []
  #draining = false
  #waiting = 0

  constructor(
    private readonly parts: IntakeParts,
    private bounds: BreakerBounds,
  ) {}

  setBounds(bounds: BreakerBounds): void {
    this.bounds = bounds
  }

  /** Readings that are not written yet: who brings more than can be written is to wait. */
  get waiting(): number {
    return this.#waiting
  }

  /** What became of what the source brought in this process. */
  get counts(): Readonly<Record<Outcome, number>> {
    return this.#counts
  }

  /**
   * Resolves when all is durable: the records, what was set aside of them, and `events`, by which a repeated one is
   * known. Rejects when nothing of it may be believed; the same may be brought again.
   */
  take(
    feed: string,
    readings: readonly FeedReading[],
    events: readonly string[] = [],
  ): Promise<readonly Outcome[]> {
    return new Promise((resolve, reject) => {
      this.#waiting += readings.length
      this.#queue.push({ feed, readings, events, resolve, reject })
      if (!this.#draining) void this.#drain()
    })
  }

  /** Whether what turns devices is set aside now. */
  isHeld(): boolean {
    const { store, database, source } = this.parts
    return isHeld(
      breakerState(database, source),
      unlessDamaged(() => holdOrder(store, source)),
    )
  }

  async #drain(): Promise<void> {
    this.#draining = true
    for (let batch = this.#nextBatch(); batch.length > 0; batch = this.#nextBatch()) {
      try {
        const outcomes = await this.#write(batch)
        let from = 0
        for (const { readings, resolve } of batch) {
          resolve(outcomes.slice(from, from + readings.length))
          from += readings.length
        }
      } catch (error) {
        for (const { reject } of batch) reject(error)
      }
      for (const { readings } of batch) this.#waiting -= readings.length
    }
    this.#draining = false
  }

  #nextBatch(): Entry[] {
    let count = 0
    const end = this.#queue.findIndex(({ readings }, index) => {
      count += readings.length
      return count > BATCH && index > 0
    })
    return this.#queue.splice(0, end === -1 ? this.#queue.length : end)
  }

  async #write(batch: readonly Entry[]): Promise<readonly Outcome[]> {
    const { store, database, source, now } = this.parts
    const readings = batch.flatMap((entry) => entry.readings)
    const { plan, state, tripped } = this.#plan(readings)
    if (plan.turned > 0 || plan.asides.size > 0 || tripped)
      await database.write(() => {
        putBreakerState(database, source, state)
        database.putAsides(source, plan.asides)
      })
    if (tripped) this.parts.onTripped(causeText(tripped))
    const written = plan.puts.length === 0 ? [] : await store.putDevices(plan.puts)
    const outcomes = [...plan.outcomes]
    written.forEach(({ status }, index) => {
      const place = plan.putPlaces[index] ?? -1
      // Another process was faster.
      if (status !== 'applied') outcomes[place] = status === 'refused' ? 'older' : 'unchanged'
    })
    readings.forEach((reading, index) => this.#note(reading, outcomes[index] ?? 'bad'))
    for (const outcome of outcomes) this.#counts[outcome] += 1
    const events = batch.flatMap(({ feed, events }) => events.map((event) => ({ feed, event })))
    if (events.length > 0) await database.write(() => database.noteEvents(events, now()))
    return outcomes
  }

  #note(reading: FeedReading, outcome: Outcome): void {
    if ('record' in reading) this.seen.note(reading.record.id, reading.record.version)
    else if ('problem' in reading) {
      if (reading.id !== undefined) this.seen.note(reading.id, 0)
    } else if (outcome !== 'unknown' && outcome !== 'older')
      this.seen.hear(reading.change.id, reading.change.at)
  }

  /**
   * Sees to an order to release what is set aside, or to drop it. Gives what was ordered; undefined: nothing is left
   * to be seen to.
   */
  async settle(): Promise<HoldOrder | undefined> {
    const { store, database, source } = this.parts
    store.sequence()
    database.refresh()
    const order = unlessDamaged(() => holdOrder(store, source))
    const state = breakerState(database, source)
    if (!isSettling(state, order)) return undefined
    for (;;) {
      const { ids, records } = database.asides(source, BATCH)
      if (ids.length === 0) break
      if (order.word === 'release') await store.putDevices(records)
      const none = new Map(ids.map((id) => [id, null]))
      await database.write(() => database.putAsides(source, none))
    }
    const isMeant = order.word === 'release' && state.tripped?.cause === 'shrunk'
    await database.write(() => {
      putBreakerState(database, source, { turned: [], tripped: null, settled: order.at })
      if (isMeant) database.put(source, { [SHRINKING_IS_MEANT]: 'yes' })
    })
    return order
  }

  /** Takes a complete sweep that brought too few for what it is: nothing is marked gone, and the feed is held. */
  async trip(cause: HoldCause): Promise<void> {
    const { database, source, now } = this.parts
    const state = breakerState(database, source)
    await database.write(() =>
      putBreakerState(database, source, { ...state, tripped: { ...cause, since: now() } }),
    )
    this.parts.onTripped(causeText(cause))
  }

  /** What is to be written; when it would turn too many devices, none of them. */
  #plan(readings: readonly FeedReading[]): {
    readonly plan: Plan
    readonly state: BreakerState
    readonly tripped: HoldCause | undefined
  } {
    const { store, database, source, now } = this.parts
    const at = now()
    store.sequence()
    database.refresh()
    const state = breakerState(database, source)
    const order = unlessDamaged(() => holdOrder(store, source))
    const known = this.#known(at)
    const plan = planOf(readings, known, isHeld(state, order))
    const turned = withTurned(state.turned, plan.turned, at, this.bounds)
    const figure = turnedFigure(turned, store.counts().devices, this.bounds)
    if (plan.turned === 0 || !isOverBound(figure))
      return { plan, state: { ...state, turned }, tripped: undefined }
    const { newlyBlocked: count, devices, bound } = figure
    const tripped: HoldCause = { cause: 'turned', count, devices, bound }
    return {
      plan: planOf(readings, known, true),
      state: { ...state, tripped: { ...tripped, since: at } },
      tripped,
    }
  }

  #known(now: number): Known {
    const { store, database, source } = this.parts
    const active = unlessDamaged(() => store.activePolicy())
    return {
      source,
      stored: (id) => unlessDamaged(() => store.device(id)),
      aside: (id) => database.aside(source, id),
      newestVersion: (id) => this.seen.version(id),
      mandated: mandatedFindings(active?.policy),
      coarseMs: active ? active.policy.stale.afterMs / COARSE_SHARE : COARSE_MS,
      now,
    }
  }
}
