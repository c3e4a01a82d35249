import type net from 'node:net'

import type { ImapConfig } from '../config/host-config'
import { withoutCompress } from './capability'
import type { Credential } from './credential'
import { encodeResponse } from './sasl'
import { UpstreamSocket } from './upstream-socket'

/** Where a client comes from, told to an upstream that takes Dovecot's ID fields. */
export interface ClientFacts {
  readonly remoteAddress: string
  readonly remotePort: number
  readonly localAddress: string
}

/** What became of a login at the upstream. */
export type UpstreamLogin =
  | {
      readonly status: 'ok'
      readonly upstream: UpstreamSocket
      /** Untagged lines before the tagged OK, with their line ends. */
      readonly untagged: string
      /** Response code and text behind `OK `, without COMPRESS. */
      readonly okText: string
      /** What came behind the tagged OK. */
      readonly rest: Buffer
    }
  /** The upstream's own words behind the tag, unchanged; with the challenge of a failed OAuth exchange. */
  | { readonly status: 'refused'; readonly text: string; readonly challenge: string | null }
  | { readonly status: 'unavailable'; readonly problem: UpstreamProblem }

export type UpstreamProblem = 'connect' | 'timeout' | 'tls' | 'protocol' | 'closed'

/** Before login an upstream has no reason to say more; a flood ends the attempt. */
const MAX_RESPONSE_OCTETS = 64 * 1024

/** From dialling to the answer; a healthy server needs milliseconds, one that delays failures a few seconds. */
const TIMEOUT_MS = 30_000

type Phase = 'connecting' | 'greeting' | 'starttls' | 'handshake' | 'capability' | 'login' | 'done'

/**
 * Dials the upstream, proves the credential there and gives the session, or why there is none. `result`
 * never rejects.
 */
export class UpstreamAttempt {
  readonly result: Promise<UpstreamLogin>
  readonly #upstream: UpstreamSocket
  #resolve!: (login: UpstreamLogin) => void
  #phase: Phase = 'connecting'
  #partial = ''
  #octets = 0
  #untagged = ''
  #capability = ''
  #challenge: string | null = null
  /** What waits for the upstream's `+`: the next pieces of the login command. */
  #pieces: Buffer[] = []
  readonly #timer = setTimeout(() => this.#fail('timeout'), TIMEOUT_MS)

  constructor(
    private readonly config: ImapConfig['upstream'],
    private readonly credential: Credential,
    private readonly client: ClientFacts,
  ) {
    this.result = new Promise((resolve) => {
      this.#resolve = resolve
    })
    this.#upstream = new UpstreamSocket(config)
    this.#upstream.receiver = (chunk) => this.#receive(chunk)
    this.#listen(this.#upstream.socket)
    if (config.tls === 'implicit')
      this.#upstream.socket.once('secureConnect', () => (this.#phase = 'greeting'))
    else this.#upstream.socket.once('connect', () => (this.#phase = 'greeting'))
  }

  /** The client went away: nobody waits for the result. */
  abort(): void {
    this.#fail('closed')
  }

