import type { FastifyInstance } from 'fastify'

import { CorruptRecordError } from '../../devices/store'
import { orderJson } from '../../lookup/order'
import { readable } from '../../lookup/site'
import { auditHistory } from '../../orders/audit'
import { orderSchema, pageOf } from '../answers'
import { cursorOf, placeOf } from '../cursor'
import type { AdminParts } from '../parts'
import { cursorParam, limitParam } from '../query'
import { count, flag, object, text, type Schema } from '../schemas'

const damaged: Schema = { ...object({ n: count(''), problem: text('') }), type: ['object', 'null'] }

export function auditRoutes(app: FastifyInstance, { site, store }: AdminParts): void {
  app.get<{ Querystring: { limit: number; cursor?: string } }>(
    '/api/v1/audit',
    {
      config: { role: 'viewer' },
      schema: {
        summary: 'What was ordered, newest first',
        tags: ['history'],
        querystring: object(
          { limit: limitParam(500, 100), cursor: cursorParam },
          { optional: ['limit', 'cursor'] },
        ),
        response: { 200: pageOf(orderSchema) },
      },
    },
    ({ query: { limit, cursor } }) => {
      const place = placeOf('audit', {}, cursor)
      const entries = store.history(limit, place === undefined ? undefined : Number(place))
      const oldest = entries.at(-1)
      const n = oldest instanceof CorruptRecordError ? Number(oldest.key) : oldest?.n
      return {
        items: readable(site, entries).map(orderJson),
        next: entries.length < limit || n === undefined || n <= 1 ? null : cursorOf('audit', {}, n),
      }
    },
  )

  app.get(
    '/api/v1/audit/verify',
    {
      config: { role: 'viewer' },
      schema: {
        summary: 'Whether the history is whole and unchanged',
        tags: ['history'],
        response: {
          200: object({
            ok: flag(''),
            entries: count('That are well, from the first on.'),
            newest_hash: text(''),
            problem: damaged,
          }),
        },
      },
    },
    async () => {
      const { entries, newestHash, problem } = await auditHistory(store)
      return { ok: problem === undefined, entries, newest_hash: newestHash, problem: problem ?? null }
    },
  )
}
