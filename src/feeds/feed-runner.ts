import { countsOf } from './counts-of'
import { FeedError } from './feed-error'
import type { FeedDefinition } from './definition'
import { feedErrorOf } from './http'
import type { FeedAnswer, FeedContext, FeedKind, FeedRequest, Received } from './kind'
import { REFUSALS, refusalsOf, type Refusal } from './refusal'
import { nextDelayMs } from './schedule'
import { contextOf, kindOf, memoryOf, problemOf, sweepOnce, type SessionParts } from './session'
import { feedRun, keepFeedRun, type FeedRun } from './standing'
import type { SweepReport } from './sweep'

/** Who is told how feeds go. */
export interface FeedListener {
  readonly onSweep: (name: string, report: SweepReport) => void
  readonly onProblem: (name: string, message: string) => void
  readonly onMended: (name: string) => void
  readonly onHeld: (source: string, why: string) => void
  readonly onReleased: (source: string, word: 'release' | 'drop') => void
  /** What came in was no event that counts; `said`: what its sender was told. */
  readonly onRefused: (name: string, refusal: Refusal, said: string) => void
  readonly onFault: (error: unknown) => void
}

export interface RunnerParts extends SessionParts {
  readonly listener: FeedListener
  readonly random: () => number
  /** Whether this host is the one that runs the feed now. */
  readonly isMine: () => boolean
}

/** After so long a sweep reads all, whatever the source says about what changed. */
const READ_ALL_MS = 86_400_000
/** A start is no reason for all feeds to ask at once. */
const FIRST_SPREAD_MS = 3000
/** How soon a feed is looked at again that another host runs. */
const NOT_MINE_MS = 5000
/** Events that wait to be written: more are refused, and come again. */
const MAX_WAITING = 10_000

/** One feed as it runs: sweeps by the clock or when its source changes, asks for events, takes in what comes. */
export class FeedRunner {
  readonly #kind: FeedKind
  readonly #context: FeedContext
  readonly #stop = new AbortController()
  readonly #loops: Promise<void>[] = []
  #endWatch: (() => void) | undefined
  #wakeSweep: () => void = () => undefined
  #changed = false
  #readAllAt = -Infinity
  #events = 0
  #refused = 0
  readonly #refusals = countsOf(REFUSALS)
  /** Why what came in last could not be told good from bad; null: it could. */
  #putOff: string | null = null
  #lastEventAt: number | null = null
  #keptEventAt: number | null = null

  /** Throws FeedError for a feed that cannot run. */
  constructor(
    readonly definition: FeedDefinition,
    private readonly parts: RunnerParts,
  ) {
    const { database, now } = parts
    this.#kind = kindOf(definition)
    this.#context = contextOf(definition, memoryOf(database, definition.name, now), this.#stop.signal, now)
  }