  #fail(problem: UpstreamProblem): void {
    if (this.#phase === 'done') return
    this.#phase = 'done'
    clearTimeout(this.#timer)
    this.#upstream.socket.destroy()
    this.#resolve({ status: 'unavailable', problem })
  }

  #listen(socket: net.Socket): void {
    socket.once('error', this.#onError)
    socket.once('end', this.#onEnd)
    socket.once('close', this.#onEnd)
  }

  readonly #onError = (): void => {
    if (this.#phase === 'connecting') this.#fail(this.config.tls === 'implicit' ? 'tls' : 'connect')
    else this.#fail(this.#phase === 'handshake' ? 'tls' : 'closed')
  }
  readonly #onEnd = (): void => this.#fail(this.#phase === 'handshake' ? 'tls' : 'closed')

  #receive(chunk: Buffer): boolean {
    this.#octets += chunk.length
    if (this.#octets > MAX_RESPONSE_OCTETS) {
      this.#fail('protocol')
      return false
    }
    let start = 0
    for (;;) {
      const end = chunk.indexOf(10, start)
      if (end < 0) break
      const line = this.#partial + chunk.toString('latin1', start, end)
      this.#partial = ''
      start = end + 1
      const rest = this.#line(line.endsWith('\r') ? line.slice(0, -1) : line, chunk, start)
      if (!rest) return false
    }
    this.#partial += chunk.toString('latin1', start)
    return true
  }

  /** One response line; false when what follows in the chunk is no longer ours. */
  #line(line: string, chunk: Buffer, next: number): boolean {
    switch (this.#phase) {
      case 'greeting':
        return this.#greeting(line)
      case 'starttls':
        return this.#startTls(line, next < chunk.length)
      case 'capability':
        return this.#capabilityAnswer(line)
      case 'login':
        return this.#loginAnswer(line, chunk, next)
      case 'connecting':
      case 'handshake':
      case 'done':
        this.#fail('protocol')
        return false
    }
  }

  #greeting(line: string): boolean {
    // PREAUTH would hand out a mailbox that nobody proved; BYE is a server that is full or going down.
    if (!/^\* OK\b/i.test(line)) {
      this.#fail(/^\* BYE\b/i.test(line) ? 'closed' : 'protocol')
      return false
    }
    if (this.config.tls === 'starttls') {
      this.#phase = 'starttls'
      this.#upstream.socket.write('s STARTTLS\r\n')
      return true
    }
    this.#capability = /\[CAPABILITY ([^\]]*)\]/i.exec(line)?.[1] ?? ''
    if (this.#capability === '') this.#askCapability()
    else this.#login()
    return true
  }

  #startTls(line: string, more: boolean): boolean {
    if (line.startsWith('* ')) return true
    // Bytes between the OK and the handshake were put there by somebody on the way (CVE-2011-0411).
    if (!/^s OK\b/i.test(line) || more) {
      this.#fail('tls')
      return false
    }
    this.#phase = 'handshake'
    const plain = this.#upstream.socket
    plain.off('end', this.#onEnd)
    this.#upstream.startTls(() => this.#askCapability())
    this.#listen(this.#upstream.socket)
    return true
  }

  #askCapability(): void {
    this.#phase = 'capability'
    this.#upstream.socket.write('c CAPABILITY\r\n')
  }

