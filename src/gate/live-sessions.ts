import type { OpenSessions, SessionSubject } from '../journal/inquiries'
import { effectOf } from '../policy/decision'
import type { Following, GateDecision, KeyedSubject, LiveSession } from './gate'
import { Roster, type Listed } from './roster'
import type { Sources } from './source-index'

export interface LiveSessionsDependencies {
  readonly decide: (subject: KeyedSubject, nowMs: number) => GateDecision
  /** What the decision just made for a subject came from. */
  readonly sourcesOf: (subject: KeyedSubject) => Sources
  /** Over how long sessions that become blocked together are ended. */
  readonly spreadMs: () => number
  readonly now: () => number
}

/** How often it is looked whether a decision ran out. */
const WAKE_MS = 1000
/** Looked at in one turn, so that thousands of sessions do not hold up the rest; one decided anew counts for more. */
const SLICE = 5000
const DECIDED = 20
/** Devices of a user, or users of a device, whose sessions are told. */
const MAX_TOLD = 64
/** Steps of this share of the spread fill it evenly, however many take part. */
const GOLDEN_RATIO = 0.618_033_988_749_895

/** A session, and how it was decided last. */
class Entry implements Listed, Following {
  place = -1
  validUntil = Infinity
  ending: NodeJS.Timeout | undefined

  constructor(
    readonly session: LiveSession,
    public sources: Sources,
    readonly since: number,
    /** The warning that was given last: the same one is given once, whichever policy it comes from. */
    public warned: string | null,
    private readonly entries: Roster<Entry>,
  ) {}

  stop(): void {
    this.entries.delete(this)
    clearTimeout(this.ending)
  }
}

class Changes {
  all = false
  readonly users = new Set<string>()
  readonly deviceIds = new Set<string>()

  get any(): boolean {
    return this.all || this.users.size > 0 || this.deviceIds.size > 0
  }

  concern({ user, deviceIds }: Sources): boolean {
    return this.all || this.users.has(user) || deviceIds.some((id) => this.deviceIds.has(id))
  }
}

/**
 * The open sessions of one process, and how they follow what is decided. Who is concerned by a change is found by
 * looking at each: a list by device and user would have to be kept up to date at every login, for the few changes
 * that there are.
 */
export class LiveSessions {
  readonly #entries = new Roster<Entry>()
  /** What changed since the last round began. */
  #changed = new Changes()
  #round: Generator<undefined> | undefined
  /** No decision runs out before it. */
  #wakeAt = Infinity
  #turn: NodeJS.Immediate | undefined
  #phase = 0
  readonly #timer: NodeJS.Timeout

  constructor(private readonly deps: LiveSessionsDependencies) {
    this.#timer = setInterval(() => this.#wake(), WAKE_MS)
    this.#timer.unref()
  }

  get size(): number {
    return this.#entries.size
  }

  /** From now on `session` follows; `decision` is the one it was let in with. */
  add(session: LiveSession, decision: GateDecision): Following {
    const warned = effectOf(decision) === 'warn' ? decision.text : null
    const sources = this.deps.sourcesOf(session.subject)
    const entry = new Entry(session, sources, this.deps.now(), warned, this.#entries)
    this.#entries.add(entry)
    const now = this.#decide(entry)
    // What changed between that decision and this moment was told to nobody.
    if (now !== decision) this.#follow(entry, now)
    return entry
  }

  /** Those of a user, or on a device that proved itself; of very many users the first ones. */
  openOf({ kind, id }: SessionSubject): OpenSessions[] {
    const found = new Map<string, { user: string; device: string | null; count: number; since: number }>()
    for (const { session, since } of this.#entries) {
      const { user, claim } = session.subject
      const device = claim?.deviceId ?? null
      if ((kind === 'user' ? user : device) !== id) continue
      const key = kind === 'user' ? (device ?? '') : user
      const known = found.get(key)
      if (known) {
        known.count += 1
        known.since = Math.min(known.since, since)
      } else if (found.size < MAX_TOLD) found.set(key, { user, device, count: 1, since })
    }
    return [...found.values()]
  }

  /** What was decided from this user's overrides or devices may be decided differently now. */
  userChanged(user: string): void {
    this.#changed.users.add(user)
    this.#schedule()
  }

  deviceChanged(id: string): void {
    this.#changed.deviceIds.add(id)
    this.#schedule()
  }

  allChanged(): void {
    this.#changed.all = true
    this.#schedule()
  }

  close(): void {
    clearInterval(this.#timer)
    clearImmediate(this.#turn)
    for (const entry of this.#entries) entry.stop()
  }

  /** What time alone changes is decided anew. A comparison, unless something is due. */
  #wake(): void {
    if (this.deps.now() >= this.#wakeAt) this.#schedule()
  }

  #schedule(): void {
    this.#turn ??= setImmediate(() => {
      this.#turn = undefined
      this.#round ??= this.#decideConcerned()
      if (this.#round.next().done === true) this.#round = undefined
      if (this.#round ?? this.#changed.any) this.#schedule()
    })
  }

  /** One round over all sessions, in slices. */
  *#decideConcerned(): Generator<undefined> {
    const changed = this.#changed
    const now = this.deps.now()
    this.#changed = new Changes()
    this.#wakeAt = Infinity
    let left = SLICE
    for (const entry of this.#entries) {
      if (entry.validUntil <= now || changed.concern(entry.sources)) {
        this.#follow(entry, this.#decide(entry))
        left -= DECIDED
      } else {
        this.#wakeAt = Math.min(this.#wakeAt, entry.validUntil)
        left -= 1
      }
      if (left > 0) continue
      yield
      left = SLICE
    }
  }

  #decide(entry: Entry): GateDecision {
    const { session } = entry
    const decision = this.deps.decide(session.subject, this.deps.now())
    entry.sources = this.deps.sourcesOf(session.subject)
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
