import net from 'node:net'

import type { ImapConfig, ListenAddress } from '../config/host-config'
import type { SessionGate } from '../gate/gate'
import type {
  CertificateReader,
  CertificateReading,
  TagReader,
  TokenReader,
  TokenReading,
} from '../identity/claim'
import type { Counts } from '../metrics/counts'
import type { LoginResult, UpstreamProblem } from '../metrics/words'
import type { Counted } from './address-tally'
import type { ClientOrigin } from './client-origin'
import type { ClientConnection } from './connection'
import { CredentialCache } from './credential-cache'
import { Intake, type IntakeDependencies, type IntakeOwner } from './intake'
import type { ShownCertificate } from './login-attempt'
import { RefusalRate } from './refusal-rate'
import { Roster } from '../gate/roster'
import { FollowedSession } from './followed-session'
import { Session, type LoggedIn, type SessionHost } from './session'
import { showSocketsManyShapes } from './socket-shapes'
import { Splice } from './splice'
import { TlsFront } from './tls-front'
import type { ClientFacts } from './upstream-commands'

export interface ImapServerDependencies extends IntakeDependencies {
  readonly gate: SessionGate
  readonly tags: () => TagReader
  readonly certificates: () => CertificateReader
  /** null: `identity.oauth` is not set. */
  readonly tokens: () => TokenReader | null
  readonly isExempt: (address: string) => boolean
  /** PEM file of the CA of device certificates, or null. */
  readonly clientCa: () => string | null
  readonly counts: IntakeDependencies['counts'] &
    Pick<Counts, 'loggedIn' | 'certificateRead' | 'tokenRead' | 'upstreamFailed'>
  /** Told of each fault inside; must bound what it does with many. */
  readonly onFault: (error: unknown) => void
  readonly logger: { warn(fields: Readonly<Record<string, unknown>>, message: string): void }
}

export interface ImapServer {
  /** Where it listens, as `host:port`. */
  readonly addresses: readonly string[]
  close(): Promise<void>
}

const SWEEP_MS = 1000
const KEEPALIVE_MS = 120_000

/** Opens the listeners of one process; rejects when an address cannot be had or the certificate is unusable. */
export async function startImapServer(deps: ImapServerDependencies): Promise<ImapServer> {
  showSocketsManyShapes()
  const server = new ConnectionHost(deps)
  const { listen, listenTls } = deps.config()
  const addresses: string[] = []
  try {
    for (const address of listen) addresses.push(await server.listen(address, false))
    for (const address of listenTls) addresses.push(await server.listen(address, true))
  } catch (error) {
    await server.close()
    throw error
  }
  return { addresses, close: () => server.close() }
}

/** All sessions of one process, and their time. */
class ConnectionHost implements SessionHost, IntakeOwner {
  readonly proven = new CredentialCache()
  readonly refusals = new RefusalRate()
  readonly #listeners: net.Server[] = []
  readonly #intake: Intake
  /** Before login. */
  readonly #sessions = new Roster<Session>()
  /** After login. */
  readonly #splices = new Roster<Splice>()
  readonly #tls: TlsFront | undefined
  readonly #sweep: NodeJS.Timeout
  /** What the log is told at the next sweep, with a count: a flood must not become a flood of lines. */
  readonly #events = new Map<string, number>()

  constructor(private readonly deps: ImapServerDependencies) {
    const { tls } = deps.config()
    const files = tls && { ...tls, clientCa: deps.clientCa() }
    this.#tls = files ? new TlsFront(files, (problem) => this.onEvent(problem)) : undefined
    this.#intake = new Intake(deps, this)
    this.#sweep = setInterval(() => this.#tick(), SWEEP_MS)
    this.#sweep.unref()
  }

  async listen({ host, port }: ListenAddress, implicitTls: boolean): Promise<string> {
    const options = {
      allowHalfOpen: true,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: KEEPALIVE_MS,
    }
    // Only a listener on all addresses has to ask each connection which of them it came to.
    const known = net.isIP(host) !== 0 && host !== '0.0.0.0' && host !== '::' ? host : undefined
    const listener = net.createServer(options, (socket) =>
      this.#intake.accept(socket, known ?? socket.localAddress ?? '', implicitTls),
    )
    const key = implicitTls ? 'listen_tls' : 'listen'
    await new Promise<void>((resolve, reject) => {
      listener.once('error', ({ message }) => reject(new Error(`device_gate.yaml: imap.${key}: ${message}`)))
      listener.listen({ host, port }, resolve)
    })
    listener.on('error', (error) => this.onEvent(`listener: ${error.message}`))
    this.#listeners.push(listener)
    const address = listener.address() as net.AddressInfo
    return address.family === 'IPv6'
      ? `[${address.address}]:${address.port}`
      : `${address.address}:${address.port}`
  }

