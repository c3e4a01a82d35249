import { unlessDamaged } from '../devices/unless-damaged'
import type { Store } from '../devices/store'
import { DEFAULT_BREAKER } from './breaker'
import { feedDefinitions, sourceOf, type FeedDefinition } from './definition'
import { FeedDesk } from './feed-desk'
import { FeedError } from './feed-error'
import { FeedRunner, type FeedListener } from './feed-runner'
import type { FeedsDatabase } from './feeds-database'
import { breakerState, causeText, holdOrder } from './hold'
import { Intake } from './intake'
import type { FeedAnswer, FeedRequest } from './kind'
import type { Outcome } from './plan'
import type { Refusal } from './refusal'
import { feedRun, keepFeedRun, type FeedRun } from './standing'
import { problemOf } from './session'

/** Which of a fleet's hosts runs a feed: one of them, as long as it lives. */
export interface FeedLeases {
  /** Takes or renews it; whether it is this host's then. */
  renew(name: string): Promise<boolean>
  release(name: string): Promise<void>
}

export interface FeedsParts {
  readonly store: Store
  readonly database: FeedsDatabase
  /** undefined: this host is alone. */
  readonly leases: FeedLeases | undefined
  readonly listener: FeedListener
  readonly now: () => number
  readonly random: () => number
}

/** How a feed goes that this host runs. Counts are since the process started, or the feed was changed. */
export interface FeedFigures {
  readonly definition: FeedDefinition
  readonly run: FeedRun
  readonly isHeld: boolean
  /** What became of the records of its source, whichever feed brought them. */
  readonly records: Readonly<Record<Outcome, number>>
  readonly refused: Readonly<Record<Refusal, number>>
}

interface Running {
  readonly runner: FeedRunner
  readonly text: string
  mine: boolean
}

const LOOK_MS = 1000
/** Of the time for which a lease holds it is a third. */
const RENEW_MS = 5000

/** All feeds of a host: they run as the store says, and follow each change of it within seconds. */
export class Feeds {
  readonly #running = new Map<string, Running>()
  readonly #intakes = new Map<string, Intake>()
  readonly #timers: NodeJS.Timeout[] = []
  readonly #desk: FeedDesk
  #turn: Promise<void> = Promise.resolve()
  #seenOrder = -1
  #busy = false

  constructor(private readonly parts: FeedsParts) {
    this.#desk = new FeedDesk(parts.store)
  }

  /** Resolves when the feeds that the store has run. */
  async start(): Promise<void> {
    await this.#follow()
    await this.#renew()
    this.#timers.push(
      setInterval(() => this.#look(() => this.#follow()), LOOK_MS),
      setInterval(() => this.#look(() => this.#renew()), RENEW_MS),
    )
    for (const timer of this.#timers) timer.unref()
  }

  /** A request for a feed: undefined when there is no such feed here. Rejects when it could not be made durable. */
  async receive(name: string, request: FeedRequest): Promise<FeedAnswer | undefined> {
    return this.#running.get(name)?.runner.receive(request)
  }

  /** Of the feeds that this host runs now. */
  figures(): FeedFigures[] {
    const { database, leases } = this.parts
    database.refresh()
    return [...this.#running.values()].flatMap(({ runner: { definition, refusals }, mine }) => {
      const intake = this.#intakes.get(sourceOf(definition))
      if (!intake || (leases && !mine)) return []
      const run = feedRun(database, definition.name)
      return [{ definition, run, isHeld: intake.isHeld(), records: intake.counts, refused: refusals }]
    })
  }

  async close(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer)
    await this.#turn
    const names = [...this.#running.keys()]
    await Promise.all(names.map((name) => this.#end(name)))
  }

  /** One look after the other; one that takes longer than the clock leaves some out. */
  #look(work: () => Promise<void>): void {
    if (this.#busy) return
    this.#busy = true
    this.#turn = work()
      .catch(this.parts.listener.onFault)
      .finally(() => (this.#busy = false))
  }

  async #follow(): Promise<void> {
    const { store } = this.parts
    const newest = store.newestOrder()
    if (newest !== this.#seenOrder) {
      await this.#adopt(unlessDamaged(() => feedDefinitions(store), this.parts.listener.onFault) ?? [])
      this.#seenOrder = newest
    }
    for (const [source, intake] of this.#intakes) await this.#seeToHold(source, intake)
  }

  async #adopt(definitions: readonly FeedDefinition[]): Promise<void> {
    const wanted = new Map(definitions.map((definition) => [definition.name, definition]))
    for (const [name, { text }] of this.#running) {
      const definition = wanted.get(name)
      if (JSON.stringify(definition) === text) continue
      await this.#end(name)
      if (!definition) await this.parts.database.forget(name)
    }
    for (const definition of definitions) {
      if (!this.#running.has(definition.name)) await this.#begin(definition, wanted)
    }
  }

  async #begin(definition: FeedDefinition, all: ReadonlyMap<string, FeedDefinition>): Promise<void> {
    const { store, database, listener, now, random } = this.parts
    const { name } = definition
    const source = sourceOf(definition)
    const bounds = (all.get(source) ?? definition).breaker
    const intake = this.#intakes.get(source) ?? this.#intake(source)
    intake.setBounds(bounds)
    try {
      const isMine = (): boolean => this.parts.leases === undefined || this.#running.get(name)?.mine === true
      const runner = new FeedRunner(definition, { store, database, intake, listener, now, random, isMine })
      this.#running.set(name, { runner, text: JSON.stringify(definition), mine: false })
      runner.start()
    } catch (error) {
      if (!(error instanceof FeedError)) throw error
      const run = feedRun(database, name)
      listener.onProblem(name, error.message)
      await keepFeedRun(database, name, { ...run, problem: problemOf(run, error.kind, error.message, now()) })
    }
  }

  #intake(source: string): Intake {
    const { store, database, listener, now } = this.parts
    const onTripped = (why: string): void => {
      listener.onHeld(source, why)
      this.#orderHold(source, why).catch(listener.onFault)
    }
    const intake = new Intake({ store, database, source, now, onTripped }, DEFAULT_BREAKER)
    this.#intakes.set(source, intake)
    return intake
  }

  async #restart(name: string): Promise<void> {
    await this.#end(name)
    this.#seenOrder = -1
  }

  async #end(name: string): Promise<void> {
    const running = this.#running.get(name)
    this.#running.delete(name)
    await running?.runner.close()
    if (running?.mine) await this.parts.leases?.release(name).catch(this.parts.listener.onFault)
  }

  async #seeToHold(source: string, intake: Intake): Promise<void> {
    const { store, database, listener } = this.parts
    const order = await intake.settle()
    if (order && order.word !== 'hold') listener.onReleased(source, order.word)
    const { tripped } = breakerState(database, source)
    const last = unlessDamaged(() => holdOrder(store, source))
    // A hold that could not be told to the fleet when it came, since the store was away.
    if (tripped && (last === undefined || last.at < tripped.since))
      await this.#orderHold(source, causeText(tripped))
  }

  async #orderHold(source: string, reason: string): Promise<void> {
    await this.#desk.hold(source, { author: 'device gate', reason, at: this.parts.now() })
  }

  async #renew(): Promise<void> {
    const { leases } = this.parts
    for (const [name, running] of this.#running) {
      if (leases) {
        const isMine = await leases.renew(name)
        // Another host asks for its events now.
        if (running.mine && !isMine) await this.#restart(name)
        else running.mine = isMine
      }
      await running.runner.keepEvents()
    }
  }
}
