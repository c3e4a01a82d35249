import { normaliseUser } from '../devices/record'
import type { Replica } from '../devices/store'
import type { OpenSessions, SessionSubject } from '../journal/inquiries'
import type { JournalSink } from '../journal/journal'
import { bucketOf, type TrafficSink } from '../journal/traffic'
import { Counts } from '../metrics/counts'
import { faultDecision } from '../policy/decide'
import type { DecisionRequest, Subject } from '../policy/decision'
import { effectiveMode, siteMode } from '../policy/effective-mode'
import type { ActivePolicy } from '../policy/policy'
import type { FailMode, Mode } from '../policy/vocabulary'
import { DecisionCache } from './decision-cache'
import { decisionId, isPlainAllow } from './decision-id'
import type { DecisionContext, Following, GateDecision, KeyedSubject, LiveSession, SessionGate } from './gate'
import { Invalidation } from './invalidation'
import { judge } from './judge'
import { LiveSessions } from './live-sessions'
import type { Sources } from './source-index'

export interface GateDependencies {
  readonly replica: Replica
  /** The live host rules; `hostChanged` must be called when they change. */
  readonly host: () => DecisionRequest['host'] & { readonly failMode: FailMode }
  readonly journal: JournalSink
  /** Left out: no traffic is recorded. */
  readonly traffic?: TrafficSink
  /** Left out: counted for nobody. */
  readonly counts?: Counts
  /** Over how long open sessions that become blocked are ended. */
  readonly revokeSpreadMs: () => number
  readonly now: () => number
  /** Told of each fault inside; must bound what it does with many. */
  readonly onFault: (error: unknown) => void
  /** Told when all that was changed up to a sequence of the replica is in force in this process. */
  readonly onTakenIn?: (sequence: number, ordered: boolean) => void
  /** How many are kept in memory. */
  readonly cachedDecisions?: number
}

/** The gate of one process: decides from memory, and from the replica when memory has no answer. */
export class DecisionGate implements SessionGate {
  readonly #cache: DecisionCache
  readonly #invalidation: Invalidation
  readonly #live: LiveSessions
  readonly #counts: Counts
  #active: ActivePolicy | undefined
  #activeKnown = false

