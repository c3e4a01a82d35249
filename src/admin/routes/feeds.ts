import type { Readable } from 'node:stream'

import type { FastifyInstance } from 'fastify'

import type { AdminParts } from '../parts'
import { notFound, Problem } from '../problem'

/** More than any kind takes. What is longer comes to the feed cut off here: it refuses in the words that its sender knows. */
const BODY_OCTETS = 2 * 1024 * 1024

/** Where sources push events. Who may is for each feed to say: by a secret of its own, and by signatures. */
export function feedRoutes(app: FastifyInstance, receive: AdminParts['receiveForFeed']): void {
  void app.register((scope, _options, done) => {
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('*', (_request: unknown, payload: Readable) => beginningOf(payload))
    scope.post<{ Params: { name: string }; Body: Buffer | undefined }>(
      '/feeds/:name/events',
      {
        config: { role: 'anyone', quiet: true, anyHost: true },
        schema: { summary: 'Events for a feed, from its source', tags: ['feeds'], hide: true },
      },
      async (request, reply) => {
        const { method, headers, body } = request
        const flat = Object.fromEntries(
          Object.entries(headers).map(([name, value]) => [
            name,
            Array.isArray(value) ? value.join(', ') : value,
          ]),
        )
        const answer = await receive(request.params.name, {
          method,
          headers: flat,
          body: body ?? Buffer.alloc(0),
        }).catch((error: unknown) => {
          if ((error as { code?: unknown }).code !== 'ERR_FEED') throw error
          throw new Problem(503, 'feed', 'this cannot be taken in now: send it again')
        })
        if (!answer) throw notFound('there is no such feed')
        return reply.code(answer.status).headers(answer.headers).send(answer.body)
      },
    )
    done()
  })
}

/** The octets behind it are read and forgotten, for as long as a request may take: a sender that is cut off hears no answer. */
function beginningOf(payload: Readable): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let octets = 0
    payload.on('data', (chunk: Buffer) => {
      if (octets >= BODY_OCTETS) return
      chunks.push(chunk)
      octets += chunk.length
      if (octets >= BODY_OCTETS) resolve(Buffer.concat(chunks))
    })
    payload.on('end', () => resolve(Buffer.concat(chunks)))
    payload.on('error', reject)
  })
}
