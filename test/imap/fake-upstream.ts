import net from 'node:net'
import tls from 'node:tls'
import fs from 'node:fs'

import type { Certificate } from '../support/certificates'
import { Channel, type Secure } from '../transcripts/runner/channel'

/** A connection that the gate made, and how many octets it sent on it. */
export interface UpstreamConnection {
  readonly channel: Channel
  readonly socket: net.Socket
}

/** What the upstream does with each connection; a rejection ends the connection. */
export type Serve = (channel: Channel, connection: UpstreamConnection) => Promise<void>

/** Nobody serves: the test speaks itself, on what `accepted` gives. */
export const scripted: Serve = () => new Promise(() => undefined)

/** Stands where the site's IMAP server stands, on a free port. */
export class FakeUpstream {
  readonly #server: net.Server
  readonly #open = new Set<net.Socket>()
  readonly #accepted: UpstreamConnection[] = []
  #waiting: ((connection: UpstreamConnection) => void)[] = []
  /** Connections ever made to it. */
  connections = 0
  #port = 0

  private constructor(
    private readonly serve: Serve,
    certificate: Certificate | undefined,
    implicitTls: boolean,
  ) {
    const context = certificate && {
      cert: fs.readFileSync(certificate.cert),
      key: fs.readFileSync(certificate.key),
    }
    const secure: Secure = (socket) =>
      new tls.TLSSocket(socket, { isServer: true, secureContext: tls.createSecureContext(context) })
    const options = { allowHalfOpen: true, noDelay: true }
    this.#server = net.createServer(options, (socket) => {
      this.#open.add(socket)
      socket.on('close', () => this.#open.delete(socket)).on('error', () => undefined)
      this.#accept(implicitTls ? secure(socket, '') : socket, secure)
    })
  }

  static async start(
    serve: Serve,
    certificate?: Certificate,
    tlsMode: 'none' | 'starttls' | 'implicit' = 'none',
  ): Promise<FakeUpstream> {
    const upstream = new FakeUpstream(serve, certificate, tlsMode === 'implicit')
    await new Promise<void>((resolve) => upstream.#server.listen(0, '127.0.0.1', resolve))
    upstream.#port = (upstream.#server.address() as net.AddressInfo).port
    return upstream
  }

  get port(): number {
    return this.#port
  }

  get openConnections(): number {
    return this.#open.size
  }

  /** The next connection that nobody asked for yet, in the order the gate made them. */
  accepted(): Promise<UpstreamConnection> {
    const connection = this.#accepted.shift()
    if (connection) return Promise.resolve(connection)
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  close(): void {
    this.#server.close()
    for (const socket of this.#open) socket.destroy()
  }

  #accept(socket: net.Socket, secure: Secure): void {
    this.connections += 1
    const connection = { channel: new Channel(socket, secure), socket }
    const waiting = this.#waiting.shift()
    if (waiting) waiting(connection)
    else this.#accepted.push(connection)
    this.serve(connection.channel, connection).then(
      () => connection.channel.act('end'),
      () => connection.channel.destroy(),
    )
  }
}

/** What somebody proved, octet for octet. */
export interface ProvenLogin {
  readonly mechanism: string
  readonly user: string
  /** As latin1, one character an octet. */
  readonly secret: string
}

export interface MailServerOptions {
  readonly capability?: string
  /** Password or token by user; without it every login is taken. */
  readonly accounts?: Readonly<Record<string, string>>
}

export const CAPABILITY =
  'IMAP4rev1 LITERAL+ SASL-IR ID IDLE COMPRESS=DEFLATE AUTH=PLAIN AUTH=XOAUTH2 AUTH=OAUTHBEARER'

/**
 * A small IMAP server in memory. It reads commands strictly and by itself, so that what the gate writes is
 * held against another reading of the RFCs.
 */
export class MailServer {
  readonly logins: ProvenLogin[] = []
  /** What clients sent before and after login, by name and arguments. */
  readonly commands: string[] = []
  readonly #capability: string

  constructor(private readonly options: MailServerOptions = {}) {
    this.#capability = options.capability ?? CAPABILITY
  }

  readonly serve: Serve = async (channel) => {
    const say = (text: string): void => channel.send(Buffer.from(`${text}\r\n`, 'latin1'))
    say(`* OK [CAPABILITY ${this.#capability}] mail server ready`)
    let loggedIn = false
    for (;;) {
      const { tag, name, args } = await readCommand(channel)
      if (name === 'LOGIN' || name === 'AUTHENTICATE') {
        const login = await this.#proof(channel, name, args)
        this.logins.push(login)
        const { accounts } = this.options
        if (accounts && accounts[login.user] !== login.secret) {
          if (login.mechanism.includes('OAUTH')) {
            say(`+ ${Buffer.from('{"status":"invalid_token"}').toString('base64')}`)
            await channel.line()
          }
          say(`${tag} NO [AUTHENTICATIONFAILED] Authentication failed.`)
          continue
        }
        loggedIn = true
        say(`${tag} OK [CAPABILITY ${this.#capability}] Logged in`)
        continue
      }
      this.commands.push([name, ...args].join(' '))
      if (name === 'CAPABILITY') say(`* CAPABILITY ${this.#capability}`)
      if (name === 'LOGOUT') say('* BYE see you')
      const allowed = loggedIn || ['CAPABILITY', 'ID', 'NOOP', 'LOGOUT'].includes(name)
      say(allowed ? `${tag} OK ${name} completed` : `${tag} BAD log in first`)
      if (name === 'LOGOUT') return
    }
  }

  async #proof(channel: Channel, name: string, args: readonly string[]): Promise<ProvenLogin> {
    if (name === 'LOGIN') {
      const [user = '', secret = ''] = args
      return { mechanism: 'LOGIN', user: utf8Of(user), secret }
    }
    const [mechanism = '', initial] = args
    if (initial === undefined) channel.send(Buffer.from('+ \r\n'))
    const base64 = initial ?? (await channel.line())
    if (!/^[A-Za-z0-9+/]*={0,2}$/.test(base64)) throw new Error('not base64')
    const response = Buffer.from(base64, 'base64').toString('latin1')
    /* eslint-disable no-control-regex -- ^A separates the fields */
    const forms: Readonly<Record<string, RegExp>> = {
      PLAIN: /^\0(?<user>[^\0]+)\0(?<secret>[^\0]+)$/s,
      EXTERNAL: /^(?<user>.+)(?<secret>)$/s,
      XOAUTH2: /^user=(?<user>[^\x01]+)\x01auth=Bearer (?<secret>[^\x01]+)\x01\x01$/s,
      OAUTHBEARER: /^n,a=(?<user>(?:[^,=\x01]|=2C|=3D)+),\x01auth=Bearer (?<secret>[^\x01]+)\x01\x01$/s,
    }
    /* eslint-enable no-control-regex */
    const { user = '', secret = '' } = forms[mechanism]?.exec(response)?.groups ?? {}
    if (user === '') throw new Error(`not a response of ${mechanism}: ${JSON.stringify(response)}`)
    const name_ = mechanism === 'OAUTHBEARER' ? user.replace(/=2C/g, ',').replace(/=3D/g, '=') : user
    return { mechanism, user: utf8Of(name_), secret }
  }
}

const utf8Of = (latin1: string): string => Buffer.from(latin1, 'latin1').toString('utf8')

/** One command by RFC 3501's grammar, argument by argument, as latin1; throws on anything else. */
async function readCommand(channel: Channel): Promise<{ tag: string; name: string; args: string[] }> {
  let text = await channel.line()
  const words: string[] = []
  for (;;) {
    const literal = /^\{(\d+)(\+?)\}$/.exec(text)
    const word = /^(?:"((?:[^"\\\r\n\0]|\\["\\])*)"|([^"(){}\s]+|\([^()]*\)))(?: |$)/.exec(text)
    if (literal) {
      if (literal[2] === '') channel.send(Buffer.from('+ go on\r\n'))
      words.push(await channel.octets(Number(literal[1])))
      text = await channel.line()
      if (text.startsWith(' ')) text = text.slice(1)
    } else if (word) {
      words.push(word[1]?.replace(/\\(.)/g, '$1') ?? word[2] ?? '')
      text = text.slice(word[0].length)
    } else throw new Error(`not a command: ${JSON.stringify(text)}`)
    if (text === '') break
  }
  const [tag = '', name = '', ...args] = words
  return { tag, name: name.toUpperCase(), args }
}
