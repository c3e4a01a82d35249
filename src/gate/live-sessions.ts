import { effectOf } from '../policy/decision'
import type { GateDecision, KeyedSubject, LiveSession } from './gate'
import { SourceIndex, type Sources } from './source-index'

export interface LiveSessionsDependencies {
  readonly decide: (subject: KeyedSubject, nowMs: number) => GateDecision
  /** What the decision just made for a subject came from. */
  readonly sourcesOf: (subject: KeyedSubject) => Sources
  /** Over how long sessions that become blocked together are ended. */
  readonly spreadMs: () => number
  readonly now: () => number
}

interface Entry {
  readonly session: LiveSession
  sources: Sources
  validUntil: number
  /** The warning that was given last: the same one is given once, whichever policy it comes from. */
  warned: string | null
  ending: NodeJS.Timeout | undefined
}

/** How often it is looked whether a decision ran out. */
const WAKE_MS = 1000
/** Decided anew in one go, so that thousands of sessions do not hold up the rest. */
const SLICE = 250
/** Steps of this share of the spread fill it evenly, however many take part. */
const GOLDEN_RATIO = 0.618_033_988_749_895

/** The open sessions of one process, and how they follow what is decided. */
export class LiveSessions {
  readonly #entries = new Map<LiveSession, Entry>()
  readonly #bySource = new SourceIndex<Entry>()
  /** To be decided anew, oldest first. */
  readonly #due = new Set<Entry>()
  /** No decision runs out before it. */
  #wakeAt = Infinity
  #turn: NodeJS.Immediate | undefined
  #phase = 0
  readonly #timer: NodeJS.Timeout

  constructor(private readonly deps: LiveSessionsDependencies) {
    this.#timer = setInterval(() => this.#wake(), WAKE_MS)
    this.#timer.unref()
  }

  /** From now on `session` follows; `decision` is the one it was let in with. */
  add(session: LiveSession, decision: GateDecision): void {
    const warned = effectOf(decision) === 'warn' ? decision.text : null
    const sources = this.deps.sourcesOf(session.subject)
    const entry: Entry = { session, sources, validUntil: Infinity, warned, ending: undefined }
    this.#entries.set(session, entry)
    // What changed between that decision and this moment was told to nobody.
    if (this.#decide(entry) === decision) return
    this.#due.add(entry)
    this.#schedule()
  }

  remove(session: LiveSession): void {
    const entry = this.#entries.get(session)
    if (!entry) return
    this.#entries.delete(session)
    this.#due.delete(entry)
    clearTimeout(entry.ending)
    this.#bySource.remove(entry.sources, entry)
  }

  /** What was decided from this user's overrides or devices may be decided differently now. */
  userChanged(user: string): void {
    for (const entry of this.#bySource.ofUser(user)) this.#due.add(entry)
    this.#schedule()
  }

  deviceChanged(id: string): void {
    for (const entry of this.#bySource.ofDevice(id)) this.#due.add(entry)
    this.#schedule()
  }

  allChanged(): void {
    for (const entry of this.#entries.values()) this.#due.add(entry)
    this.#schedule()
  }

  close(): void {
    clearInterval(this.#timer)
    for (const entry of this.#entries.values()) clearTimeout(entry.ending)
    clearImmediate(this.#turn)
    this.#entries.clear()
    this.#bySource.clear()
    this.#due.clear()
  }

  /** What time alone changes is decided anew. A comparison, unless something is due. */
  #wake(): void {
    const now = this.deps.now()
    if (now < this.#wakeAt) return
    this.#wakeAt = Infinity
    for (const entry of this.#entries.values()) {
      if (entry.validUntil <= now) this.#due.add(entry)
      else this.#wakeAt = Math.min(this.#wakeAt, entry.validUntil)
    }
    this.#schedule()
  }

  #schedule(): void {
    if (this.#due.size > 0) this.#turn ??= setImmediate(() => this.#decideSlice())
  }

  #decideSlice(): void {
    this.#turn = undefined
    let left = SLICE
    for (const entry of this.#due) {
      if (left === 0) break
      left -= 1
      this.#due.delete(entry)
      this.#follow(entry, this.#decide(entry))
    }
    this.#schedule()
  }

  #decide(entry: Entry): GateDecision {
    const decision = this.deps.decide(entry.session.subject, this.deps.now())
    this.#bySource.remove(entry.sources, entry)
    entry.sources = this.deps.sourcesOf(entry.session.subject)
    this.#bySource.add(entry.sources, entry)
    entry.validUntil = decision.validUntil
    this.#wakeAt = Math.min(this.#wakeAt, decision.validUntil)
    return decision
  }

  #follow(entry: Entry, decision: GateDecision): void {
    switch (effectOf(decision)) {
      case 'block':
        entry.ending ??= setTimeout(() => this.#end(entry), this.#delayMs())
        return
      case 'warn':
        this.#spare(entry)
        if (entry.warned === decision.text) return
        entry.warned = decision.text
        entry.session.warn(decision)
        return
      case 'allow':
        return this.#spare(entry)
      case 'unavailable':
      // A fault is no verdict: whoever is in stays in until there is one.
    }
  }

  #spare(entry: Entry): void {
    clearTimeout(entry.ending)
    entry.ending = undefined
  }

  /** Decided once more: the order may have been taken back meanwhile, unseen by the poller yet. */
  #end(entry: Entry): void {
    entry.ending = undefined
    const decision = this.#decide(entry)
    if (effectOf(decision) === 'block') entry.session.end(decision)
    else this.#follow(entry, decision)
  }

  #delayMs(): number {
    this.#phase = (this.#phase + GOLDEN_RATIO) % 1
    return this.#phase * this.deps.spreadMs()
  }
}
