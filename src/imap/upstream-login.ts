import type { ImapConfig } from '../config/host-config'
import { withoutCompress } from './capability'
import type { UpstreamProblem } from '../metrics/words'
import type { ConnectionOwner } from './connection'
import type { Credential } from './credential'
import { canLogIn, capabilitiesOf, idCommand, loginCommand, type ClientFacts } from './upstream-commands'
import { UpstreamSocket } from './upstream-socket'

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
  /** The upstream's own words, those behind the tag in `text`; with the challenge of a failed OAuth exchange. */
  | {
      readonly status: 'refused'
      readonly untagged: string
      readonly text: string
      readonly challenge: string | null
    }
  | { readonly status: 'unavailable'; readonly problem: UpstreamProblem | 'aborted' }

/** Before login an upstream has no reason to say more; a flood ends the attempt. */
const MAX_RESPONSE_OCTETS = 64 * 1024

/** From dialling to the answer; a healthy server needs milliseconds, one that delays failures a few seconds. */
const TIMEOUT_MS = 30_000

const LF = 10

/** Of what the upstream says before it accepts, a client may hear the words for people and the capabilities. */
const PASSED_ON = /^\* (OK|NO|BAD|CAPABILITY) /i
const ANYTHING = /^/

type Phase = 'greeting' | 'starttls' | 'handshake' | 'capability' | 'login' | 'learning' | 'done'

/**
 * Dials the upstream, proves the credential there and gives the session, or why there is none. `result`
 * never rejects.
 */
export class UpstreamAttempt implements ConnectionOwner {
  readonly result: Promise<UpstreamLogin>
  readonly #upstream: UpstreamSocket
  #resolve!: (login: UpstreamLogin) => void
  #phase: Phase = 'greeting'
  #partial = ''
  #octets = 0
  #untagged = ''
  #okText = ''
  #capability = ''
  #challenge: string | null = null
  /** What waits for the upstream's `+`: the next pieces of the login command. */
  #pieces: Buffer[] = []
  readonly #timer: NodeJS.Timeout

  constructor(
    private readonly config: ImapConfig['upstream'],
    private readonly credential: Credential,
    private readonly client: ClientFacts,
  ) {
    this.result = new Promise((resolve) => {
      this.#resolve = resolve
    })
    this.#upstream = new UpstreamSocket(config)
    this.#timer = setTimeout(() => this.#fail('timeout'), TIMEOUT_MS)
    this.#upstream.handTo(this)
    if (config.tls !== 'implicit') return
    this.#phase = 'handshake'
    this.#upstream.socket.once('secureConnect', () => (this.#phase = 'greeting'))
  }

  /** The client went away: nobody waits for the result. */
  abort(): void {
    this.#fail('aborted')
  }

