import type net from 'node:net'
import { TLSSocket } from 'node:tls'

import type { ImapConfig } from '../config/host-config'
import type { Gate, GateDecision, KeyedSubject } from '../gate/gate'
import type { TagReader } from '../identity/claim'
import { certificateClaim, certificateUser } from '../identity/client-certificate'
import { isLoopback } from '../identity/exempt-networks'
import { platformHint } from '../identity/platform-hint'
import { effectOf, type Claim } from '../policy/decision'
import type { Platform } from '../policy/vocabulary'
import { ownCapability } from './capability'
import { parseClientId } from './client-id'
import { CommandReader, type Argument, type ReaderEvent } from './command-reader'
import { wipe, type Credential } from './credential'
import type { CredentialCache } from './credential-cache'
import { decodeResponse, parseResponse, saslMechanism, userName, type SaslMechanism } from './sasl'
import { UpstreamAttempt, type UpstreamLogin, type UpstreamProblem } from './upstream-login'
import type { UpstreamSocket } from './upstream-socket'

/** What a session needs of the process it runs in, and tells it. */
export interface SessionHost {
  readonly gate: Gate
  readonly proven: CredentialCache
  readonly canStartTls: boolean
  tags(): TagReader
  isExempt(address: string): boolean
  config(): ImapConfig
  now(): number
  /** The handshake begins; `session.secured` is called when it succeeded. */
  secure(session: Session, socket: net.Socket): void
  /** The session is over without a login. */
  onOver(session: Session): void
  /** The client is logged in and told so: from here on bytes only pass through. */
  onLogin(session: Session, client: net.Socket, upstream: UpstreamSocket): void
  onUpstreamProblem(problem: UpstreamProblem): void
}

const MAX_BAD_COMMANDS = 10
const MAX_FAILED_LOGINS = 5
/** As long as a wrong password takes at Dovecot, so that a wrong tag cannot be told from it. */
const FAILURE_DELAY_MS = 2000

const GREETING = 'Device Gate ready'
const AUTH_FAILED = 'NO [AUTHENTICATIONFAILED] Authentication failed.'

/** One client from its connection to its login; after that the splice goes on alone. */
export class Session {
  readonly startedAt: number
  readonly #reader: CommandReader
  #hint: Platform | null = null
  #bad = 0
  #failed = 0
  /** Takes the next line: a SASL response. */
  #onLine: ((line: Buffer) => void) | undefined
  /** A login is under way: what comes meanwhile waits. */
  #busy = false
  #attempting: UpstreamAttempt | undefined
  #handshaking: 'implicit' | 'starttls' | undefined

  constructor(
    private socket: net.Socket,
    private readonly remote: { readonly address: string; readonly port: number },
    private readonly host: SessionHost,
  ) {
    this.startedAt = host.now()
    this.#reader = new CommandReader(() => host.config().limits)
  }

  /** Begins on a fresh connection. */
  start(implicitTls: boolean): void {
    if (implicitTls) this.#handshake(true)
    else this.#greet()
  }