  start(): void {
    const { random } = this.parts
    if (this.#kind.sweep && this.definition.everyS > 0) {
      this.#loops.push(this.#sweeps(FIRST_SPREAD_MS * random()))
      this.#endWatch = this.#kind.watch?.(this.#context, () => {
        this.#changed = true
        this.#wakeSweep()
      })
    }
    if (this.#kind.poll) this.#loops.push(this.#polls(this.#kind.poll))
  }

  /** Resolves when nothing of it runs any more. */
  async close(): Promise<void> {
    this.#stop.abort()
    this.#endWatch?.()
    await Promise.all(this.#loops)
    await this.keepEvents()
  }

  /** Takes in a request from outside; its answer is given once all is durable. */
  async receive(request: FeedRequest): Promise<FeedAnswer> {
    const { intake, now } = this.parts
    if (!this.#kind.receive) return plain(404)
    if (intake.waiting > MAX_WAITING) return { ...plain(503), headers: { 'retry-after': '5' } }
    const { readings, events, refused, answer } = await this.#received(this.#kind.receive, request)
    if (readings.length > 0 || events.length > 0) {
      await intake.take(this.definition.name, readings, events)
      this.#events += events.length
      this.#lastEventAt = now()
    }
    this.#refuse(refused ?? refusalsOf(answer.status), `${answer.status} ${answer.body}`)
    return answer
  }

  /** Rejects with FeedError when its sender is to come again: that is a problem of the feed, and told as one. */
  async #received(receive: NonNullable<FeedKind['receive']>, request: FeedRequest): Promise<Received> {
    try {
      const received = await receive(this.#context, request)
      if (this.#putOff !== null && received.answer.status < 300) {
        this.#putOff = null
        await this.#mended()
      }
      return received
    } catch (error) {
      const problem = this.#asProblem(error)
      if (problem && problem.message !== this.#putOff) {
        this.#putOff = problem.message
        this.parts.listener.onProblem(this.definition.name, problem.message)
        await this.#keepProblem(problem.kind, problem.message)
      }
      throw error
    }
  }

  /** Why events were refused since the feed runs. */
  get refusals(): Readonly<Record<Refusal, number>> {
    return this.#refusals
  }

  #refuse(refusals: readonly Refusal[], said: string): void {
    for (const refusal of refusals) {
      this.#refused += 1
      this.#refusals[refusal] += 1
      this.parts.listener.onRefused(this.definition.name, refusal, said)
    }
  }

  /** Events are counted in memory, and kept now and then. */
  async keepEvents(): Promise<void> {
    const { database } = this.parts
    if (this.#refused === 0 && this.#lastEventAt === this.#keptEventAt) return
    this.#keptEventAt = this.#lastEventAt
    const { name } = this.definition
    const run = feedRun(database, name)
    const [events, refused] = [this.#events, this.#refused]
    this.#events = this.#refused = 0
    await keepFeedRun(database, name, {
      ...run,
      events: run.events + events,
      refusedEvents: run.refusedEvents + refused,
      lastGoodAt: later(this.#lastEventAt, run.lastGoodAt),
    })
  }

  async #sweeps(firstMs: number): Promise<void> {
    const { database, now, random, listener } = this.parts
    const { name, everyS } = this.definition
    const everyMs = everyS * 1000
    let failures = 0
    let delayMs = firstMs
    while (await this.#pause(this.#changed ? 0 : delayMs, everyMs, (wake) => (this.#wakeSweep = wake))) {
      this.#changed = false
      let retryAfterMs: number | undefined
      try {
        const error = await this.#sweep()
        failures = error ? failures + 1 : 0
        retryAfterMs = error?.retryAfterMs
      } catch (error) {
        failures += 1
        listener.onFault(error)
      }
      delayMs = nextDelayMs({ everyMs, failures, retryAfterMs }, random())
      const run: FeedRun = { ...feedRun(database, name), nextAt: now() + delayMs }
      await keepFeedRun(database, name, run).catch(listener.onFault)
    }
  }

  /** Gives what is wrong at the source. */
  async #sweep(): Promise<FeedError | null> {
    const { database, now, listener } = this.parts
    const { name } = this.definition
    const former = feedRun(database, name).problem
    const readAll = now() - this.#readAllAt >= READ_ALL_MS
    const report = await sweepOnce(this.definition, this.parts, { signal: this.#stop.signal, readAll })
    const { error } = report
    if (this.#stop.signal.aborted) return null
    listener.onSweep(name, report)
    if (error && error.message !== former?.message) listener.onProblem(name, error.message)
    if (!error && former) listener.onMended(name)
    if (!error && readAll) this.#readAllAt = now()
    return error
  }

  async #polls(poll: NonNullable<FeedKind['poll']>): Promise<void> {
    const { now, random, intake, listener } = this.parts
    const { name } = this.definition
    let failures = 0
    let delayMs = 0
    while (await this.#pause(delayMs, POLL_RETRY_MS)) {
      let retryAfterMs: number | undefined
      try {
        for await (const { readings, events, refused = [] } of poll(this.#context)) {
          this.#refuse(refused, 'as the answer to a poll')
          if (readings.length > 0 || events.length > 0) await intake.take(name, readings, events)
          this.#events += events.length
          this.#lastEventAt = now()
          if (failures > 0) await this.#mended()
          failures = 0
        }
        delayMs = 0
      } catch (error) {
        if (this.#stop.signal.aborted) return
        failures += 1
        const problem = this.#asProblem(error)
        retryAfterMs = problem?.retryAfterMs
        delayMs = nextDelayMs({ everyMs: POLL_RETRY_MS, failures, retryAfterMs }, random())
        if (problem && failures === 1) listener.onProblem(name, problem.message)
        await this.#keepProblem(problem?.kind ?? 'fault', (error as Error).message).catch(listener.onFault)
      }
    }
  }

  async #keepProblem(kind: Parameters<typeof problemOf>[1], message: string): Promise<void> {
    const { database, now } = this.parts
    const { name } = this.definition
    const run = feedRun(database, name)
    const problem = problemOf(run, kind, message, now())
    await keepFeedRun(database, name, { ...run, lastTriedAt: now(), problem })
  }

  async #mended(): Promise<void> {
    const { database, listener } = this.parts
    const { name } = this.definition
    listener.onMended(name)
    await keepFeedRun(database, name, { ...feedRun(database, name), problem: null })
  }

  /** undefined: it is not the source's fault. */
  #asProblem(error: unknown): FeedError | undefined {
    try {
      return feedErrorOf(error)
    } catch {
      this.parts.listener.onFault(error)
      return undefined
    }
  }

  /** Waits, and on while the feed is not this host's. Gives false when it is to stop. */
  async #pause(ms: number, everyMs: number, onWake?: (wake: () => void) => void): Promise<boolean> {
    const { signal } = this.#stop
    for (let left = ms; ; left = Math.min(everyMs, NOT_MINE_MS)) {
      await sleep(left, signal, onWake)
      if (signal.aborted) return false
      if (this.parts.isMine()) return true
    }
  }
}

/** Holds no process back from ending. */
function sleep(ms: number, signal: AbortSignal, onWake?: (wake: () => void) => void): Promise<void> {
  return new Promise((resolve) => {
    const wake = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', wake)
      resolve()
    }
    const timer = setTimeout(wake, Math.min(ms, MAX_TIMER_MS))
    timer.unref()
    signal.addEventListener('abort', wake)
    onWake?.(wake)
    if (signal.aborted) wake()
  })
}

const later = (a: number | null, b: number | null): number | null =>
  a === null || b === null ? (a ?? b) : Math.max(a, b)

const POLL_RETRY_MS = 300_000
const MAX_TIMER_MS = 2 ** 31 - 1

const plain = (status: number): FeedAnswer => ({ status, headers: {}, body: '' })
