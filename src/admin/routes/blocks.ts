import { Readable } from 'node:stream'
import type { FastifyInstance } from 'fastify'

import { isoTime, siteBlocks } from '../../lookup/site'
import { foldedBlockSchema, pageOf } from '../answers'
import { blockFilter, blockParams, type BlockQuery } from '../block-query'
import { blockJson, EXPORT_FORMATS, exportBlocks, type ExportFormat } from '../../lookup/block-export'
import { exportForm } from '../../lookup/exported'
import { cursorOf, placeOf } from '../cursor'
import { foldBlocks } from '../fold-blocks'
import { untilGone } from '../gone'
import type { AdminParts } from '../parts'
import { cursorParam, limitParam } from '../query'
import { flag, maybeMoment, object } from '../schemas'
import { Turns } from '../turns'

type PageQuery = BlockQuery & { readonly fold?: boolean; readonly limit: number; readonly cursor?: string }

const pageParams = {
  ...blockParams,
  fold: flag('One item for each case on the page.'),
  limit: limitParam(500, 100),
  cursor: cursorParam,
}
const exportParams = { ...blockParams, format: { enum: EXPORT_FORMATS, default: 'ndjson' } }

const TYPES: Readonly<Record<ExportFormat, string>> = {
  csv: 'text/csv; charset=utf-8; header=present',
  ndjson: 'application/x-ndjson; charset=utf-8',
}

export function blockRoutes(app: FastifyInstance, { site }: AdminParts): void {
  app.get<{ Querystring: PageQuery }>(
    '/api/v1/blocks',
    {
      config: { role: 'viewer' },
      schema: {
        summary: 'The block log: decisions that were no plain allow, newest first',
        tags: ['look-ups'],
        querystring: object(pageParams, { optional: Object.keys(pageParams) }),
        response: {
          200: pageOf(foldedBlockSchema, {
            searched_to: maybeMoment(
              'Where the page is not full, but there may be more: all down to it was looked at.',
            ),
          }),
        },
      },
    },
    async ({ query: { fold = false, limit, cursor, ...asked } }) => {
      const filter = blockFilter(asked)
      const place = placeOf('blocks', filter, cursor)
      const source = await siteBlocks(site)
      const { blocks, next, searchedTo } = await source.page({ ...filter, limit }, place ?? null)
      const items = fold
        ? foldBlocks(blocks).map(({ newest, count, first, last }) => ({
            ...blockJson(newest),
            count,
            first: isoTime(first),
            last: isoTime(last),
          }))
        : blocks.map(blockJson)
      return {
        items,
        next: next === null ? null : cursorOf('blocks', filter, next),
        searched_to: searchedTo === null ? null : isoTime(searchedTo),
      }
    },
  )

  const exports = new Turns('an export', 2, 0)
  app.get<{ Querystring: BlockQuery & { readonly format: ExportFormat } }>(
    '/api/v1/blocks/export',
    {
      config: { role: 'viewer' },
      schema: {
        summary: 'The same as a file, at most a million lines',
        tags: ['look-ups'],
        querystring: object(exportParams, { optional: Object.keys(exportParams) }),
        produces: Object.values(TYPES),
        response: { 200: { type: 'string' } },
      },
    },
    async ({ query: { format, ...asked } }, reply) => {
      const filter = blockFilter(asked)
      const source = await siteBlocks(site)
      const gone = untilGone(reply)
      await exports.enter(gone)
      gone.addEventListener('abort', () => exports.leave(), { once: true })
      return reply
        .type(TYPES[format])
        .header('content-disposition', `attachment; filename="device-gate-blocks.${format}"`)
        .send(Readable.from(exportBlocks({ source, shown: exportForm(site.config) }, filter, format)))
    },
  )
}
