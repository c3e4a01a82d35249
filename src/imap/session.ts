import type net from 'node:net'
import { TLSSocket, type PeerCertificate } from 'node:tls'

import { certificateUser } from '../identity/client-certificate'
import { platformHint } from '../identity/platform-hint'
import type { Platform } from '../policy/vocabulary'
import type { Counted } from './address-tally'
import { ownCapability } from './capability'
import { parseClientId } from './client-id'
import type { ClientOrigin } from './client-origin'
import { ClientConnection, type ConnectionOwner } from './connection'
import { CommandReader, type ReaderEvent } from './command-reader'
import type { Argument, Command } from './command-syntax'
import type { Credential } from './credential'
import { farewell } from './farewell'
import { forwardedClient } from './forwarded-client'
import { TOO_MANY } from './intake'
import { LoginAttempt, type LoginHost, type LoginOutcome, type ShownCertificate } from './login-attempt'
import type { Listed } from '../gate/roster'
import { saslMechanism, userName } from './sasl'
import { SaslExchange, type SaslStep } from './sasl-exchange'
import type { ClientFacts } from './upstream-commands'

export type LoggedIn = LoginOutcome & { readonly status: 'ok' }

/** What a session needs of the process it runs in, and tells it. */
export interface SessionHost extends LoginHost {
  readonly canStartTls: boolean
  /** The handshake begins; `session.secured` is called when it succeeded. */
  secure(session: Session, socket: net.Socket): void
  /** Whether it is believed whom the far end of a connection speaks for. */
  isForwarder(address: string): boolean
  /** The session counts for this client from now on; false: that has too many. */
  forward(session: Session, client: ClientFacts): boolean
  /** A forwarder named no address. */
  onBadForward(): void
  /** The session is over without a login. */
  onOver(session: Session): void
  /**
   * The client is logged in and told so: from here on bytes only pass through, beginning with what it said `ahead`
   * of that.
   */
  onLogin(session: Session, client: ClientConnection, login: LoggedIn, ahead: Buffer): void
  /** Something that should never happen; the session has ended. */
  onFault(error: unknown): void
}

/** What a client says before login; a well-behaved one needs five. So our answers are bounded too. */
const MAX_COMMANDS = 100
const MAX_BAD_COMMANDS = 10
const MAX_FAILED_LOGINS = 5
/** A client that ended its side in mid-login still gets its answer, if that comes soon. */
const HALF_CLOSED_MS = 5000

/** Octets a client may send ahead while its login is under way; we read on so as to see it go away. */
const MAX_AHEAD = 16 * 1024

const WITHOUT_ARGUMENTS: ReadonlySet<string> = new Set(['CAPABILITY', 'NOOP', 'LOGOUT', 'STARTTLS'])
const GREETING = 'Device Gate ready'
const PRIVACY_REQUIRED = 'NO [PRIVACYREQUIRED] Use TLS before you log in'

/** One client from its connection to its login; after that the splice goes on alone. */
export class Session implements ConnectionOwner, Listed {
  place = -1
  /** When its time to log in is over. */
  #deadline: number
  readonly #reader: CommandReader
  #hint: Platform | null = null
  #commands = 0
  #bad = 0
  #failed = 0
  /** Takes the next line: a SASL response. */
  #onLine: ((line: Buffer) => void) | undefined
  /** The login under way: what comes meanwhile waits. */
  #attempt: LoginAttempt | undefined
  /** None during a TLS handshake: what comes then is not ours to read. */
  #client: ClientConnection | undefined
  #handshaking: 'implicit' | 'starttls' | undefined
  #clientEnded = false
  #over = false

  constructor(
    private socket: net.Socket,
    private readonly origin: ClientOrigin,
    readonly counted: Counted,
    private readonly host: SessionHost,
  ) {
    this.#deadline = origin.since + host.config().limits.loginS * 1000
    this.#reader = new CommandReader(() => host.config().limits)
  }

