import path from 'node:path'

import type { AdminServer } from './admin/server'
import type { AdminParts, Watch } from './admin/parts'
import type { ControlParts } from './host-parts'
import { siteOf } from './site-of'

/** How soon it is tried again where the address is taken. */
const RETRY_MS = 5000

export interface AdminDuty {
  /** Where it listens; null: nowhere, or not yet. */
  address(): string | null
  /** Why it does not, though it should. */
  problem(): string | null
  close(): Promise<void>
}

/**
 * Runs the admin server where the config names an address. The gate does its work without it: one that cannot listen
 * is told, and tried again.
 */
export async function startAdminDuty(
  parts: ControlParts,
  from: {
    readonly watch: Watch | undefined
    readonly receiveForFeed: AdminParts['receiveForFeed']
    readonly onChange: () => void
  },
): Promise<AdminDuty> {
  const { config, logger, onFault } = parts
  const { admin } = config.current()
  const { listen } = admin
  if (!listen) return { address: () => null, problem: () => null, close: () => Promise.resolve() }
  // Workers load this file too, and need none of what the server is made of.
  const { startAdminServer } = await import('./admin/server.js')
  let server: AdminServer | undefined
  let problem: string | null = null
  let timer: NodeJS.Timeout | undefined
  let closed = false

  const start = async (): Promise<void> => {
    try {
      server = await startAdminServer(
        {
          ...parts,
          site: siteOf(parts),
          watch: from.watch,
          receiveForFeed: from.receiveForFeed,
          now: Date.now,
          consoleDir: path.resolve(__dirname, '..', 'dist', 'browser', 'console'),
        },
        listen,
        admin,
      )
      problem = null
      logger.info({ address: server.address }, 'admin server listening')
    } catch (error) {
      problem = `the admin server cannot listen on ${listen.host}:${listen.port}: ${(error as Error).message}`
      onFault(new Error(problem))
      if (!closed) timer = setTimeout(() => void (turn = startAgain()), RETRY_MS).unref()
    }
  }
  // That it listens, or why not, is asked for once this is there to ask.
  const startAgain = (): Promise<void> => start().then(from.onChange)
  let turn = start()
  await turn
  return {
    address: () => server?.address ?? null,
    problem: () => problem,
    close: async () => {
      closed = true
      clearTimeout(timer)
      await turn
      await server?.close()
    },
  }
}
