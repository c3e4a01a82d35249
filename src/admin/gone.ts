import type { FastifyReply } from 'fastify'

/** The client went away: nobody waits for the answer. */
export class ClientGone extends Error {
  override readonly name = 'ClientGone'
}

/** Aborted when the client goes away, at the latest when it has its answer. */
export function untilGone({ raw }: FastifyReply): AbortSignal {
  const controller = new AbortController()
  raw.once('close', () => controller.abort(new ClientGone('the client went away')))
  return controller.signal
}
