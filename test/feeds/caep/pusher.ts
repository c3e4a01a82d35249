import http from 'node:http'

export interface Pushed {
  /** From the first try to 202. */
  readonly ms: number
  readonly tries: number
}

const RETRY_MS = 100
const PATIENCE_MS = 60_000

/** Pushes SETs as a transmitter does: each again until it is answered with 202, also over a restart of the receiver. */
export class Pusher {
  readonly #agent: http.Agent

  constructor(
    /** Asked anew for each try: a receiver that was restarted may listen elsewhere. */
    private readonly url: () => string,
    connections: number,
  ) {
    this.#agent = new http.Agent({ keepAlive: true, maxSockets: connections })
  }

  async push(set: string): Promise<Pushed> {
    const start = performance.now()
    for (let tries = 1; ; tries += 1) {
      const status = await this.#once(set).catch(() => 0)
      const ms = performance.now() - start
      if (status === 202) return { ms, tries }
      if ((status >= 400 && status < 500) || ms > PATIENCE_MS)
        throw new Error(`a SET was answered with ${status}`)
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
    }
  }

  close(): void {
    this.#agent.destroy()
  }

  #once(set: string): Promise<number> {
    return new Promise((resolve, reject) => {
      const request = http.request(
        this.url(),
        { method: 'POST', agent: this.#agent, headers: { 'content-type': 'application/secevent+jwt' } },
        (response) => {
          response
            .on('error', reject)
            .on('end', () => resolve(response.statusCode ?? 0))
            .resume()
        },
      )
      request.on('error', reject).end(set)
    })
  }
}