  #capabilityAnswer(line: string): boolean {
    const listed = /^\* CAPABILITY (.*)$/i.exec(line)?.[1]
    if (listed !== undefined) this.#capability = listed
    else if (/^c OK\b/i.test(line)) this.#login()
    else if (!line.startsWith('* ')) {
      this.#fail('protocol')
      return false
    }
    return true
  }

  /** Writes ID and the login in one go: the answers come in the order of the commands. */
  #login(): void {
    this.#phase = 'login'
    const has = new Set(this.#capability.toUpperCase().split(' '))
    const id = has.has('ID') ? Buffer.from(idCommand(this.client)) : Buffer.alloc(0)
    const [first = Buffer.alloc(0), ...later] = loginCommand(this.credential, has)
    this.#pieces = later
    const bytes = Buffer.concat([id, first])
    first.fill(0)
    this.#upstream.socket.write(bytes, () => bytes.fill(0))
  }

  #loginAnswer(line: string, chunk: Buffer, next: number): boolean {
    if (line.startsWith('+')) return this.#continuation(line.slice(1).trim())
    if (line.startsWith('* ')) {
      if (/^\* BYE\b/i.test(line)) return this.#refuse('closed')
      if (!/^\* ID\b/i.test(line)) this.#untagged += `${withoutCompress(line)}\r\n`
      return true
    }
    if (line.startsWith('i ')) return true
    const answer = /^a (OK|NO|BAD)\b ?(.*)$/i.exec(line)
    if (!answer) return this.#refuse('protocol')
    const [, status = '', text = ''] = answer
    if (status.toUpperCase() === 'OK') return this.#done(text, Buffer.from(chunk.subarray(next)))
    this.#phase = 'done'
    this.#detach()
    this.#upstream.socket.destroy()
    this.#resolve({ status: 'refused', text: `${status.toUpperCase()} ${text}`, challenge: this.#challenge })
    return false
  }

  #continuation(text: string): boolean {
    const piece = this.#pieces.shift()
    if (piece) {
      this.#upstream.socket.write(piece, () => piece.fill(0))
      return true
    }
    if (this.credential.kind !== 'bearer') return this.#refuse('protocol')
    // RFC 7628 3.2.3: the error comes as a challenge, which an empty response ends.
    this.#challenge = /^[A-Za-z0-9+/=]*$/.test(text) ? text : ''
    this.#upstream.socket.write(this.credential.mechanism === 'OAUTHBEARER' ? 'AQ==\r\n' : '\r\n')
    return true
  }

  #refuse(problem: UpstreamProblem): boolean {
    this.#fail(problem)
    return false
  }

  #done(text: string, rest: Buffer): boolean {
    this.#phase = 'done'
    this.#detach()
    // Nothing may be read before the splice has taken over.
    this.#upstream.receiver = () => false
    this.#resolve({
      status: 'ok',
      upstream: this.#upstream,
      untagged: this.#untagged,
      okText: withoutCompress(text),
      rest,
    })
    return false
  }

  #detach(): void {
    clearTimeout(this.#timer)
    const { socket } = this.#upstream
    socket.off('error', this.#onError)
    socket.off('end', this.#onEnd)
    socket.off('close', this.#onEnd)
    socket.on('error', ignore)
  }
}

/** An error is followed by `close`, which the splice listens to. */
const ignore = (): void => undefined

/** Dovecot takes these from its `login_trusted_networks`; others ignore them (RFC 2971). */
function idCommand({ remoteAddress, remotePort, localAddress }: ClientFacts): string {
  return `i ID ("x-originating-ip" "${remoteAddress}" "x-originating-port" "${remotePort}" "x-connected-ip" "${localAddress}")\r\n`
}

/** The login as pieces; each but the first waits for a continuation. */
function loginCommand(credential: Credential, has: ReadonlySet<string>): Buffer[] {
  const line = (text: string): Buffer => Buffer.from(`${text}\r\n`)
  if (credential.kind === 'password' && !has.has('AUTH=PLAIN')) return loginWithLiterals(credential, has)
  const mechanism = { password: 'PLAIN', external: 'EXTERNAL', bearer: '' }[credential.kind]
  const name = credential.kind === 'bearer' ? credential.mechanism : mechanism
  const response = encodeResponse(credential)
  const base64 = response.toString('base64')
  response.fill(0)
  return has.has('SASL-IR')
    ? [line(`a AUTHENTICATE ${name} ${base64}`)]
    : [line(`a AUTHENTICATE ${name}`), line(base64)]
}

/** Literals need no quoting, so no byte of a name or password can be read as anything else. */
function loginWithLiterals(
  credential: Credential & { kind: 'password' },
  has: ReadonlySet<string>,
): Buffer[] {
  const user = Buffer.from(credential.user)
  const { password } = credential
  const end = Buffer.from('\r\n')
  if (has.has('LITERAL+')) {
    const head = Buffer.from(`a LOGIN {${user.length}+}\r\n`)
    return [Buffer.concat([head, user, Buffer.from(` {${password.length}+}\r\n`), password, end])]
  }
  return [
    Buffer.from(`a LOGIN {${user.length}}\r\n`),
    Buffer.concat([user, Buffer.from(` {${password.length}}\r\n`)]),
    Buffer.concat([password, end]),
  ]
}