  /** Goes on over TLS; what was said before in the clear is forgotten (RFC 3501 6.2.1). */
  secured(socket: net.Socket): void {
    const greet = this.#handshaking === 'implicit'
    this.#handshaking = undefined
    this.socket.off('close', this.#onClose)
    this.socket = socket
    this.#hint = null
    if (greet) this.#greet()
    else this.#listen()
  }

  /** Says goodbye and closes. */
  bye(text: string): void {
    this.#attempting?.abort()
    this.#stopListening()
    if (this.#handshaking) this.socket.destroy()
    else {
      this.socket.end(`* BYE ${text}\r\n`)
      this.socket.destroySoon()
    }
    this.host.onOver(this)
  }

  #greet(): void {
    this.#listen()
    this.#write(`* OK [CAPABILITY ${this.#capability()}] ${GREETING}\r\n`)
  }

  #handshake(implicit: boolean): void {
    this.#handshaking = implicit ? 'implicit' : 'starttls'
    this.socket.on('close', this.#onClose)
    this.host.secure(this, this.socket)
  }

  #listen(): void {
    this.socket.on('data', this.#onData)
    this.socket.on('close', this.#onClose)
    this.socket.on('end', this.#onEnd)
  }

  #stopListening(): void {
    this.socket.off('data', this.#onData)
    this.socket.off('close', this.#onClose)
    this.socket.off('end', this.#onEnd)
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#reader.push(chunk)
    if (this.#busy) this.socket.pause()
    else this.#run()
  }

  readonly #onEnd = (): void => {
    if (!this.#busy) this.socket.end()
  }

  readonly #onClose = (): void => {
    this.#attempting?.abort()
    this.#stopListening()
    this.host.onOver(this)
  }

  #run(): void {
    while (!this.#busy && !this.socket.destroyed && this.socket.writable) {
      const event = this.#reader.next()
      if (!event) return
      this.#handle(event)
    }
  }

  #handle(event: ReaderEvent): void {
    switch (event.kind) {
      case 'continue':
        return this.#write('+ OK\r\n')
      case 'fatal':
        return this.bye(event.text)
      case 'toobig':
        return this.#write(`${event.tag} NO [TOOBIG] Literal too large\r\n`)
      case 'bad':
        return this.#reject(event.tag ?? '*', event.text)
      case 'line': {
        const handler = this.#onLine
        this.#onLine = undefined
        return handler?.(event.line)
      }
      case 'command':
        return this.#command(event.tag, event.name, event.args)
    }
  }

  #command(tag: string, name: string, args: readonly Argument[]): void {
    switch (name) {
      case 'CAPABILITY':
        return this.#write(`* CAPABILITY ${this.#capability()}\r\n${tag} OK CAPABILITY completed\r\n`)
      case 'NOOP':
        return this.#write(`${tag} OK NOOP completed\r\n`)
      case 'LOGOUT':
        this.#write(`* BYE Logging out\r\n${tag} OK LOGOUT completed\r\n`)
        return void this.socket.end()
      case 'ID':
        return this.#id(tag, args)
      case 'STARTTLS':
        return this.#startTls(tag)
      case 'LOGIN':
        return this.#login(tag, args)
      case 'AUTHENTICATE':
        return this.#authenticate(tag, args)
      default:
        return this.#reject(tag, 'Unknown command, or not before login')
    }
  }

  #reject(tag: string, text: string): void {
    this.#bad += 1
    if (this.#bad > MAX_BAD_COMMANDS) return this.bye('Too many bad commands')
    this.#write(`${tag} BAD ${text}\r\n`)
  }

  #write(text: string): void {
    this.socket.write(text, 'latin1')
  }

  #isSecure(): boolean {
    return this.socket instanceof TLSSocket
  }

