import type { Decision, Subject } from '../policy/decision'
import type { Protocol } from '../policy/vocabulary'

/** A decision as the cache holds it: finished, shared, never changed but for what is noted of it. */
export interface GateDecision extends Decision {
  /** Short, for the person to read out and an admin to find; the same at each try. Empty for a plain allow. */
  readonly id: string
  /** The newest bucket of time in which each protocol's use of it is in the traffic record. */
  imapBucket?: number
  smtpBucket?: number
}

/** A subject with its cache key, made once a session so that a decision allocates nothing. */
export interface KeyedSubject extends Subject {
  readonly key: string
}

/** The data plane's heart, as the two protocols see it. */
export interface Gate {
  /** Makes a subject ready to be decided for; normalises the user name. */
  subject(parts: Subject): KeyedSubject
  /**
   * The decision now: synchronous, from memory when cached. Never throws: a fault inside becomes
   * `fault_closed` or `fault_open`. `nowMs` is epoch milliseconds.
   */
  decide(subject: KeyedSubject, nowMs: number): GateDecision
  /**
   * Counts what a decision did to a client, and tells it to the block log, unless it is a plain allow, and to the
   * traffic record.
   */
  record(decision: GateDecision, context: DecisionContext): void
}

/** A gate for logins that it takes itself, to sessions which go on after their decision. */
export interface SessionGate extends Gate {
  /**
   * The decision for somebody whose proof cannot be checked now. With `fail_mode: open` the decision without it; closed:
   * a fault, where there is anything to decide.
   */
  decideUnchecked(subject: KeyedSubject, nowMs: number): GateDecision
  /** Whether a block would be one now: nobody is refused in modes off and monitor, nor from an exempt network. */
  enforces(subject: KeyedSubject): boolean
  /** From now on `session` is told when it comes to be decided differently than by `decision`. */
  follow(session: LiveSession, decision: GateDecision): Following
}

/** That a session is followed. */
export interface Following {
  /** The session is over. */
  stop(): void
}

/** A session that goes on after its decision. */
export interface LiveSession {
  readonly subject: KeyedSubject
  /** The subject is blocked now: say so and end. */
  end(decision: GateDecision): void
  /** The subject is warned now: say so and go on. */
  warn(decision: GateDecision): void
}

export interface DecisionContext {
  readonly protocol: Protocol
  readonly subject: Subject
  readonly remoteAddress: string
  /** Epoch milliseconds. */
  readonly at: number
}
