import type {
  DecisionContext,
  Following,
  GateDecision,
  KeyedSubject,
  LiveSession,
  SessionGate,
} from '../gate/gate'
import type { Splice, SpliceWatcher } from './splice'

/** A logged-in session that goes on being decided: warned in mid-session, or ended with the reason. */
export class FollowedSession implements LiveSession, SpliceWatcher {
  readonly #following: Following

  /** `decision`: the one it was let in with. */
  constructor(
    private readonly splice: Splice,
    readonly subject: KeyedSubject,
    decision: GateDecision,
    private readonly gate: SessionGate,
    private readonly context: () => DecisionContext,
  ) {
    this.#following = gate.follow(this, decision)
    splice.watch(this)
  }

  end(decision: GateDecision): void {
    this.gate.record(decision, this.context())
    this.splice.bye(`* BYE ${decision.text} (${decision.id})\r\n`)
  }

  warn(decision: GateDecision): void {
    this.gate.record(decision, this.context())
    this.splice.say(`* OK [ALERT] ${decision.text} (${decision.id})\r\n`)
  }

  onOver(): void {
    this.#following.stop()
  }
}
