import type { DecisionContext, GateDecision, KeyedSubject, LiveSession, SessionGate } from '../gate/gate'
import type { Splice, SpliceWatcher } from './splice'

/** A logged-in session that goes on being decided: warned in mid-session, or ended with the reason. */
export class FollowedSession implements LiveSession, SpliceWatcher {
  constructor(
    private readonly splice: Splice,
    readonly subject: KeyedSubject,
    private readonly gate: SessionGate,
    private readonly context: () => DecisionContext,
  ) {}

  end(decision: GateDecision): void {
    this.gate.record(decision, this.context())
    this.splice.bye(`* BYE ${decision.text} (${decision.id})\r\n`)
  }

  warn(decision: GateDecision): void {
    this.gate.record(decision, this.context())
    this.splice.say(`* OK [ALERT] ${decision.text} (${decision.id})\r\n`)
  }

  onOver(): void {
    this.gate.unfollow(this)
  }
}
