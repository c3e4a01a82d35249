import net from 'node:net'
import type { Server as TlsServer } from 'node:tls'
import type { FastifyInstance } from 'fastify'

import { watchAdminTokens } from '../config/admin-token-file'
import type { AdminConfig, ListenAddress } from '../config/host-config'
import { BlockSeries } from '../lookup/block-series'
import { siteBlocks } from '../lookup/site'
import { StandingCount } from '../lookup/standing-count'
import { assertOwnOrigin, assertOwnPage, callerOf, mayAct, type Access } from './access'
import { FailedTries } from './failed-tries'
import { isOwnHost } from './host-guard'
import { createHttp } from './http'
import { LiveBlocks } from './live-blocks'
import { openApi } from './openapi'
import type { AdminParts } from './parts'
import { Problem } from './problem'
import { Ordering } from './ordering'
import { attestRoutes } from './routes/attest'
import { auditRoutes } from './routes/audit'
import { blockRoutes } from './routes/blocks'
import { consoleRoutes } from './routes/console'
import { feedRoutes } from './routes/feeds'
import { deviceRoutes } from './routes/devices'
import { draftRoutes } from './routes/drafts'
import { hostRoutes } from './routes/hosts'
import { liveRoutes } from './routes/live'
import { orderRoutes } from './routes/orders'
import { overviewRoutes } from './routes/overview'
import { policyOrderRoutes } from './routes/policy-orders'
import { policyRoutes } from './routes/policy'
import { sessionRoutes } from './routes/session'
import { watchRoutes } from './routes/watch'
import { whyRoutes } from './routes/why'
import { Sessions } from './sessions'
import { TlsFiles } from './tls-files'

export interface AdminServer {
  readonly address: string
  close(): Promise<void>
}

/** Rejects when it cannot listen. */
export async function startAdminServer(
  parts: AdminParts,
  listen: ListenAddress,
  { tokenFile, tls: tlsFiles }: AdminConfig,
): Promise<AdminServer> {
  const { logger, now } = parts
  const tls = tlsFiles ? new TlsFiles(tlsFiles) : undefined
  const tell = (problem: string): void => logger.error({}, problem)
  const { site, onFault } = parts
  const live = new LiveBlocks(() => siteBlocks(site), onFault)
  const tokens = watchAdminTokens(tokenFile, { onChange: () => live.endStrangers(), onProblem: tell })
  const access: Access = {
    tokens,
    sessions: new Sessions(now),
    tries: new FailedTries(logger, now),
    isTls: tls !== undefined,
    now,
  }
  const app = createHttp({ tls, logger, onFault })
  guard(app, access, listen.host, tls)
  const counts = {
    standing: new StandingCount(site, onFault),
    series: new BlockSeries(() => siteBlocks(site), now, onFault),
  }
  const close = async (): Promise<void> => {
    tokens.close()
    tls?.close()
    await live.close()
    await app.close()
    await counts.standing.close()
    await counts.series.close()
  }
  try {
    await openApi(app)
    const ordering = new Ordering(parts)
    sessionRoutes(app, access)
    overviewRoutes(app, parts, counts)
    whyRoutes(app, parts)
    blockRoutes(app, parts)
    liveRoutes(app, access, live, onFault)
    deviceRoutes(app, parts)
    orderRoutes(app, parts, ordering)
    policyRoutes(app, parts)
    draftRoutes(app, parts)
    policyOrderRoutes(app, parts, ordering)
    hostRoutes(app, parts)
    auditRoutes(app, parts)
    watchRoutes(app, parts.watch)
    feedRoutes(app, parts.receiveForFeed)
    consoleRoutes(app, parts.consoleDir)
    attestRoutes(app, parts)
    await app.listen({ host: listen.host, port: listen.port })
  } catch (error) {
    await close()
    throw error
  }
  tls?.follow(app.server as unknown as TlsServer, tell)
  if (tokens.current().length === 0)
    logger.warn({}, 'admin: nobody has a token yet: device-gate token issue NAME --role approver')
  return { address: addressOf(app, access.isTls), close }
}

function addressOf({ server }: FastifyInstance, isTls: boolean): string {
  const { address, port } = server.address() as net.AddressInfo
  return `${isTls ? 'https' : 'http'}://${net.isIPv6(address) ? `[${address}]` : address}:${port}`
}

/** Before a body is read: is it meant for this server, who calls, may they, and is it their own doing. */
function guard(app: FastifyInstance, access: Access, listenHost: string, tls: TlsFiles | undefined): void {
  app.addHook('onRoute', ({ url, config }) => {
    if (config?.role === undefined) throw new Error(`${url} does not say who may call it`)
  })
  app.addHook('onRequest', (request, _reply, done) => {
    const { config } = request.routeOptions
    if (!config.anyHost && !config.byLink && !isOwnHost(request.headers.host, listenHost, tls?.certificate))
      throw new Problem(421, 'host', 'the Host header names another server')
    if (config.role === 'anyone') {
      if (request.method !== 'GET' && !config.byLink) assertOwnOrigin(access.isTls, request)
      done()
      return
    }
    // Nothing is at this address: that is told to everybody.
    if ((config.role as unknown) === undefined) {
      done()
      return
    }
    const caller = callerOf(access, request)
    if (!caller) throw unauthorized(access)
    request.caller = caller
    if (!mayAct(caller, config.role))
      throw new Problem(
        403,
        'role',
        `this takes a token of role ${config.role}, ${caller.name} is ${caller.role}`,
      )
    if (caller.session && request.method !== 'GET') assertOwnPage(access, request, caller.session)
    done()
  })
}

function unauthorized({ tokens }: Access): Problem {
  const todo =
    tokens.current().length === 0
      ? 'no token was issued yet: device-gate token issue NAME --role approver'
      : 'show a token, as authorization: Bearer dgt_..., or sign in'
  return new Problem(401, 'unauthorized', todo)
}
