import type { Credential } from './credential'
import { decodeResponse, parseResponse, userName, type SaslMechanism } from './sasl'

/** What is to be done next in an exchange; `ask` comes with the challenge as it stands behind `+ `. */
export type SaslStep =
  | { readonly kind: 'ask'; readonly challenge: string }
  | { readonly kind: 'credential'; readonly credential: Credential }
  | { readonly kind: 'bad' | 'no'; readonly text: string }

const bad = (text: string): SaslStep => ({ kind: 'bad', text })
const MALFORMED = bad('Invalid authentication response')
const OTHER_USER: SaslStep = {
  kind: 'no',
  text: '[AUTHORIZATIONFAILED] Logging in as another user is not possible here',
}
const ASK_NAME: SaslStep = { kind: 'ask', challenge: 'VXNlcm5hbWU6' }
const ASK_PASSWORD: SaslStep = { kind: 'ask', challenge: 'UGFzc3dvcmQ6' }
const ASTERISK = 42

/** The server's side of one AUTHENTICATE (RFC 3501 6.2.2, RFC 4959), from the client's responses to a credential. */
export class SaslExchange {
  /** The old LOGIN mechanism asks for the name first. */
  #name: string | undefined

  /** `certified`: the user whom a verified client certificate names. */
  constructor(
    private readonly mechanism: SaslMechanism,
    private readonly certified: string | undefined,
  ) {}

  start(initial: Buffer | undefined): SaslStep {
    if (initial) return this.#decode(initial)
    return this.mechanism === 'LOGIN' ? ASK_NAME : { kind: 'ask', challenge: '' }
  }

  respond(line: Buffer): SaslStep {
    const cancelled = line.length === 1 && line[0] === ASTERISK
    return cancelled ? bad('Authentication cancelled') : this.#decode(line)
  }

  #decode(line: Buffer): SaslStep {
    const response = decodeResponse(line)
    if (!response) return MALFORMED
    const step = this.#step(response)
    response.fill(0)
    return step
  }

  #step(response: Buffer): SaslStep {
    switch (this.mechanism) {
      case 'LOGIN':
        return this.#login(response)
      case 'EXTERNAL':
        return this.#external(response)
      case 'PLAIN':
      case 'XOAUTH2':
      case 'OAUTHBEARER': {
        const parsed = parseResponse(this.mechanism, response)
        if (parsed === 'malformed') return MALFORMED
        return parsed === 'other_user' ? OTHER_USER : { kind: 'credential', credential: parsed }
      }
    }
  }

  #login(response: Buffer): SaslStep {
    if (this.#name === undefined) {
      this.#name = userName(response)
      return this.#name === undefined ? MALFORMED : ASK_PASSWORD
    }
    if (response.length === 0) return MALFORMED
    const password = Buffer.from(response)
    return { kind: 'credential', credential: { kind: 'password', user: this.#name, password } }
  }

  /** The certificate itself must name the user: a device's certificate is no permission to be anyone. */
  #external(response: Buffer): SaslStep {
    const user = this.certified
    if (user === undefined) return { kind: 'no', text: 'No client certificate that names a user' }
    if (response.length > 0 && response.toString('utf8') !== user) return OTHER_USER
    return { kind: 'credential', credential: { kind: 'external', user } }
  }
}
