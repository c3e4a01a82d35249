import type { PeerCertificate } from 'node:tls'

import type { ImapConfig } from '../config/host-config'
import type { GateDecision, KeyedSubject, SessionGate } from '../gate/gate'
import type { CertificateReading, TagReader, TokenReading } from '../identity/claim'
import type { LoginResult, UpstreamProblem } from '../metrics/words'
import { effectOf, type Claim } from '../policy/decision'
import type { Platform } from '../policy/vocabulary'
import { wipe, type Credential } from './credential'
import type { CredentialCache } from './credential-cache'
import type { RefusalRate } from './refusal-rate'
import { UpstreamAttempt, type UpstreamLogin } from './upstream-login'

/** What a login needs of the process it runs in, and tells it. */
export interface LoginHost {
  readonly gate: SessionGate
  readonly proven: CredentialCache
  readonly refusals: RefusalRate
  tags(): TagReader
  readCertificate(shown: ShownCertificate): CertificateReading
  /** null: tokens prove no device here. */
  readToken(user: string, token: Buffer): TokenReading | null
  isExempt(address: string): boolean
  config(): ImapConfig
  now(): number
  onUpstreamProblem(problem: UpstreamProblem): void
  /** A login ended; one whose client went away meanwhile ended in nothing. */
  onLoginResult(result: LoginResult): void
}

/** What a client showed when TLS began: a certificate that was verified, or why it was not. */
export type ShownCertificate =
  | { readonly verified: PeerCertificate; readonly problem: null }
  | { readonly verified: null; readonly problem: string }

/** Where a login comes from. */
export interface LoginFacts {
  readonly remoteAddress: string
  readonly remotePort: number
  readonly localAddress: string
  /** undefined: it showed none. */
  readonly certificate: ShownCertificate | undefined
  readonly platformHint: Platform | null
}

/** Who was let in, and by which decision. */
export interface Admission {
  readonly subject: KeyedSubject
  readonly decision: GateDecision
}

/** What the client is told; `untagged` are whole lines. */
export type LoginOutcome = (UpstreamLogin & { readonly status: 'ok' } & Admission) | Refusal

interface Refusal {
  readonly status: 'no'
  readonly untagged: string
  /** Behind the tag. */
  readonly text: string
  /** A failed OAuth exchange ends with a challenge before the answer (RFC 7628 3.2.3). */
  readonly challenge: string | null
}

/** About as long as a wrong password takes at Dovecot, so that a wrong tag cannot be told from it. */
const DELAY_MS = 2000

const no = (text: string, untagged = ''): Refusal => ({ status: 'no', untagged, text, challenge: null })
export const AUTHENTICATION_FAILED = no('NO [AUTHENTICATIONFAILED] Authentication failed.')
/** As servers say it who check tokens themselves; RFC 7628 has the first, the other is Google's. */
const WRONG_TOKEN = {
  OAUTHBEARER: '{"status":"invalid_token"}',
  XOAUTH2: '{"status":"401","schemes":"bearer"}',
} as const
const UNREACHABLE = no(
  'NO [UNAVAILABLE] The mail server cannot be reached right now; please try again later.',
)

/** One login, from a credential to what its client is told. */
export class LoginAttempt {
  #gone = false
  /** What could prove a device cannot be checked now, and nothing stronger proves one. */
  #unchecked = false
  /** What is being waited for. */
  #pending: { abort(): void } | undefined

  constructor(
    private readonly host: LoginHost,
    private readonly facts: LoginFacts,
  ) {}

  /** The client went away: nobody waits for the outcome. */
  abort(): void {
    this.#gone = true
    this.#pending?.abort()
  }

  /**
   * A device that proved itself cryptographically is decided before the upstream is dialled; for any other
   * the password is proven first, so that nobody learns a device's state by guessing names. So is a proof
   * that cannot be checked here. Overwrites the credential when it is done with it.
   */
  async run(credential: Credential): Promise<LoginOutcome> {
    try {
      const reading = this.host.tags().read(credential.user)
      if (reading.status === 'invalid') return await this.fail('wrong_tag')
      const tagClaim = reading.status === 'valid' ? reading.claim : null
      const known = { ...credential, user: reading.user }
      const token = known.kind === 'bearer' ? this.host.readToken(known.user, known.token) : null
      const byCertificate = this.#certificateReading()
      const weaker = tagClaim ?? (token?.status === 'valid' ? token.claim : null)
      const isUnread = byCertificate.status === 'unchecked'
      const subject = this.#subject(reading.user, isUnread ? null : (byCertificate.claim ?? weaker))
      // In mode monitor nobody is refused: there the upstream alone says whether it is wrong.
      if (known.kind === 'bearer' && token?.status === 'wrong' && this.host.gate.enforces(subject))
        return await this.#wrongToken(known.mechanism)
      this.#unchecked = isUnread || (token?.status === 'unchecked' && subject.claim === null)
      if (subject.claim !== null || this.host.proven.has(known, this.host.now())) {
        const refusal = await this.#refusalBeforeDialling(subject)
        if (refusal) return refusal
      }
      return this.#judge(await this.#askUpstream(known), known, subject)
    } finally {
      wipe(credential)
    }
  }

