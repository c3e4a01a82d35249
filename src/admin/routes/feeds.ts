import type { FastifyInstance } from 'fastify'

import type { AdminParts } from '../parts'
import { notFound, Problem } from '../problem'

/** Larger than any event: what is refused is refused in the words that its sender knows. */
const BODY_OCTETS = 2 * 1024 * 1024

/** Where sources push events. Who may is for each feed to say: by a secret of its own, and by signatures. */
export function feedRoutes(app: FastifyInstance, receive: AdminParts['receiveForFeed']): void {
  void app.register((scope, _options, done) => {
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, parsed) => parsed(null, body))
    scope.post<{ Params: { name: string }; Body: Buffer | undefined }>(
      '/feeds/:name/events',
      {
        bodyLimit: BODY_OCTETS,
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
