import assert from 'node:assert/strict'
import { once } from 'node:events'
import net from 'node:net'

/** An IMAP session that stops reading within a literal, and compares every octet of it when it reads on. */
export class FetchingSession {
  #text = ''
  /** Of the literal, that came so far. */
  #octets = 0

  private constructor(
    private readonly socket: net.Socket,
    private readonly message: Buffer,
  ) {}

  /** Logs in and asks for message 1, which is `message`; resolves when its first octets are here and nothing more is read. */
  static async begin(
    port: number,
    user: string,
    password: string,
    message: Buffer,
  ): Promise<FetchingSession> {
    const socket = net.connect({ port, host: '127.0.0.1', noDelay: true })
    const session = new FetchingSession(socket, message)
    await session.#until(/^\* OK .*\r\n$/)
    for (const command of [`a LOGIN ${user} ${password}`, 'b EXAMINE INBOX']) {
      socket.write(`${command}\r\n`)
      await session.#until(new RegExp(`^${command.slice(0, 1)} OK .*\r\n$`, 'm'))
    }
    socket.write('c FETCH 1 BODY.PEEK[]\r\n')
    await session.#until(/^\* 1 FETCH \(BODY\[\] \{\d+\}\r\n/)
    const literal = session.#text.indexOf('}\r\n') + 3
    const began = Buffer.from(session.#text.slice(literal), 'latin1')
    assert.equal(session.#text.slice(0, literal), `* 1 FETCH (BODY[] {${message.length}}\r\n`)
    session.#compare(began)
    return session
  }

  /** Reads on to the end; gives what came behind the literal. */
  async rest(): Promise<string> {
    let behind = ''
    for await (const chunk of this.socket as AsyncIterable<Buffer>) {
      const inLiteral = Math.min(chunk.length, this.message.length - this.#octets)
      this.#compare(chunk.subarray(0, inLiteral))
      behind += chunk.toString('latin1', inLiteral)
    }
    assert.equal(this.#octets, this.message.length, 'the literal is whole')
    return behind
  }

  close(): void {
    this.socket.destroy()
  }

  #compare(octets: Buffer): void {
    const expected = this.message.subarray(this.#octets, this.#octets + octets.length)
    assert.ok(octets.equals(expected), `other octets than the message has, behind ${this.#octets}`)
    this.#octets += octets.length
  }

  /** Reads until the text of this answer matches; between answers nothing is read. */
  async #until(end: RegExp): Promise<void> {
    this.#text = ''
    while (!end.test(this.#text)) {
      const chunk = this.socket.read() as Buffer | null
      if (chunk) this.#text += chunk.toString('latin1')
      else await once(this.socket, 'readable')
    }
  }
}