  /** What a wrong password gets, when a wrong password would get it. */
  async fail(result: 'wrong_password' | 'wrong_tag' | 'wrong_token'): Promise<Refusal> {
    this.host.onLoginResult(result)
    await this.#delay()
    return AUTHENTICATION_FAILED
  }

  /** What a token that the upstream would not take gets. */
  async #wrongToken(mechanism: keyof typeof WRONG_TOKEN): Promise<LoginOutcome> {
    const failed = await this.fail('wrong_token')
    return { ...failed, challenge: Buffer.from(WRONG_TOKEN[mechanism]).toString('base64') }
  }

  #certificateReading(): CertificateReading {
    const { certificate } = this.facts
    return certificate ? this.host.readCertificate(certificate) : { status: 'read', claim: null }
  }

  #subject(user: string, claim: Claim | null): KeyedSubject {
    const { platformHint, remoteAddress } = this.facts
    return this.host.gate.subject({
      user,
      claim,
      platformHint,
      exemptNetwork: this.host.isExempt(remoteAddress),
    })
  }

  #askUpstream(credential: Credential): Promise<UpstreamLogin> {
    const attempt = new UpstreamAttempt(this.host.config().upstream, credential, this.facts)
    this.#pending = attempt
    if (this.#gone) attempt.abort()
    return attempt.result
  }

  #judge(login: UpstreamLogin, credential: Credential, subject: KeyedSubject): LoginOutcome {
    switch (login.status) {
      case 'refused':
        this.host.onLoginResult('wrong_password')
        return { ...login, status: 'no' }
      case 'unavailable':
        if (login.problem === 'aborted') return UNREACHABLE
        this.host.onLoginResult('unavailable')
        this.host.onUpstreamProblem(login.problem)
        return UNREACHABLE
      case 'ok': {
        const decision = this.#decide(subject)
        if (isRefusal(decision)) {
          login.upstream.socket.destroy()
          this.host.proven.add(credential, this.host.now())
          return this.#refusal(decision, subject)
        }
        this.host.onLoginResult('accepted')
        this.#record(decision, subject)
        const warned = effectOf(decision) === 'warn'
        const alert = warned ? `* OK [ALERT] ${decision.text} (${decision.id})\r\n` : ''
        const { status, upstream, okText, rest } = login
        // No spread: it gives each object a hidden class of its own, and its readers miss their caches.
        return { status, upstream, untagged: login.untagged + alert, okText, rest, subject, decision }
      }
    }
  }

  async #refusalBeforeDialling(subject: KeyedSubject): Promise<LoginOutcome | undefined> {
    const { refusals } = this.host
    if (isRefusal(this.#decide(subject)) && refusals.exceeds(subject.key, this.host.now()))
      await this.#delay()
    // Decided after the wait: a block that was taken back meanwhile is none.
    const decision = this.#decide(subject)
    return isRefusal(decision) ? this.#refusal(decision, subject) : undefined
  }

  #refusal(decision: GateDecision, subject: KeyedSubject): LoginOutcome {
    this.host.onLoginResult('refused')
    this.#record(decision, subject)
    const text = `${decision.text} (${decision.id})`
    if (effectOf(decision) === 'unavailable') return no(`NO [UNAVAILABLE] ${text}`)
    return no(`NO [CONTACTADMIN] ${text}`, `* OK [ALERT] ${text}\r\n`)
  }

  #decide(subject: KeyedSubject): GateDecision {
    const { gate } = this.host
    return this.#unchecked
      ? gate.decideUnchecked(subject, this.host.now())
      : gate.decide(subject, this.host.now())
  }

  #record(decision: GateDecision, subject: KeyedSubject): void {
    this.host.gate.record(decision, {
      protocol: 'imap',
      subject,
      remoteAddress: this.facts.remoteAddress,
      at: this.host.now(),
    })
  }

  #delay(): Promise<void> {
    const delay = new Delay()
    this.#pending = delay
    return delay.over
  }
}

class Delay {
  readonly over: Promise<void>
  #resolve!: () => void
  readonly #timer: NodeJS.Timeout

  constructor() {
    this.over = new Promise((resolve) => (this.#resolve = resolve))
    this.#timer = setTimeout(this.#resolve, DELAY_MS)
  }

  abort(): void {
    clearTimeout(this.#timer)
    this.#resolve()
  }
}

const isRefusal = (decision: GateDecision): boolean => {
  const effect = effectOf(decision)
  return effect === 'block' || effect === 'unavailable'
}
