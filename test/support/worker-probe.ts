import { connectionOwner } from './connection-owner'
import { Dialogue } from './dialogue'
import type { HarakaSite } from './haraka-site'
import type { Login } from './mail-client'

/** An authenticated submission session that one known worker serves; each MAIL FROM is decided anew. */
export class WorkerProbe {
  private constructor(
    readonly pid: number,
    private readonly smtp: Dialogue,
  ) {}

  /** One for each of `pids`, by connecting until each of them has taken a connection. */
  static async inEach(site: HarakaSite, login: Login, pids = site.workers): Promise<WorkerProbe[]> {
    const connections = await connectToEach(site.smtpPort, pids)
    return Promise.all([...connections].map(([pid, smtp]) => WorkerProbe.#logIn(pid, smtp, login)))
  }

  static async #logIn(pid: number, smtp: Dialogue, { user, pass }: Login): Promise<WorkerProbe> {
    await smtp.until(/^220 /)
    await smtp.ask('EHLO phone', /^250 /)
    const response = Buffer.from(`\0${user}\0${pass}`).toString('base64')
    await smtp.ask(`AUTH PLAIN ${response}`, /^235 /)
    return new WorkerProbe(pid, smtp)
  }

  /** The reply code that a message gets now. */
  async mail(): Promise<string> {
    const reply = (await this.smtp.ask('MAIL FROM:<anna@example.com>', /^\d{3} /)).slice(0, 3)
    if (reply === '250') await this.smtp.ask('RSET', /^250 /)
    return reply
  }

  close(): void {
    this.smtp.close()
  }
}

const MAX_CONNECTIONS = 64

/** Connections to `port`, one that each of `pids` serves. */
export async function connectToEach(port: number, pids: readonly number[]): Promise<Map<number, Dialogue>> {
  const found = new Map<number, Dialogue>()
  for (let i = 0; found.size < pids.length; i += 1) {
    if (i === MAX_CONNECTIONS)
      throw new Error(`of ${pids.join(', ')} only ${[...found.keys()].join(', ')} serve`)
    const dialogue = await Dialogue.connect(port)
    const first = await dialogue.octets(1)
    const pid = connectionOwner(dialogue.localPort, port, pids)
    if (pid === undefined || found.has(pid)) dialogue.close()
    else found.set(pid, dialogue.unread(first))
  }
  return found
}