  /** Where it comes from. */
  get client(): ClientFacts {
    return this.origin.client
  }

  /** Begins on a fresh connection. */
  start(implicitTls: boolean): void {
    if (implicitTls) this.#handshake('implicit')
    else this.#greet()
  }

  /** Goes on over TLS; what was said before in the clear is forgotten (RFC 3501 6.2.1). */
  secured(socket: net.Socket): void {
    if (this.#over) return void socket.destroy()
    const greet = this.#handshaking === 'implicit'
    this.#handshaking = undefined
    this.socket = socket
    this.#hint = null
    if (this.client !== this.origin.connection) this.#speakFor(this.origin.connection)
    if (greet) this.#greet()
    else this.#listen()
  }

  isOverdue(now: number): boolean {
    return now >= this.#deadline
  }

  /** Says goodbye and closes. */
  bye(text: string): void {
    this.#end(`* BYE ${text}\r\n`)
  }

  #end(words: string): void {
    if (this.#over) return
    this.#leave()
    if (this.#handshaking) this.socket.destroy()
    else farewell(this.socket, words)
    this.host.onOver(this)
  }

  /** Nothing that happens from now on concerns this session. */
  #leave(): void {
    this.#over = true
    this.#attempt?.abort()
    this.#reader.discard()
    if (this.#client) this.#client.owner = undefined
  }

  #greet(): void {
    this.#listen()
    this.#write(`* OK [CAPABILITY ${this.#capability()}] ${GREETING}\r\n`)
  }

  #handshake(kind: 'implicit' | 'starttls'): void {
    const { socket } = this
    this.#handshaking = kind
    this.#client?.release()
    this.#client = undefined
    socket.on('close', () => {
      if (this.socket === socket) this.onClose()
    })
    this.host.secure(this, socket)
  }

