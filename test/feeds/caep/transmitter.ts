import type { webcrypto } from 'node:crypto'

import { LocalSource, json, type Answer, type SeenRequest } from '../local-source'

type Claims = Readonly<Record<string, unknown>>

export const AUDIENCE = 'https://gate.example.com/feeds'
export const COMPLIANCE = 'https://schemas.openid.net/secevent/caep/event-type/device-compliance-change'
export const VERIFICATION = 'https://schemas.openid.net/secevent/ssf/event-type/verification'

/** A transmitter of Shared Signals on loopback, as the framework documents it: keys, discovery, streams, polls. */
export class Transmitter {
  readonly source: LocalSource
  /** The set at its jwks_uri. */
  jwks: unknown = { keys: [] }
  /** What waits to be polled, by jti. */
  readonly waiting = new Map<string, string>()
  /** What came with each poll. */
  readonly polls: {
    readonly maxEvents: number
    readonly ack?: string[]
    readonly setErrs?: Record<string, { err: string }>
  }[] = []
  readonly verifications: { readonly stream_id: string; readonly state: string }[] = []
  readonly streams: Claims[] = []
  status = 'enabled'
  #key: webcrypto.CryptoKey | undefined
  #jti = 0

  private constructor(source: LocalSource) {
    this.source = source
  }

  static async start(): Promise<Transmitter> {
    const holder: { transmitter?: Transmitter } = {}
    const source = await LocalSource.start(
      (request) => holder.transmitter?.answer(request) ?? { status: 500 },
    )
    const transmitter = (holder.transmitter = new Transmitter(source))
    await transmitter.rotate('k1')
    return transmitter
  }

  get issuer(): string {
    return this.source.url
  }

  /** Signs with a new key from now on, the only one in the set. */
  async rotate(kid: string, alg = 'ES256'): Promise<void> {
    const { generateKeyPair, exportJWK } = await import('jose')
    const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true })
    this.#key = privateKey
    this.jwks = { keys: [{ ...(await exportJWK(publicKey)), kid, alg }] }
  }

  claims(change: Claims = {}): Record<string, unknown> {
    this.#jti += 1
    return {
      iss: this.issuer,
      aud: AUDIENCE,
      iat: Math.floor(Date.now() / 1000),
      jti: `event-${this.#jti}`,
      sub_id: { format: 'opaque', id: 'd-1' },
      events: { [COMPLIANCE]: { previous_status: 'compliant', current_status: 'not-compliant' } },
      ...change,
    }
  }

  /** A claim of undefined is left out. */
  async sign(claims: Claims, header: Claims = {}): Promise<string> {
    const { SignJWT } = await import('jose')
    const set = new SignJWT(JSON.parse(JSON.stringify(claims)) as Record<string, unknown>)
    set.setProtectedHeader({ alg: 'ES256', typ: 'secevent+jwt', kid: 'k1', ...header })
    return set.sign(this.#key!)
  }

  /** A device-compliance-change. */
  async change(id: string, to: 'compliant' | 'not-compliant', change: Claims = {}): Promise<string> {
    const from = to === 'compliant' ? 'not-compliant' : 'compliant'
    return this.sign(
      this.claims({
        sub_id: { format: 'opaque', id },
        events: { [COMPLIANCE]: { previous_status: from, current_status: to } },
        ...change,
      }),
    )
  }

  /** Puts a SET up to be polled, and gives its jti. */
  queue(set: string): string {
    const [, payload = ''] = set.split('.')
    const { jti } = JSON.parse(Buffer.from(payload, 'base64url').toString()) as { jti: string }
    this.waiting.set(jti, set)
    return jti
  }

  answer({ method, url, body }: SeenRequest): Answer {
    const at = (path: string): string => `${this.issuer}${path}`
    switch (`${method} ${url.pathname}`) {
      case 'GET /.well-known/ssf-configuration':
        return json({
          issuer: this.issuer,
          jwks_uri: at('/jwks'),
          configuration_endpoint: at('/streams'),
          status_endpoint: at('/status'),
          verification_endpoint: at('/verify'),
        })
      case 'GET /jwks':
        return json(this.jwks)
      case 'POST /streams': {
        const asked = JSON.parse(body) as { delivery: { method: string; endpoint_url?: string } }
        const id = `stream-${this.streams.length + 1}`
        const delivery = { endpoint_url: at('/poll'), ...asked.delivery }
        this.streams.push({ ...asked, stream_id: id, delivery })
        return {
          ...(json({ stream_id: id, iss: this.issuer, aud: AUDIENCE, delivery }) as object),
          status: 201,
        }
      }
      case 'GET /streams': {
        const id = url.searchParams.get('stream_id')
        if (id === null) return json(this.streams)
        const found = this.streams.find((one) => one['stream_id'] === id)
        return found ? json(found) : { status: 404 }
      }
      case 'GET /status':
        return json({ stream_id: url.searchParams.get('stream_id'), status: this.status, reason: 'a test' })
      case 'POST /verify':
        this.verifications.push(JSON.parse(body) as { stream_id: string; state: string })
        return { status: 204 }
      case 'POST /poll':
        return this.#poll(JSON.parse(body) as Transmitter['polls'][number])
      default:
        return { status: 404 }
    }
  }

  #poll(poll: Transmitter['polls'][number]): Answer {
    this.polls.push(poll)
    const { maxEvents, ack = [], setErrs = {} } = poll
    for (const jti of [...ack, ...Object.keys(setErrs)]) this.waiting.delete(jti)
    const sets = [...this.waiting].slice(0, maxEvents)
    return json({ sets: Object.fromEntries(sets), moreAvailable: sets.length < this.waiting.size })
  }
}
