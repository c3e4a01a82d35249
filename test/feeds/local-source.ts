import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'

/** How one request is answered. `hang`: never; `cut`: the connection breaks after the body, before its end. */
export type Answer =
  | {
      readonly status: number
      readonly headers?: Record<string, string>
      readonly body?: string
      readonly cut?: true
    }
  | 'hang'

export interface SeenRequest {
  readonly method: string
  readonly url: URL
  readonly headers: http.IncomingHttpHeaders
  readonly body: string
}

/** A source on loopback, answered by the test. */
export class LocalSource {
  readonly seen: SeenRequest[] = []
  /** Answers of the next requests, before `answer` is asked again. */
  readonly faults: Answer[] = []
  /** Which requests the faults are for. */
  isFaulty: (request: SeenRequest) => boolean = () => true
  readonly #server: http.Server

  private constructor(public answer: (request: SeenRequest) => Answer | Promise<Answer>) {
    this.#server = http.createServer((request, response) => {
      void this.#serve(request, response)
    })
  }

  static async start(answer: (request: SeenRequest) => Answer | Promise<Answer>): Promise<LocalSource> {
    const source = new LocalSource(answer)
    source.#server.listen(0, '127.0.0.1')
    await once(source.#server, 'listening')
    return source
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    this.#server.close()
    await once(this.#server, 'close')
  }

  async #serve(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk)
    const seen = {
      method: request.method ?? '',
      url: new URL(request.url ?? '/', this.url),
      headers: request.headers,
      body: Buffer.concat(chunks).toString(),
    }
    this.seen.push(seen)
    const fault = this.isFaulty(seen) ? this.faults.shift() : undefined
    const answer = fault ?? (await this.answer(seen))
    if (answer === 'hang') return
    const { status, headers = {}, body = '', cut = false } = answer
    if (!cut) {
      response.writeHead(status, headers).end(body)
      return
    }
    response.writeHead(status, { ...headers, 'content-length': String(Buffer.byteLength(body) + 1000) })
    response.write(body, () => request.socket.destroy())
  }
}

export const json = (value: unknown, headers: Record<string, string> = {}): Answer => ({
  status: 200,
  headers: { 'content-type': 'application/json', ...headers },
  body: JSON.stringify(value),
})