  #loginAllowed(): boolean {
    const rule = this.host.config().plaintextLogin
    return this.#isSecure() || rule === 'always' || (rule === 'loopback' && isLoopback(this.remote.address))
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
    if (!id) return this.#reject(tag, 'Invalid ID')
    this.#hint = platformHint(id)
    this.#write(`* ID NIL\r\n${tag} OK ID completed\r\n`)
  }

  #startTls(tag: string): void {
    if (!this.host.canStartTls || this.#isSecure()) return this.#reject(tag, 'STARTTLS is not available')
    // Commands sent behind STARTTLS would be taken as if they had come encrypted (CVE-2011-0411).
    if (this.#reader.hasRest()) return this.bye('Data behind STARTTLS')
    this.#write(`${tag} OK Begin TLS negotiation now\r\n`)
    this.#stopListening()
    this.#handshake(false)
  }

  #login(tag: string, args: readonly Argument[]): void {
    const [name, password] = args
    if (
      args.length !== 2 ||
      name === undefined ||
      password === undefined ||
      !('value' in name) ||
      !('value' in password)
    ) {
      return this.#reject(tag, 'LOGIN takes a user name and a password')
    }
    const user = userName(name.value)
    if (user === undefined || password.value.length === 0)
      return this.#reject(tag, 'Invalid user name or password')
    this.#attempt(tag, { kind: 'password', user, password: password.value })
  }

  #authenticate(tag: string, args: readonly Argument[]): void {
    const [name, initial] = args
    const mechanism = name?.kind === 'atom' ? saslMechanism(name.value.toString('latin1')) : undefined
    if (!mechanism || args.length > 2 || (initial !== undefined && initial.kind !== 'atom')) {
      return this.#reject(tag, 'Unsupported authentication mechanism')
    }
    if (!this.#loginAllowed()) return this.#privacyRequired(tag)
    if (mechanism === 'LOGIN') return this.#saslLogin(tag, initial?.value)
    if (initial) return this.#respond(tag, mechanism, initial.value)
    this.#ask('', tag, (line) => this.#respond(tag, mechanism, line))
  }

  /** Asks for a SASL response; `*` cancels (RFC 3501 6.2.2). */
  #ask(challenge: string, tag: string, then: (line: Buffer) => void): void {
    this.#onLine = (line) => {
      if (line.length === 1 && line[0] === 42) this.#write(`${tag} BAD Authentication cancelled\r\n`)
      else then(line)
    }
    this.#reader.expectLine()
    this.#write(`+ ${challenge}\r\n`)
  }

  /** The old LOGIN mechanism: "Username:" and "Password:", each in base64. */
  #saslLogin(tag: string, initial: Buffer | undefined): void {
    const withName = (nameLine: Buffer): void => {
      const name = decodeResponse(nameLine)
      const user = name && userName(name)
      if (user === undefined) return this.#reject(tag, 'Invalid user name')
      this.#ask('UGFzc3dvcmQ6', tag, (passwordLine) => {
        const password = decodeResponse(passwordLine)
        passwordLine.fill(0)
        if (!password || password.length === 0) return this.#reject(tag, 'Invalid password')
        this.#attempt(tag, { kind: 'password', user, password })
      })
    }
    if (initial) withName(initial)
    else this.#ask('VXNlcm5hbWU6', tag, withName)
  }

  #respond(tag: string, mechanism: Exclude<SaslMechanism, 'LOGIN'>, line: Buffer): void {
    const response = decodeResponse(line)
    line.fill(0)
    const credential =
      response && (mechanism === 'EXTERNAL' ? this.#external(response) : parseResponse(mechanism, response))
    if (!credential) return this.#reject(tag, 'Invalid authentication response')
    this.#attempt(tag, credential)
  }

  /** The certificate itself must name the user: a device's certificate is no permission to be anyone. */
  #external(response: Buffer): Credential | undefined {
    const certificate = this.#certificate()
    const user = certificate && certificateUser(certificate)
    if (user === undefined) return undefined
    return response.length === 0 || response.toString('utf8') === user
      ? { kind: 'external', user }
      : undefined
  }

  /** The client's certificate, if it was asked for and verified against `identity.client_ca`. */
  #certificate(): ReturnType<TLSSocket['getPeerCertificate']> | undefined {
    const { socket } = this
    return socket instanceof TLSSocket && socket.authorized ? socket.getPeerCertificate() : undefined
  }

  #privacyRequired(tag: string): void {
    this.#write(`${tag} NO [PRIVACYREQUIRED] Use TLS before you log in\r\n`)
  }

  #attempt(tag: string, credential: Credential): void {
    if (!this.#loginAllowed()) {
      wipe(credential)
      return this.#privacyRequired(tag)
    }
    this.#busy = true
    const reading = this.host.tags().read(credential.user)
    const certificate = this.#certificate()
    if (reading.status === 'invalid') {
      wipe(credential)
      return this.#refuseLater(tag, AUTH_FAILED)
    }
    const tagClaim = reading.status === 'valid' ? reading.claim : null
    const claim = (certificate && certificateClaim(certificate)) ?? tagClaim
    void this.#decideAndLogin(tag, { ...credential, user: reading.user }, claim)
  }

  /**
   * A device that proved itself cryptographically is decided before the upstream is dialled; for any other
   * the password is proven first, so that nobody learns a device's state by guessing names.
   */
  async #decideAndLogin(tag: string, credential: Credential, claim: Claim | null): Promise<void> {
    const subject = this.host.gate.subject({
      user: credential.user,
      claim,
      platformHint: this.#hint,
      exemptNetwork: this.host.isExempt(this.remote.address),
    })
    const { proven } = this.host
    if (claim !== null || proven.has(credential, this.host.now())) {
      const decision = this.#decide(subject)
      if (isRefusal(decision)) {
        wipe(credential)
        this.#refuse(tag, decision, subject)
        return
      }
    }
    const attempt = new UpstreamAttempt(this.host.config().upstream, credential, {
      remoteAddress: this.remote.address,
      remotePort: this.remote.port,
      localAddress: this.socket.localAddress ?? '',
    })
    this.#attempting = attempt
    const login = await attempt.result
    this.#attempting = undefined
    if (this.socket.destroyed) {
      if (login.status === 'ok') login.upstream.socket.destroy()
    } else if (login.status === 'ok') this.#loggedIn(tag, login, credential, subject)
    else this.#notLoggedIn(tag, login)
    wipe(credential)
  }

  #decide(subject: KeyedSubject): GateDecision {
    return this.host.gate.decide(subject, this.host.now())
  }

  #loggedIn(
    tag: string,
    login: UpstreamLogin & { status: 'ok' },
    credential: Credential,
    subject: KeyedSubject,
  ): void {
    const decision = this.#decide(subject)
    if (isRefusal(decision)) {
      login.upstream.socket.destroy()
      this.host.proven.add(credential, this.host.now())
      return this.#refuse(tag, decision, subject)
    }
    this.#record(decision, subject)
    const alert = effectOf(decision) === 'warn' ? `* OK [ALERT] ${decision.text} (${decision.id})\r\n` : ''
    this.#write(`${login.untagged}${alert}${tag} OK ${login.okText}\r\n${login.rest.toString('latin1')}`)
    const { socket } = this
    this.#stopListening()
    const rest = this.#reader.takeRest()
    if (rest.length > 0) login.upstream.socket.write(rest)
    this.host.onLogin(this, socket, login.upstream)
  }

  #notLoggedIn(tag: string, login: Exclude<UpstreamLogin, { status: 'ok' }>): void {
    if (login.status === 'unavailable') {
      this.host.onUpstreamProblem(login.problem)
      return this.#goOn(
        `${tag} NO [UNAVAILABLE] The mail server cannot be reached right now; please try again later.\r\n`,
      )
    }
    const { text, challenge } = login
    if (challenge === null) return this.#goOn(`${tag} ${text}\r\n`)
    // RFC 7628 3.2.3: the client answers the error with an empty line, then it is told the outcome.
    this.#busy = false
    this.#onLine = () => this.#goOn(`${tag} ${text}\r\n`)
    this.#reader.expectLine()
    this.#write(`+ ${challenge}\r\n`)
    this.#resume()
  }

  #refuse(tag: string, decision: GateDecision, subject: KeyedSubject): void {
    this.#record(decision, subject)
    const text = `${decision.text} (${decision.id})`
    if (effectOf(decision) === 'unavailable') return this.#goOn(`${tag} NO [UNAVAILABLE] ${text}\r\n`)
    this.#goOn(`* OK [ALERT] ${text}\r\n${tag} NO [CONTACTADMIN] ${text}\r\n`)
  }

  #refuseLater(tag: string, answer: string): void {
    setTimeout(() => {
      if (!this.socket.destroyed) this.#goOn(`${tag} ${answer}\r\n`)
    }, FAILURE_DELAY_MS)
  }

  #record(decision: GateDecision, subject: KeyedSubject): void {
    this.host.gate.record(decision, {
      protocol: 'imap',
      user: subject.user,
      remoteAddress: this.remote.address,
      at: this.host.now(),
    })
  }

  /** Answers a login that failed; the client may try again, a few times. */
  #goOn(answer: string): void {
    this.#write(answer)
    this.#failed += 1
    if (this.#failed >= MAX_FAILED_LOGINS) return this.bye('Too many failed logins')
    this.#busy = false
    this.#resume()
  }

  #resume(): void {
    this.socket.resume()
    this.#run()
  }
}

const isRefusal = (decision: GateDecision): boolean => {
  const effect = effectOf(decision)
  return effect === 'block' || effect === 'unavailable'
}