  #listen(): void {
    this.#client = new ClientConnection(this.socket, this)
  }

  onData(chunk: Buffer): boolean {
    this.#reader.push(chunk)
    this.#run()
    return true
  }

  onDrain(): void {
    // What is said before login is little.
  }

  onEnd(): void {
    this.#clientEnded = true
    if (this.#attempt) this.#deadline = Math.min(this.#deadline, this.host.now() + HALF_CLOSED_MS)
    else this.#end('')
  }

  onClose(): void {
    if (this.#over) return
    this.#leave()
    this.host.onOver(this)
  }

  /** Handles what is there, and reads on unless more would only pile up. */
  #run(): void {
    try {
      while (!this.#over && !this.#attempt) {
        const event = this.#reader.next()
        if (!event) break
        this.#handle(event)
        this.#reader.forget()
      }
    } catch (error) {
      return this.#fault(error)
    }
    if (this.#over || this.#handshaking) return
    if (this.#attempt && this.#reader.waiting > MAX_AHEAD) this.socket.pause()
    else if (this.#clientEnded && !this.#attempt) this.#end('')
    else this.socket.resume()
  }

  #fault(error: unknown): void {
    if (this.#over) this.socket.destroy()
    else this.bye('[UNAVAILABLE] Internal error; please try again later.')
    this.host.onFault(error)
  }

  #handle(event: ReaderEvent): void {
    switch (event.kind) {
      case 'continue':
        return this.#write('+ OK\r\n')
      case 'fatal':
        return this.bye(event.text)
      case 'toobig':
        return this.#misstep(`${event.tag} NO [TOOBIG] Literal too large`)
      case 'bad':
        return this.#misstep(`${event.tag ?? '*'} BAD ${event.text}`)
      case 'line': {
        const handler = this.#onLine
        this.#onLine = undefined
        return handler?.(event.line)
      }
      case 'command':
        return this.#command(event)
    }
  }

  #command({ tag, name, args }: Command): void {
    this.#commands += 1
    if (this.#commands > MAX_COMMANDS) return this.bye('Too many commands before login')
    if (WITHOUT_ARGUMENTS.has(name) && args.length > 0)
      return this.#misstep(`${tag} BAD ${name} takes no arguments`)
    switch (name) {
      case 'CAPABILITY':
        return this.#write(`* CAPABILITY ${this.#capability()}\r\n${tag} OK CAPABILITY completed\r\n`)
      case 'NOOP':
        return this.#write(`${tag} OK NOOP completed\r\n`)
      case 'LOGOUT':
        return this.#end(`* BYE Logging out\r\n${tag} OK LOGOUT completed\r\n`)
      case 'STARTTLS':
        return this.#startTls(tag)
      case 'ID':
        return this.#id(tag, args)
      case 'LOGIN':
        return this.#login(tag, args)
      case 'AUTHENTICATE':
        return this.#authenticate(tag, args)
      default:
        return this.#misstep(`${tag} BAD Unknown command, or not before login`)
    }
  }

  /** Answers what a proper client does not do, a few times. */
  #misstep(answer: string): void {
    this.#bad += 1
    if (this.#bad > MAX_BAD_COMMANDS) return this.bye('Too many bad commands')
    this.#write(`${answer}\r\n`)
  }

  #write(text: string): void {
    this.socket.write(text, 'latin1')
  }

  /** Also where the proxy in front has taken TLS off. */
  #isSecure(): boolean {
    return this.socket instanceof TLSSocket || this.origin.encrypted
  }

  #loginAllowed(): boolean {
    const rule = this.host.config().plaintextLogin
    return this.#isSecure() || rule === 'always' || (rule === 'loopback' && this.origin.onThisHost)
  }

  /** The client's certificate, if it was asked for and verified against `identity.client_ca`. */
  #certificate(): PeerCertificate | undefined {
    const { socket } = this
    return socket instanceof TLSSocket && socket.authorized ? socket.getPeerCertificate() : undefined
  }

  #shownCertificate(): ShownCertificate | undefined {
    const verified = this.#certificate()
    if (verified) return { verified, problem: null }
    const { socket } = this
    if (!(socket instanceof TLSSocket)) return undefined
    const problem: unknown = socket.authorizationError
    if (typeof problem !== 'string') return undefined
    // Empty where the client showed none, and null where it is gone.
    const shown = socket.getPeerCertificate() as Partial<PeerCertificate> | null
    return shown?.raw && { verified: null, problem }
  }

  #capability(): string {
    return ownCapability({
      startTls: this.host.canStartTls && !this.#isSecure(),
      loginAllowed: this.#loginAllowed(),
      certificate: this.#certificate() !== undefined,
    })
  }

  #id(tag: string, args: readonly Argument[]): void {
    const id = parseClientId(args)
    if (!id) return this.#misstep(`${tag} BAD Invalid ID`)
    const { connection } = this.origin
    if (this.host.isForwarder(connection.remoteAddress)) {
      const client = forwardedClient(id, connection)
      // Else the proxy's own address would be taken for the client's.
      if (client === null) return this.#badForward()
      if (client && !this.#speakFor(client)) return this.bye(TOO_MANY)
    }
    this.#hint = platformHint(id)
    this.#write(`* ID NIL\r\n${tag} OK ID completed\r\n`)
  }

  /** From now on this is the client; false: it has too many connections. */
  #speakFor(client: ClientFacts): boolean {
    this.origin.client = client
    return this.host.forward(this, client)
  }

  #badForward(): void {
    this.host.onBadForward()
    this.bye('Invalid address in ID')
  }

  #startTls(tag: string): void {
    if (!this.host.canStartTls || this.#isSecure())
      return this.#misstep(`${tag} BAD STARTTLS is not available`)
    // Commands sent behind STARTTLS would be taken as if they had come encrypted (CVE-2011-0411).
    if (this.#reader.waiting > 0) return this.bye('Data behind STARTTLS')
    this.#write(`${tag} OK Begin TLS negotiation now\r\n`)
    this.#handshake('starttls')
  }

  #login(tag: string, args: readonly Argument[]): void {
    const [name, password] = args
    if (args.length !== 2 || !name || !password || !('value' in name) || !('value' in password))
      return this.#misstep(`${tag} BAD LOGIN takes a user name and a password`)
    if (!this.#loginAllowed()) return this.#write(`${tag} ${PRIVACY_REQUIRED}\r\n`)
    const user = userName(name.value)
    if (user === undefined || password.value.length === 0) {
      // Nobody has such a name or password, and an upstream may take an empty one for an anonymous login.
      return this.#begin(tag, (attempt) => attempt.fail('wrong_password'))
    }
    this.#logIn(tag, { kind: 'password', user, password: Buffer.from(password.value) })
  }

  #authenticate(tag: string, args: readonly Argument[]): void {
    const [name, initial] = args
    if (name?.kind !== 'atom' || args.length > 2 || (initial && initial.kind !== 'atom'))
      return this.#misstep(`${tag} BAD AUTHENTICATE takes a mechanism and an initial response`)
    const mechanism = saslMechanism(name.value.toString('latin1'))
    if (!mechanism) return this.#misstep(`${tag} NO Unsupported authentication mechanism`)
    if (!this.#loginAllowed()) return this.#write(`${tag} ${PRIVACY_REQUIRED}\r\n`)
    const certificate = this.#certificate()
    const exchange = new SaslExchange(mechanism, certificate && certificateUser(certificate))
    this.#saslStep(tag, exchange, exchange.start(initial?.value))
  }

  #saslStep(tag: string, exchange: SaslExchange, step: SaslStep): void {
    switch (step.kind) {
      case 'ask':
        return this.#ask(step.challenge, (line) => this.#saslStep(tag, exchange, exchange.respond(line)))
      case 'bad':
        return this.#misstep(`${tag} BAD ${step.text}`)
      case 'no':
        return this.#misstep(`${tag} NO ${step.text}`)
      case 'credential':
        return this.#logIn(tag, step.credential)
    }
  }

  #ask(challenge: string, then: (line: Buffer) => void): void {
    this.#onLine = then
    this.#reader.expectLine()
    this.#write(`+ ${challenge}\r\n`)
  }

  #logIn(tag: string, credential: Credential): void {
    this.#begin(tag, (attempt) => attempt.run(credential))
  }

  #begin(tag: string, run: (attempt: LoginAttempt) => Promise<LoginOutcome>): void {
    const attempt = new LoginAttempt(this.host, {
      remoteAddress: this.client.remoteAddress,
      remotePort: this.client.remotePort,
      localAddress: this.client.localAddress,
      certificate: this.#shownCertificate(),
      platformHint: this.#hint,
    })
    this.#attempt = attempt
    run(attempt)
      .then((outcome) => this.#finished(tag, outcome))
      .catch((error: unknown) => this.#fault(error))
  }

  #finished(tag: string, outcome: LoginOutcome): void {
    this.#attempt = undefined
    if (outcome.status === 'ok') {
      if (this.#over) outcome.upstream.socket.destroy()
      else this.#loggedIn(tag, outcome)
    } else if (!this.#over) {
      this.#notLoggedIn(tag, outcome)
      this.#run()
    }
  }

  #loggedIn(tag: string, login: LoggedIn): void {
    const { untagged, okText } = login
    this.#write(`${untagged}${tag} OK ${okText}\r\n${login.rest.toString('latin1')}`)
    const ahead = this.#reader.takeRest()
    this.#leave()
    if (this.#client) this.host.onLogin(this, this.#client, login, ahead)
  }

  /** The client may try again, a few times. */
  #notLoggedIn(tag: string, { untagged, text, challenge }: LoginOutcome & { status: 'no' }): void {
    this.#failed += 1
    const answer = `${untagged}${tag} ${text}\r\n`
    const tell = (): void => {
      this.#write(answer)
      if (this.#failed >= MAX_FAILED_LOGINS) this.bye('Too many failed logins')
    }
    if (challenge === null) tell()
    else this.#ask(challenge, tell)
  }
}
