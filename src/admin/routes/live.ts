import type { ServerResponse } from 'node:http'
import type { FastifyInstance, FastifyReply } from 'fastify'

import type { Block } from '../../lookup/blocks-source'
import { isStillIn, type Access, type Caller } from '../access'
import { blockFilter, blockParams, type BlockQuery } from '../block-query'
import { blockJson } from '../../lookup/block-export'
import type { LiveBlocks, LiveReader } from '../live-blocks'
import { malformed, Problem } from '../problem'
import { object } from '../schemas'

/** In all, and for one token. */
const MAX_READERS = 500
const MAX_READERS_A_TOKEN = 20
/** Waiting to be read; a reader that lets more come together does not read. */
const MAX_WAITING_OCTETS = 65_536
const CURSOR = /^\d{1,16}(-\d{1,16})?$/

export function liveRoutes(
  app: FastifyInstance,
  access: Access,
  live: LiveBlocks,
  onFault: (error: unknown) => void,
): void {
  const readers = new Map<string, number>()
  let all = 0

  const admit = ({ name }: Caller, reply: FastifyReply): void => {
    const own = readers.get(name) ?? 0
    if (all >= MAX_READERS || own >= MAX_READERS_A_TOKEN)
      throw new Problem(
        503,
        'too-many-readers',
        'as many as may be follow the block log already: close one of them',
      )
    all += 1
    readers.set(name, own + 1)
    reply.raw.once('close', () => {
      all -= 1
      const left = (readers.get(name) ?? 1) - 1
      if (left === 0) readers.delete(name)
      else readers.set(name, left)
    })
  }

  app.get<{ Querystring: BlockQuery; Headers: { 'last-event-id'?: string } }>(
    '/api/v1/blocks/live',
    {
      config: { role: 'viewer' },
      schema: {
        summary: 'The block log as it grows (server-sent events)',
        description:
          'Each event `block` has an item of GET /blocks as its data and a cursor as its id, from which a client goes on by ' +
          'the header last-event-id. An event `gap` says that it missed too much: look at GET /blocks.',
        tags: ['look-ups'],
        querystring: object(blockParams, { optional: Object.keys(blockParams) }),
        produces: ['text/event-stream'],
        response: { 200: { type: 'string' } },
      },
    },
    async (request, reply) => {
      const { caller } = request
      const filter = blockFilter(request.query)
      const after = request.headers['last-event-id']
      if (after !== undefined && after !== '' && !CURSOR.test(after))
        throw malformed('last-event-id', 'it must be the id of an event that came before')
      if (!caller) throw new Error('a reader that nobody is')
      const cursor = after === undefined || after === '' ? await live.newest() : after
      admit(caller, reply)
      reply.hijack()
      const { raw } = reply
      raw.writeHead(200, {
        ...(reply.getHeaders() as Record<string, string>),
        'content-type': 'text/event-stream; charset=utf-8',
        'x-accel-buffering': 'no',
      })
      raw.write('retry: 2000\n\n')
      const reader: LiveReader = {
        filter,
        mayStay: () => isStillIn(access, caller),
        send: (blocks) => write(raw, blocks.map(eventOf).join('')),
        missed: () => write(raw, 'event: gap\ndata: {}\n\n'),
        ping: () => write(raw, ':\n\n'),
        drained: () => drained(raw),
        end: () => raw.destroy(),
      }
      live
        .join(reader, cursor)
        .catch((error: unknown) => {
          raw.destroy()
          onFault(error)
        })
        // Gone before it could join, it left before it came.
        .finally(() => {
          if (raw.destroyed) live.leave(reader)
          else raw.once('close', () => live.leave(reader))
        })
    },
  )
}

/** One that reads nothing for so long is ended. */
const PATIENCE_MS = 30_000

async function drained(raw: ServerResponse): Promise<void> {
  if (!raw.writableNeedDrain || raw.destroyed) return
  const patience = setTimeout(() => raw.destroy(), PATIENCE_MS)
  await new Promise<void>((resolve) => raw.once('drain', resolve).once('close', resolve))
  clearTimeout(patience)
}

/** JSON has no line ends in it. */
const eventOf = (block: Block): string =>
  `id: ${block.cursor}\nevent: block\ndata: ${JSON.stringify(blockJson(block))}\n\n`

function write(raw: ServerResponse, text: string): void {
  if (text === '' || raw.destroyed) return
  if (raw.writableLength > MAX_WAITING_OCTETS) raw.destroy()
  else raw.write(text)
}
