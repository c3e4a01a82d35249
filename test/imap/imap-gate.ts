import type { ImapConfig } from '../../src/config/host-config'
import type {
  DecisionContext,
  Following,
  GateDecision,
  KeyedSubject,
  LiveSession,
  SessionGate,
} from '../../src/gate/gate'
import type { TokenReader } from '../../src/identity/claim'
import { createCertificateReader } from '../../src/identity/client-certificate'
import { createTagReader, issueTag } from '../../src/identity/device-tag'
import { Counts } from '../../src/metrics/counts'
import { createNetworkMatcher } from '../../src/identity/exempt-networks'
import { startImapServer, type ImapServer } from '../../src/imap/server'
import type { Subject } from '../../src/policy/decision'
import type { Outcome } from '../../src/policy/vocabulary'
import type { Certificate } from '../support/certificates'

const TEXT = 'This device does not meet company requirements. Help desk: +1 555 0100'
export const DECISION_ID = '7K3MZ09B'

/** Decides as it is told, by user or by device, and remembers what it was asked and told to record. */
export class ScriptedGate implements SessionGate {
  /** Those that go on, and follow what is decided. */
  readonly followed = new Set<LiveSession>()
  /** By user or device; anyone else is allowed. */
  readonly outcomes = new Map<string, Outcome | Error>()
  readonly asked: Subject[] = []
  readonly recorded: { readonly outcome: Outcome; readonly user: string; readonly remoteAddress: string }[] =
    []

  subject(parts: Subject): KeyedSubject {
    const user = parts.user.toLowerCase()
    return { ...parts, user, key: `${user}|${parts.claim?.deviceId ?? ''}` }
  }

  decide(subject: KeyedSubject): GateDecision {
    const { user, claim, platformHint, exemptNetwork } = subject
    this.asked.push({ user, claim, platformHint, exemptNetwork })
    const outcome = this.outcomes.get(claim?.deviceId ?? user) ?? 'allow'
    if (outcome instanceof Error) throw outcome
    return this.#decision(subject, outcome)
  }

  decideUnchecked(subject: KeyedSubject): GateDecision {
    return this.#decision(subject, 'unavailable')
  }

  enforces(): boolean {
    return true
  }

  #decision({ claim }: KeyedSubject, outcome: Outcome): GateDecision {
    return {
      outcome,
      reason: outcome === 'unavailable' ? 'fault_closed' : outcome === 'allow' ? 'compliant' : 'noncompliant',
      enforced: true,
      rule: null,
      policyVersion: 1,
      deviceId: claim?.deviceId ?? null,
      platform: null,
      proof: claim?.proof ?? 'none',
      evidenceAt: null,
      text: outcome === 'allow' ? '' : TEXT,
      validUntil: Infinity,
      id: DECISION_ID,
    }
  }

  record(decision: GateDecision, { subject, remoteAddress }: DecisionContext): void {
    this.recorded.push({ outcome: decision.outcome, user: subject.user, remoteAddress })
  }

  follow(session: LiveSession): Following {
    this.followed.add(session)
    return { stop: () => void this.followed.delete(session) }
  }
}

const TAG_KEY = { id: 'k1', secret: Buffer.alloc(32, 7), createdAt: 0 }
/** The login name of a device. */
export const tagged = (user: string, device: string): string => issueTag(TAG_KEY, '#', user, device)

export interface ImapGateOptions {
  readonly upstream?: Partial<ImapConfig['upstream']>
  readonly plaintextLogin?: ImapConfig['plaintextLogin']
  readonly proxyNetworks?: readonly string[]
  readonly forwardingNetworks?: readonly string[]
  readonly exemptNetworks?: readonly string[]
  readonly limits?: Partial<ImapConfig['limits']>
  readonly tls?: Certificate
  readonly clientCa?: string
  readonly tokens?: TokenReader
  /** What stands in the store under the key of a certificate. */
  readonly registered?: (key: string) => unknown
  /** Instead of one that decides as it is told. */
  readonly decides?: SessionGate
}

/** The IMAP proxy on free ports of 127.0.0.1, in this process, with a clock that can be moved on. */
export class ImapGate {
  readonly gate = new ScriptedGate()
  readonly counts = new Counts()
  readonly faults: unknown[] = []
  /** What the log was told: each with its count. */
  readonly warnings: string[] = []
  #server!: ImapServer
  #ahead = 0

  static async start(options: ImapGateOptions): Promise<ImapGate> {
    const started = new ImapGate()
    const config: ImapConfig = {
      enabled: true,
      listen: [{ host: '127.0.0.1', port: 0 }],
      listenTls: options.tls ? [{ host: '127.0.0.1', port: 0 }] : [],
      tls: options.tls ?? null,
      proxyNetworks: options.proxyNetworks ?? [],
      forwardingNetworks: options.forwardingNetworks ?? [],
      plaintextLogin: options.plaintextLogin ?? 'loopback',
      upstream: { host: '127.0.0.1', port: 1, tls: 'none', ca: null, ...options.upstream },
      limits: {
        connections: 1000,
        perAddress: 1000,
        loginS: 60,
        line: 8192,
        literal: 65_536,
        ...options.limits,
      },
      revokeSpreadS: 10,
    }
    started.#server = await startImapServer({
      gate: options.decides ?? started.gate,
      tags: () => createTagReader([TAG_KEY], '#'),
      isExempt: createNetworkMatcher(options.exemptNetworks ?? []),
      isProxy: createNetworkMatcher(config.proxyNetworks),
      isForwarder: createNetworkMatcher(config.forwardingNetworks),
      certificates: () =>
        createCertificateReader(
          'named',
          (key) => options.registered?.(key),
          (error) => started.faults.push(error),
        ),
      tokens: () => options.tokens ?? null,
      config: () => config,
      clientCa: () => options.clientCa ?? null,
      now: () => Date.now() + started.#ahead,
      counts: started.counts,
      onFault: (error) => started.faults.push(error),
      logger: {
        warn: ({ count }, message) => started.warnings.push(`${message} (${String(count)})`),
      },
    })
    return started
  }

  get port(): number {
    return portOf(this.#server.addresses[0])
  }

  get tlsPort(): number {
    return portOf(this.#server.addresses[1])
  }

  advance(ms: number): void {
    this.#ahead += ms
  }

  close(): Promise<void> {
    return this.#server.close()
  }
}

const portOf = (address: string | undefined): number => Number(address?.split(':').at(-1))