  #fail(problem: UpstreamProblem | 'aborted'): false {
    if (this.#phase !== 'done') {
      this.#end()
      this.#upstream.socket.destroy()
      this.#resolve({ status: 'unavailable', problem })
    }
    return false
  }

  /** From here on nothing that the upstream does concerns this attempt. */
  #end(): void {
    this.#phase = 'done'
    clearTimeout(this.#timer)
    for (const piece of this.#pieces) piece.fill(0)
    this.#upstream.leave()
  }

  onEnd(): void {
    this.onClose()
  }

  onClose(): void {
    this.#fail(!this.#upstream.connected ? 'connect' : this.#phase === 'handshake' ? 'tls' : 'closed')
  }

  onDrain(): void {
    // What a login writes is small.
  }

  onData(chunk: Buffer): boolean {
    let start = 0
    for (let end = chunk.indexOf(LF); end >= 0; end = chunk.indexOf(LF, start)) {
      const line = this.#partial + chunk.toString('latin1', start, end)
      this.#partial = ''
      start = end + 1
      this.#octets += line.length
      if (this.#octets > MAX_RESPONSE_OCTETS) return this.#fail('protocol')
      if (!this.#line(line.endsWith('\r') ? line.slice(0, -1) : line, chunk, start)) return true
    }
    this.#partial += chunk.toString('latin1', start)
    return this.#octets + this.#partial.length <= MAX_RESPONSE_OCTETS || this.#fail('protocol')
  }

  /** One response line; false when what follows in the chunk is no longer ours. */
  #line(line: string, chunk: Buffer, next: number): boolean {
    // A client might take a lone CR for a line end, and end its reading at a NUL.
    if (/[\0\r]/.test(line)) return this.#fail('protocol')
    switch (this.#phase) {
      case 'greeting':
        return this.#greeting(line)
      case 'starttls':
        return this.#startTls(line, next < chunk.length)
      case 'capability':
        return this.#capabilityAnswer(line)
      case 'login':
        return this.#loginAnswer(line, chunk, next)
      case 'learning':
        return this.#learn(line, chunk, next)
      case 'handshake':
      case 'done':
        return this.#fail('protocol')
    }
  }

  #greeting(line: string): boolean {
    // PREAUTH would hand out a mailbox that nobody proved; BYE is a server that is full or going down.
    if (!/^\* OK\b/i.test(line)) return this.#fail(/^\* BYE\b/i.test(line) ? 'closed' : 'protocol')
    if (this.config.tls === 'starttls') {
      this.#phase = 'starttls'
      this.#upstream.socket.write('s STARTTLS\r\n')
      return true
    }
    this.#capability = /\[CAPABILITY ([^\]]*)\]/i.exec(line)?.[1] ?? ''
    if (this.#capability !== '') return this.#login()
    this.#askCapability()
    return true
  }

  #startTls(line: string, more: boolean): boolean {
    if (line.startsWith('* ')) return true
    // Bytes between the OK and the handshake were put there by somebody on the way (CVE-2011-0411).
    if (!/^s OK\b/i.test(line) || more) return this.#fail('tls')
    this.#phase = 'handshake'
    this.#upstream.startTls(() => this.#askCapability())
    return true
  }

  #askCapability(): void {
    this.#phase = 'capability'
    this.#upstream.socket.write('c CAPABILITY\r\n')
  }

  #capabilityAnswer(line: string): boolean {
    const listed = /^\* CAPABILITY (.*)$/i.exec(line)?.[1]
    if (listed !== undefined) this.#capability = listed
    else if (/^c OK\b/i.test(line)) return this.#login()
    else if (!line.startsWith('* ')) return this.#fail('protocol')
    return true
  }

  /** Writes ID and the login in one go: the answers come in the order of the commands. */
  #login(): boolean {
    const has = capabilitiesOf(this.#capability)
    if (!canLogIn(this.credential, has)) return this.#fail('login_disabled')
    this.#phase = 'login'
    this.#pieces = loginCommand(has.has('ID') ? idCommand(this.client) : '', this.credential, has)
    return this.#sendPiece()
  }

  #loginAnswer(line: string, chunk: Buffer, next: number): boolean {
    if (line.startsWith('+')) return this.#continuation(line.slice(1).trim())
    if (line.startsWith('* ')) return this.#untaggedLine(line, PASSED_ON)
    if (line.startsWith('i ')) return true
    const [, status = '', text = ''] = /^a (OK|NO|BAD)\b ?(.*)$/i.exec(line) ?? []
    switch (status.toUpperCase()) {
      case 'OK':
        return this.#accepted(text, chunk, next)
      case 'NO':
      case 'BAD':
        this.#end()
        this.#upstream.socket.destroy()
        this.#resolve({
          status: 'refused',
          untagged: this.#untagged,
          text: `${status.toUpperCase()} ${text}`,
          challenge: this.#challenge,
        })
        return false
      default:
        return this.#fail('protocol')
    }
  }

  #untaggedLine(line: string, wanted: RegExp): boolean {
    if (/^\* BYE\b/i.test(line)) return this.#fail('closed')
    // What follows a literal's size is not ours to read as lines: it could look like an answer.
    if (/\{\d+\}$/.test(line)) return this.#fail('protocol')
    if (wanted.test(line)) this.#untagged += `${withoutCompress(line)}\r\n`
    return true
  }

  /** A client must know the capabilities after login; if it is not told, it would ask, and hear of COMPRESS. */
  #accepted(text: string, chunk: Buffer, next: number): boolean {
    // It cannot accept what it was not told yet.
    if (this.#pieces.length > 0) return this.#fail('protocol')
    this.#okText = withoutCompress(text)
    if (/\[CAPABILITY /i.test(text) || /^\* CAPABILITY /im.test(this.#untagged))
      return this.#done(chunk, next)
    this.#phase = 'learning'
    this.#upstream.socket.write('c CAPABILITY\r\n')
    return true
  }

  #learn(line: string, chunk: Buffer, next: number): boolean {
    if (line.startsWith('* ')) return this.#untaggedLine(line, ANYTHING)
    return /^c (OK|NO|BAD)\b/i.test(line) ? this.#done(chunk, next) : this.#fail('protocol')
  }

  #continuation(text: string): boolean {
    if (this.#pieces.length > 0) return this.#sendPiece()
    if (this.credential.kind !== 'bearer') return this.#fail('protocol')
    // RFC 7628 3.2.3: the error comes as a challenge, which an empty response ends.
    this.#challenge = /^[A-Za-z0-9+/=]*$/.test(text) ? text : ''
    this.#upstream.socket.write(this.credential.mechanism === 'OAUTHBEARER' ? 'AQ==\r\n' : '\r\n')
    return true
  }

  #sendPiece(): true {
    const piece = this.#pieces.shift()
    if (piece) this.#upstream.socket.write(piece, () => piece.fill(0))
    return true
  }

  #done(chunk: Buffer, next: number): false {
    this.#end()
    this.#resolve({
      status: 'ok',
      upstream: this.#upstream,
      untagged: this.#untagged,
      okText: this.#okText,
      rest: Buffer.from(chunk.subarray(next)),
    })
    return false
  }
}
