import type { FastifyInstance, FastifyReply } from 'fastify'

import type { Watch } from '../parts'
import { Problem } from '../problem'
import { list, object, text } from '../schemas'

const checksSchema = object({ ok: { type: 'boolean' }, failed: list(text('The name of a check.')) })

/** What load balancers, service managers and Prometheus ask. */
export function watchRoutes(app: FastifyInstance, watch: Watch | undefined): void {
  type Failing = () => readonly string[] | Promise<readonly string[]>
  const check = (url: string, summary: string, failing: Failing): void =>
    void app.get(
      url,
      {
        config: { role: 'anyone', quiet: true, anyHost: true },
        schema: { summary, tags: ['watch'], response: { 200: checksSchema, 503: checksSchema } },
      },
      async (_request, reply): Promise<FastifyReply> => {
        const failed = await failing()
        return reply.code(failed.length === 0 ? 200 : 503).send({ ok: failed.length === 0, failed })
      },
    )
  check('/healthz', 'Whether the gate of this host works', () => watch?.unhealthy() ?? [])
  check('/readyz', 'Whether it decides by what is in force now', () => watch?.unready() ?? [])

  app.get(
    '/metrics',
    {
      config: { role: 'viewer', quiet: true, anyHost: true },
      schema: {
        summary: 'Metrics for Prometheus, of all workers of this host',
        tags: ['watch'],
        produces: ['text/plain'],
        response: { 200: { type: 'string' } },
      },
    },
    async (_request, reply) => {
      if (!watch) throw new Problem(503, 'metrics', 'there are no metrics here')
      const { contentType, text: exposition } = await watch.metrics()
      return reply.type(contentType).send(exposition)
    },
  )
}
