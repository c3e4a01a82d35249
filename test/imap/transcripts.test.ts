import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import tls from 'node:tls'

import { DecisionGate } from '../../src/gate/decision-gate'
import type { SessionGate } from '../../src/gate/gate'
import { createTokenReader } from '../../src/identity/oauth-token'
import type { Mode, Outcome } from '../../src/policy/vocabulary'
import { policy, record } from '../devices/samples'
import { FakeReplica } from '../gate/fake-replica'
import { CertificateAuthority, type Certificate } from '../support/certificates'
import { bearerResponse, TokenIssuer } from '../support/token-issuer'
import { connectChannel, type Secure } from '../transcripts/runner/channel'
import { describeTranscripts, type Setup } from '../transcripts/runner/play'
import { heardBy } from '../transcripts/runner/replay'
import { parseTranscript, type Setting } from '../transcripts/runner/transcript'
import { FakeUpstream, MailServer, scripted } from './fake-upstream'
import { ImapGate, tagged } from './imap-gate'

/** Who has mail in the dialogues. */
const ACCOUNTS = { 'anna@example.com': 'secret', 'bob@example.com': 'b0b', 'token@example.com': 'T0ken' }

const ISSUER = new TokenIssuer()

/** `device` is the one it names, `-` none; `expired`, `unknown-key`: what is wrong with it. */
function tokenFor(user: string, device: string): string {
  const claims = ISSUER.claims(user, device === '-' ? undefined : device)
  if (device === 'expired') return ISSUER.sign({ ...claims, exp: 1_000_000_000 })
  return ISSUER.sign(claims, device === 'unknown-key' ? { kid: 'new' } : {})
}

const WORDS = '[A-Za-z0-9+=. -]+'
/** `capability`: what the gate offers before login. `upstream_capability`: what the client has after it. */
const PATTERNS = {
  decision: '[0-9A-HJKMNP-TV-Z]{8}',
  capability: WORDS,
  upstream_capability: WORDS,
}

/** What the `with` lines of one dialogue ask for. */
class Settings {
  readonly #values = new Map<string, string>()

  constructor(settings: readonly Setting[]) {
    for (const { name, value } of settings) this.#values.set(name, value)
  }

  take(name: string): string | undefined {
    const value = this.#values.get(name)
    this.#values.delete(name)
    return value
  }

  number(name: string): number | undefined {
    const value = this.take(name)
    return value === undefined ? undefined : Number(value)
  }

  rest(): string[] {
    return [...this.#values.keys()]
  }
}

/** The certificates that the dialogues name. */
class Certificates {
  readonly #ours = new CertificateAuthority()
  readonly #mdm = new CertificateAuthority('Device CA')
  readonly server = this.#ours.server()
  readonly trust = this.#ours.file
  readonly clientCa = this.#mdm.file
  readonly #named: Readonly<Record<string, Certificate>> = {
    phone: this.#mdm.device('d-phone'),
    nameless: this.#mdm.issue({ commonName: '', altNames: ['email:anna@example.com'] }),
    'annas-phone': this.#mdm.device('d-phone', 'anna@example.com'),
    stranger: this.#ours.device('d-phone', 'anna@example.com'),
  }

  readonly secure: Secure = (socket, name) => {
    const certificate = this.#named[name]
    if (name !== '' && !certificate) throw new Error(`no certificate is named ${name}`)
    const files = certificate && {
      cert: fs.readFileSync(certificate.cert),
      key: fs.readFileSync(certificate.key),
    }
    return tls.connect({ socket, host: '127.0.0.1', ca: fs.readFileSync(this.trust), ...files })
  }

  remove(): void {
    this.#ours.remove()
    this.#mdm.remove()
  }
}

/** Who decides in a dialogue, and how it is told of what is to come of whom. */
interface Decides {
  readonly gate?: SessionGate
  readonly decide: (outcome: Outcome, who: string) => void
  readonly close: () => void
}

