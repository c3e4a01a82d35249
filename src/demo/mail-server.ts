import net from 'node:net'

import { fetchResponse } from './fetch'
import type { DemoAccount, DemoMessage } from './mailbox'

/**
 * DEMO ONLY: a small read-only IMAP4rev1 server, enough for curl and common clients to list and read mail.
 * It stands where a site's Dovecot or Cyrus stands; it is never part of a production path.
 */
export async function startDemoMailServer(
  accounts: ReadonlyMap<string, DemoAccount>,
): Promise<{ port: number; close(): void }> {
  const sockets = new Set<net.Socket>()
  const server = net.createServer((socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => socket.destroy())
    new DemoSession(socket, accounts)
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  const { port } = server.address() as net.AddressInfo
  return {
    port,
    close: () => {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}

const CAPABILITY = 'CAPABILITY IMAP4rev1 LITERAL+ SASL-IR ID IDLE AUTH=PLAIN'
const MAX_BUFFERED = 64 * 1024

class DemoSession {
  #buffered = Buffer.alloc(0)
  #account: DemoAccount | undefined
  #selected = false
  /** Takes the next line instead of the command parser: a SASL response, or DONE after IDLE. */
  #nextLine: ((line: string) => void) | undefined

  constructor(
    private readonly socket: net.Socket,
    private readonly accounts: ReadonlyMap<string, DemoAccount>,
  ) {
    socket.on('data', (chunk: Buffer) => this.#receive(chunk))
    this.#send(`* OK [${CAPABILITY}] Demo mail server ready`)
  }

  #send(line: string): void {
    this.socket.write(`${line}\r\n`)
  }

  #receive(chunk: Buffer): void {
    this.#buffered = Buffer.concat([this.#buffered, chunk])
    if (this.#buffered.length > MAX_BUFFERED) return void this.socket.destroy()
    for (let line = this.#takeLine(); line !== undefined; line = this.#takeLine()) {
      const handler = this.#nextLine
      this.#nextLine = undefined
      if (handler) handler(line)
      else this.#command(line)
    }
  }

  /** A whole command line with its literals put in as quoted strings; undefined until all of it is here. */
  #takeLine(): string | undefined {
    let line = ''
    let offset = 0
    for (;;) {
      const end = this.#buffered.indexOf('\r\n', offset)
      if (end < 0) return undefined
      const piece = this.#buffered.toString('utf8', offset, end)
      const literal = /\{(\d+)(\+?)\}$/.exec(piece)
      offset = end + 2
      if (!literal) {
        this.#buffered = this.#buffered.subarray(offset)
        return line + piece
      }
      const size = Number(literal[1])
      if (this.#buffered.length < offset + size) {
        if (!literal[2] && this.#buffered.length === offset) this.#send('+ go ahead')
        return undefined
      }
      const text = this.#buffered.toString('utf8', offset, offset + size)
      line += `${piece.slice(0, literal.index)}"${text.replace(/[\\"]/g, '\\$&')}"`
      offset += size
    }
  }

  #command(line: string): void {
    const [, tag = '*', verb = '', rest = ''] = /^(\S+) (UID \S+|\S+) ?(.*)$/is.exec(line) ?? []
    const name = verb.toUpperCase()
    switch (name) {
      case 'CAPABILITY':
        this.#send(`* ${CAPABILITY}`)
        return this.#ok(tag, name)
      case 'NOOP':
      case 'CHECK':
      case 'ENABLE':
        return this.#ok(tag, name)
      case 'ID':
        this.#send('* ID ("name" "device-gate-demo")')
        return this.#ok(tag, name)
      case 'LOGOUT':
        this.#send('* BYE see you')
        this.#ok(tag, name)
        return void this.socket.end()
      case 'LOGIN':
        return this.#login(tag, ...strings(rest))
      case 'AUTHENTICATE':
        return this.#authenticate(tag, rest)
      default:
        if (!this.#account) return this.#send(`${tag} BAD log in first`)
        return this.#mailbox(tag, name, rest, this.#account.messages)
    }
  }

  #ok(tag: string, name: string): void {
    this.#send(`${tag} OK ${name} completed`)
  }

  #authenticate(tag: string, rest: string): void {
    const [mechanism = '', initial] = rest.split(' ')
    if (mechanism.toUpperCase() !== 'PLAIN') return this.#send(`${tag} NO only PLAIN here`)
    const finish = (response: string): void => {
      const [, user = '', password = ''] = Buffer.from(response, 'base64').toString('utf8').split('\0')
      this.#login(tag, user, password)
    }
    if (initial !== undefined) return finish(initial)
    this.#nextLine = finish
    this.#send('+ ')
  }

  #login(tag: string, user = '', password = ''): void {
    const account = this.accounts.get(user)
    if (account?.password !== password)
      return this.#send(`${tag} NO [AUTHENTICATIONFAILED] Authentication failed.`)
    this.#account = account
    this.#send(`${tag} OK [${CAPABILITY}] Logged in`)
  }

  #mailbox(tag: string, name: string, rest: string, messages: DemoMessage[]): void {
    switch (name) {
      case 'LIST':
      case 'LSUB':
        this.#send(`* ${name} (\\HasNoChildren) "/" INBOX`)
        return this.#ok(tag, name)
      case 'NAMESPACE':
        this.#send('* NAMESPACE (("" "/")) NIL NIL')
        return this.#ok(tag, name)
      case 'STATUS':
        this.#send(
          `* STATUS INBOX (MESSAGES ${messages.length} UIDNEXT ${messages.length + 1} UIDVALIDITY 1 UNSEEN ${messages.filter((m) => !m.seen).length})`,
        )
        return this.#ok(tag, name)
      case 'SELECT':
      case 'EXAMINE':
        return this.#select(tag, name, messages)
      case 'IDLE':
        this.#nextLine = () => this.#ok(tag, name)
        return this.#send('+ idling')
      default:
        if (!this.#selected) return this.#send(`${tag} BAD unknown command, or no mailbox selected`)
        return this.#messages(tag, name, rest, messages)
    }
  }

  #select(tag: string, name: string, messages: DemoMessage[]): void {
    this.#selected = true
    this.#send('* FLAGS (\\Seen)')
    this.#send(`* ${messages.length} EXISTS`)
    this.#send('* 0 RECENT')
    this.#send('* OK [UIDVALIDITY 1] UIDs are stable while the demo runs')
    this.#send(`* OK [UIDNEXT ${messages.length + 1}] next`)
    this.#send(`${tag} OK [READ-ONLY] ${name} completed`)
  }

  #messages(tag: string, name: string, rest: string, messages: DemoMessage[]): void {
    const byUid = name.startsWith('UID ')
    switch (byUid ? name.slice(4) : name) {
      case 'FETCH': {
        const [, set = '', items = ''] = /^(\S+) \(?(.*?)\)?$/s.exec(rest) ?? []
        // UIDs equal sequence numbers here: nothing is ever expunged.
        for (const message of messages) {
          if (inSet(message.uid, set, messages.length))
            this.socket.write(fetchResponse(message.uid, message, items, byUid))
        }
        return this.#ok(tag, name)
      }
      case 'SEARCH':
        this.#send(`* SEARCH ${messages.map((m) => m.uid).join(' ')}`)
        return this.#ok(tag, name)
      case 'CLOSE':
      case 'UNSELECT':
        this.#selected = false
        return this.#ok(tag, name)
      case 'STORE':
        return this.#send(`${tag} NO the demo's mail is read-only`)
      default:
        return this.#send(`${tag} BAD unknown command`)
    }
  }
}

function inSet(number: number, set: string, last: number): boolean {
  return set.split(',').some((range) => {
    const [from = 0, to = from] = range.split(':').map((end) => (end === '*' ? last : Number(end)))
    return number >= Math.min(from, to) && number <= Math.max(from, to)
  })
}

/** The quoted strings and atoms of a command's arguments, unescaped. */
function strings(text: string): string[] {
  return [...text.matchAll(/"((?:[^"\\]|\\.)*)"|(\S+)/gs)].map(
    ([, quoted, atom]) => quoted?.replace(/\\(.)/gs, '$1') ?? atom ?? '',
  )
}