  async close(): Promise<void> {
    clearInterval(this.#sweep)
    this.#tls?.close()
    const closed = this.#listeners.map((listener) => new Promise((resolve) => listener.close(resolve)))
    this.#intake.close()
    for (const session of this.#sessions) session.bye('[UNAVAILABLE] Server shutting down')
    for (const splice of this.#splices) splice.destroy()
    await Promise.all(closed)
  }

  get gate(): SessionGate {
    return this.deps.gate
  }

  get canStartTls(): boolean {
    return this.#tls !== undefined
  }

  tags(): TagReader {
    return this.deps.tags()
  }

  readCertificate({ verified, problem }: ShownCertificate): CertificateReading {
    if (!verified) {
      this.deps.counts.certificateRead('unverified')
      this.onEvent(`client certificate proves nothing: ${problem}`)
      return { status: 'read', claim: null }
    }
    const reading = this.deps.certificates().read(verified)
    this.deps.counts.certificateRead(
      reading.status === 'unchecked' ? 'unreadable' : reading.claim ? 'device' : 'no_device',
    )
    return reading
  }

  readToken(user: string, token: Buffer): TokenReading | null {
    const reader = this.deps.tokens()
    if (!reader) return null
    const reading = reader.read(user, token, this.now())
    switch (reading.status) {
      case 'valid':
        this.deps.counts.tokenRead(reading.claim ? 'device' : 'no_device')
        break
      case 'wrong':
        this.deps.counts.tokenRead('wrong')
        // Or nobody could tell a mistake in the config from people who knock with other tokens.
        this.onEvent(`wrong oauth token: ${reading.fault}`)
        break
      case 'unchecked':
        this.deps.counts.tokenRead(reading.lacks === 'keys' ? 'no_keys' : 'unknown_key')
        this.onEvent(`oauth token cannot be checked: ${UNCHECKED[reading.lacks]}`)
    }
    return reading
  }

  isExempt(address: string): boolean {
    return this.deps.isExempt(address)
  }

  isForwarder(address: string): boolean {
    return this.deps.isForwarder(address)
  }

  config(): ImapConfig {
    return this.deps.config()
  }

  now(): number {
    return this.deps.now()
  }

  onUpstreamProblem(problem: UpstreamProblem): void {
    this.deps.counts.upstreamFailed(problem)
    this.onEvent(`upstream unavailable: ${problem}`)
  }

  onLoginResult(result: LoginResult): void {
    this.deps.counts.loggedIn(result)
  }

  onFault(error: unknown): void {
    this.deps.onFault(error)
  }

  onConnection(socket: net.Socket, origin: ClientOrigin, counted: Counted, implicitTls: boolean): void {
    const session = new Session(socket, origin, counted, this)
    this.#sessions.add(session)
    session.start(implicitTls)
  }

  onEvent(event: string): void {
    this.#events.set(event, (this.#events.get(event) ?? 0) + 1)
  }

  onOver(session: Session): void {
    this.#sessions.delete(session)
  }

  forward(session: Session, client: ClientFacts): boolean {
    return this.#intake.recount(session.counted, client)
  }

  onBadForward(): void {
    this.onEvent('forwarded address refused')
  }

  onLogin(session: Session, client: ClientConnection, login: LoggedIn, ahead: Buffer): void {
    this.#sessions.delete(session)
    const splice = new Splice(client, login.upstream, this.#splices, login.rest, ahead)
    const { subject, decision } = login
    const { remoteAddress } = session.client
    new FollowedSession(splice, subject, decision, this.gate, () => ({
      protocol: 'imap',
      subject,
      remoteAddress,
      at: this.now(),
    }))
  }

  secure(session: Session, socket: net.Socket): void {
    this.#tls?.accept(socket, (secured) => session.secured(secured))
  }

  /** Ends who took too long to log in, and tells the log what happened since the last time. */
  #tick(): void {
    const now = this.deps.now()
    this.#intake.sweep(now)
    for (const session of this.#sessions) {
      if (!session.isOverdue(now)) continue
      this.onEvent('limit reached: login time')
      session.bye('Too slow to log in')
    }
    for (const [event, count] of this.#events) this.deps.logger.warn({ count, protocol: 'imap' }, event)
    this.#events.clear()
  }
}

const UNCHECKED = { keys: 'no keys of the issuer', key: 'its key is not among those of the issuer' } as const