/** The world of a dialogue; `decidesOf` is given where not the scripted gate is to decide. */
const imapSetup =
  (certificates: () => Certificates, decidesOf?: () => Decides): Setup =>
  async (given, transcript) => {
    const decides = decidesOf?.()
    const settings = new Settings(given)
    const tlsMode = (settings.take('upstream_tls') ?? 'none') as 'none' | 'starttls' | 'implicit'
    const isScripted = transcript.steps.some((step) => 'channel' in step && step.channel.startsWith('U'))
    const capability = settings.take('upstream_capability')
    const mail = new MailServer({ accounts: ACCOUNTS, ...(capability !== undefined && { capability }) })
    const upstream = await FakeUpstream.start(
      isScripted ? scripted : mail.serve,
      certificates().server,
      tlsMode,
    )
    const upstreamIs = settings.take('upstream')
    if (upstreamIs === 'down') upstream.close()
    const clientCa = settings.take('client_ca') !== undefined
    const registered = settings.take('registered')
    const tokens = settings.take('oauth') !== undefined
    const plaintextLogin = settings.take('plaintext_login') as 'never' | 'loopback' | 'always' | undefined
    const proxyNetworks = settings.take('proxy_networks')?.split(' ') ?? []
    const forwardingNetworks = settings.take('forwarding_networks')?.split(' ') ?? []
    const limits = {
      line: settings.number('limit_line'),
      literal: settings.number('limit_literal'),
      connections: settings.number('limit_connections'),
      perAddress: settings.number('limit_per_address'),
    }
    const implicit = settings.take('listen_tls') !== undefined
    const offersTls = settings.take('tls') !== undefined || implicit || clientCa
    const gate = await ImapGate.start({
      upstream: { port: upstream.port, tls: tlsMode, ca: certificates().trust },
      limits: Object.fromEntries(Object.entries(limits).filter(([, value]) => value !== undefined)),
      proxyNetworks,
      forwardingNetworks,
      ...(plaintextLogin && { plaintextLogin }),
      ...(offersTls && { tls: certificates().server }),
      ...(decides?.gate && { decides: decides.gate }),
      ...(clientCa && { clientCa: certificates().clientCa }),
      ...(registered !== undefined && {
        registered: () => {
          if (registered === 'damaged') throw new Error('it cannot be read')
          return { device: registered }
        },
      }),
      ...(tokens && { tokens: createTokenReader(ISSUER.rules(), ISSUER.keys()) }),
    })
    const decide =
      decides?.decide ?? ((outcome: Outcome, who: string): unknown => gate.gate.outcomes.set(who, outcome))
    for (const outcome of ['warn', 'block', 'unavailable'] as const) {
      for (const who of settings.take(outcome)?.split(' ') ?? []) decide(outcome, who)
    }
    const close = async (): Promise<void> => {
      await gate.close()
      decides?.close()
      upstream.close()
      if (upstreamIs === 'untouched' && !decides)
        assert.equal(upstream.connections, 0, 'connections to the upstream')
      if (gate.faults.length > 0 && registered !== 'damaged')
        throw new Error('faults inside the gate', { cause: gate.faults[0] })
    }
    const unknown = settings.rest()
    if (unknown.length > 0) {
      await close()
      throw new Error(`unknown settings: ${unknown.join(', ')}`)
    }
    return {
      patterns: PATTERNS,
      compute: (placeholder) => {
        const [what, user = '', device = ''] = placeholder.split(' ')
        if (what === 'XOAUTH2' || what === 'OAUTHBEARER') {
          const response = bearerResponse[what](user, tokenFor(user, device))
          return Buffer.from(response).toString('base64')
        }
        const name = tagged(user, device)
        if (what === 'tag') return name
        if (what === 'device-of') return name.slice(name.indexOf('#') + 1)
        throw new Error(`{{${placeholder}}} is no placeholder here`)
      },
      open: async (channel) => {
        if (channel.startsWith('U')) return (await upstream.accepted()).channel
        const connected = await connectChannel(implicit ? gate.tlsPort : gate.port, certificates().secure)
        if (implicit) await connected.act('TLS')
        return connected
      },
      event: (text) => {
        const [what, who = ''] = text.split(' ')
        if (what === 'clock') gate.advance(Number.parseInt(who, 10) * 1000)
        else if (what === 'block' || what === 'allow') decide(what, who)
        else throw new Error(`nothing is known of "${text}"`)
      },
      close,
    }
  }

const TRANSCRIPTS = path.join(__dirname, '../transcripts/imap')

/** The gate's own heart in one mode, over devices and locks that come to what a dialogue says. */
function decidesIn(mode: Mode): Decides {
  const replica = new FakeReplica()
  replica.applyPolicy(policy({ mode, mandates: [], grace: 'warn' }))
  const gate = new DecisionGate({
    replica,
    host: () => ({ enforcement: 'policy', unidentified: 'owner', failMode: 'closed' }),
    journal: { append: () => undefined },
    revokeSpreadMs: () => 0,
    now: Date.now,
    onFault: () => undefined,
  })
  const decide = (outcome: Outcome, who: string): void => {
    const phone = {
      ...record({ id: who.includes('@') ? `phone of ${who}` : who, owners: [who] }),
      evidenceAt: Date.now(),
    }
    if (outcome === 'warn') replica.putDevice({ ...phone, state: 'grace' })
    else replica.putDevice({ ...phone, state: outcome === 'block' ? 'noncompliant' : 'compliant' })
    if (outcome === 'unavailable') replica.corruptDevice(phone.id)
  }
  return { gate, decide, close: () => gate.close() }
}

describe('IMAP dialogues', () => {
  let certificates: Certificates

  before(() => (certificates = new Certificates()))
  after(() => certificates.remove())

  describeTranscripts(
    TRANSCRIPTS,
    imapSetup(() => certificates),
  )

  describe('in mode monitor are octet for octet those in mode off', () => {
    const heard = (name: string, mode: Mode): Promise<Record<string, string>> => {
      const transcript = parseTranscript(fs.readFileSync(path.join(TRANSCRIPTS, name), 'utf8'), name)
      return heardBy(
        transcript,
        imapSetup(
          () => certificates,
          () => decidesIn(mode),
        ),
      )
    }
    for (const name of fs.readdirSync(TRANSCRIPTS).filter((file) => file.endsWith('.txt')))
      it(name, async () => assert.deepEqual(await heard(name, 'monitor'), await heard(name, 'off')))

    for (const name of [
      'login-blocked.txt',
      'login-warned.txt',
      'login-undecided.txt',
      'login-tagged-device.txt',
    ])
      it(`and not those in mode enforce: ${name}`, async () =>
        assert.notDeepEqual(await heard(name, 'enforce'), await heard(name, 'off')))
  })
})