  constructor(private readonly deps: GateDependencies) {
    this.#cache = new DecisionCache(deps.cachedDecisions)
    this.#counts = deps.counts ?? new Counts()
    this.#live = new LiveSessions({
      decide: (subject, nowMs) => this.decide(subject, nowMs),
      sourcesOf: (subject) => this.#cache.sourcesOf(subject.key) ?? claimedSources(subject),
      spreadMs: deps.revokeSpreadMs,
      now: deps.now,
    })
    const decided = {
      dropUser: (user: string) => {
        this.#cache.dropUser(user)
        this.#live.userChanged(user)
      },
      dropDevice: (id: string) => {
        this.#cache.dropDevice(id)
        this.#live.deviceChanged(id)
      },
      outdateAll: () => {
        this.#activeKnown = false
        this.hostChanged()
      },
    }
    this.#invalidation = new Invalidation(deps.replica, decided, {
      onTakenIn: (sequence, ordered) => deps.onTakenIn?.(sequence, ordered),
      onFault: deps.onFault,
    })
  }

  subject(parts: Subject): KeyedSubject {
    const user = normaliseUser(parts.user)
    const { claim, platformHint, exemptNetwork } = parts
    // All but user and device are from closed sets; with the user's length no two subjects share a key.
    const kind = `${claim?.proof ?? ''}:${claim ? '' : (platformHint ?? '')}:${exemptNetwork ? 'x' : ''}`
    const key = `${kind}:${user.length}:${user}${claim?.deviceId ?? ''}`
    return { user, claim, platformHint, exemptNetwork, key }
  }

  decide(subject: KeyedSubject, nowMs: number): GateDecision {
    if (this.#counts.lookUp()) return this.#decideTimed(subject, nowMs)
    return this.#cache.get(subject.key, nowMs) ?? this.#decideAnew(subject, nowMs)
  }

  #decideTimed(subject: KeyedSubject, nowMs: number): GateDecision {
    const startMs = performance.now()
    const decision = this.#cache.get(subject.key, nowMs) ?? this.#decideAnew(subject, nowMs)
    this.#counts.took((performance.now() - startMs) / 1000)
    return decision
  }

  decideUnchecked(subject: KeyedSubject, nowMs: number): GateDecision {
    const decision = this.decide(subject, nowMs)
    const { enforcement, failMode } = this.deps.host()
    const isGated = !subject.exemptNetwork && enforcement !== 'off' && this.#siteMode() !== 'off'
    return isGated && failMode === 'closed' ? this.#undecided(subject) : decision
  }

  enforces({ exemptNetwork }: KeyedSubject): boolean {
    try {
      this.#activePolicy()
    } catch (error) {
      this.deps.onFault(error)
    }
    return !exemptNetwork && effectiveMode(this.#siteMode(), this.deps.host().enforcement) === 'enforce'
  }

  record(decision: GateDecision, context: DecisionContext): void {
    this.#counts.decided(context.protocol, decision)
    const bucket = bucketOf(context.at)
    const noted = context.protocol === 'imap' ? decision.imapBucket : decision.smtpBucket
    if (noted !== bucket) this.#noteTraffic(decision, context, bucket)
    if (isPlainAllow(decision)) return
    this.deps.journal.append({
      time: context.at,
      decision: decision.id,
      protocol: context.protocol,
      user: context.subject.user,
      device: decision.deviceId,
      platform: decision.platform,
      proof: decision.proof,
      outcome: decision.outcome,
      enforced: decision.enforced,
      reason: decision.reason,
      rule: decision.rule,
      policy: decision.policyVersion,
      evidenceAgeS:
        decision.evidenceAt === null ? null : Math.round((context.at - decision.evidenceAt) / 1000),
      remote: context.remoteAddress,
      repeats: 0,
    })
  }

  /** Whom no policy is about, since the network is exempt, is not recorded either. */
  #noteTraffic(decision: GateDecision, { protocol, subject, at }: DecisionContext, bucket: number): void {
    if (protocol === 'imap') decision.imapBucket = bucket
    else decision.smtpBucket = bucket
    const { user, claim, platformHint, exemptNetwork } = subject
    if (exemptNetwork) return
    const device = claim?.deviceId ?? null
    const proof = claim?.proof ?? 'none'
    const { policyVersion: policy, reason } = decision
    const served = isPlainAllow(decision) ? { policy, at, reason } : null
    this.deps.traffic?.note({ bucket, protocol, user, device, proof, platformHint }, served)
  }

  /** The host's own rules changed: everything is decided anew. */
  hostChanged(): void {
    this.#cache.outdateAll()
    this.#live.allChanged()
  }

  follow(session: LiveSession, decision: GateDecision): Following {
    return this.#live.add(session, decision)
  }

  /** IMAP sessions that are open and follow their decision. */
  get openSessions(): number {
    return this.#live.size
  }

  /** Those of somebody. */
  openSessionsOf(subject: SessionSubject): OpenSessions[] {
    return this.#live.openOf(subject)
  }

  close(): void {
    this.#invalidation.close()
    this.#live.close()
  }

  #decideAnew(subject: KeyedSubject, nowMs: number): GateDecision {
    this.#counts.missed()
    const host = this.deps.host()
    try {
      const active = this.#activePolicy()
      if (!active) return this.#fault(subject, new Error('no policy was ever applied'))
      const { decision, sources } = judge(this.deps.replica, subject, active, host, nowMs)
      return this.#cache.set(subject.key, decision, decisionId(subject, decision), nowMs, sources)
    } catch (error) {
      return this.#fault(subject, error)
    }
  }

  #activePolicy(): ActivePolicy | undefined {
    if (!this.#activeKnown) {
      this.#active = this.deps.replica.activePolicy()
      this.#activeKnown = this.#active !== undefined
    }
    return this.#active
  }

  /** As it was last known: where the policy cannot be read, nothing must become looser for it. */
  #siteMode(): Mode {
    return this.#active ? siteMode(this.#active) : 'enforce'
  }

  /** Not cached: the next request tries again. */
  #fault(subject: KeyedSubject, error: unknown): GateDecision {
    this.deps.onFault(error)
    return this.#undecided(subject)
  }

  #undecided(subject: KeyedSubject): GateDecision {
    const { failMode, enforcement } = this.deps.host()
    const mode = effectiveMode(this.#siteMode(), enforcement)
    const decision = faultDecision(failMode, mode, subject, this.#active?.version ?? 0)
    return { ...decision, id: decisionId(subject, decision) }
  }
}

/** Where there was a fault, the change of these may be its mending. */
const claimedSources = ({ user, claim }: KeyedSubject): Sources => ({
  user,
  deviceIds: claim ? [claim.deviceId] : [],
})
