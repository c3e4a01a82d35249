import { randomUUID } from 'node:crypto'
import http from 'node:http'
import https from 'node:https'
import type { Socket } from 'node:net'
import { Ajv } from 'ajv'
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'

import type { AdminRole } from '../config/admin-tokens'
import type { Logger } from '../journal/logger'
import type { Caller } from './access'
import { problemOf } from './error-answer'
import { LIMITS } from './limits'
import { notFound, Problem, PROBLEM_TYPE, problemDocument } from './problem'
import type { TlsFiles } from './tls-files'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Who may call it; `anyone`: also who shows no token. */
    role: AdminRole | 'anyone'
    /** Asked again and again by programs: only its failures are logged. */
    quiet?: boolean
    /** It tells nothing, so that it may be asked under any name of this host. */
    anyHost?: boolean
    /** Its address is a secret that lets in, and no cookie counts: it may be asked under any name and from any page. */
    byLink?: boolean
  }
  interface FastifyRequest {
    /** null: nobody that is known. */
    caller: Caller | null
  }
}

/** For every answer: a page of the console runs and loads nothing but what this server gives. */
const HEADERS = {
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "connect-src 'self'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
    "form-action 'self'",
  ].join('; '),
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-store',
}

export interface HttpParts {
  readonly tls: TlsFiles | undefined
  readonly logger: Logger
  /** Told of a fault of the server's own. */
  readonly onFault: (error: unknown) => void
}

/** An HTTP server without routes: its bounds, headers, log, and what becomes of errors. */
export function createHttp({ tls, logger, onFault }: HttpParts): FastifyInstance {
  const app = fastify({
    serverFactory: (handler) => createServer(handler, tls),
    clientErrorHandler: answerClientError,
    frameworkErrors: (error, _request, reply) => void answerError(error, reply as FastifyReply, onFault),
    bodyLimit: LIMITS.bodyOctets,
    routerOptions: { maxParamLength: LIMITS.paramChars },
    requestIdHeader: false,
    // Its last part; Node takes the randomness of many at once.
    genReqId: () => randomUUID().slice(-12),
    exposeHeadRoutes: false,
    forceCloseConnections: true,
    logger: false,
  })
  app.decorateRequest('caller', null)
  app.removeAllContentTypeParsers()
  const parseJson = app.getDefaultJsonParser('error', 'error')
  app.addContentTypeParser<string>('application/json', { parseAs: 'string' }, (request, body, done) => {
    if (body === '') done(null, undefined)
    else void parseJson(request, body, done)
  })
  const validators = { body: ajv(false), others: ajv(true) }
  app.setValidatorCompiler(({ schema, httpPart }) =>
    (httpPart === 'body' ? validators.body : validators.others).compile(schema as object),
  )
  app.setErrorHandler((error, _request, reply) => answerError(error, reply, onFault))
  app.setNotFoundHandler(() => {
    throw notFound('there is nothing at this address')
  })
  app.addHook('onRequest', (_request, reply, done) => {
    void reply.headers(HEADERS)
    done()
  })
  app.addHook('onResponse', (request, reply, done) => {
    logCall(logger, request, reply)
    done()
  })
  return app
}

/** Query and path are text that may stand for numbers; a body says what it means. */
const ajv = (coerceTypes: boolean): Ajv => new Ajv({ coerceTypes, useDefaults: true, verbose: true })

function createServer(handler: http.RequestListener, tls: TlsFiles | undefined): http.Server {
  const options = {
    maxHeaderSize: LIMITS.headerOctets,
    headersTimeout: LIMITS.headersMs,
    requestTimeout: LIMITS.requestMs,
    keepAliveTimeout: LIMITS.keepAliveMs,
    connectionsCheckingInterval: 1000,
    // Readers of the live list may be gone without a word.
    keepAlive: true,
    keepAliveInitialDelay: 60_000,
  }
  const server = tls
    ? https.createServer({ ...options, ...tls.context() }, handler)
    : http.createServer(options, handler)
  server.maxConnections = LIMITS.connections
  return server
}

function answerError(error: unknown, reply: FastifyReply, onFault: (error: unknown) => void): FastifyReply {
  const known = problemOf(error)
  if (!known) onFault(new Error(`admin: request ${reply.request.id} failed: ${faultText(error)}`))
  const problem =
    known ?? new Problem(500, 'fault', `the server failed; its log tells more under ${reply.request.id}`)
  if (problem.status === 401) void reply.header('www-authenticate', 'Bearer')
  return (
    reply
      .headers(HEADERS)
      .code(problem.status)
      .type(PROBLEM_TYPE)
      // Of a text the framework would say its charset, which JSON has none of.
      .send(Buffer.from(JSON.stringify(problemDocument(problem))))
  )
}

/** Where it happened, for those who mend it; what was asked is not in a stack. */
const faultText = (error: unknown): string =>
  error instanceof Error ? (error.stack ?? error.message).split('\n').slice(0, 3).join(' ') : String(error)

const CLIENT_ERRORS: Readonly<Record<string, Problem>> = {
  HPE_HEADER_OVERFLOW: new Problem(
    431,
    'too-large',
    `the headers are longer than ${LIMITS.headerOctets} octets`,
  ),
  ERR_HTTP_REQUEST_TIMEOUT: new Problem(408, 'too-slow', 'the request did not come in time'),
}
const NO_HTTP = new Problem(400, 'malformed', 'this is no HTTP request')

/** What is no request gets an answer too, if it still can. */
function answerClientError(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  const problem = CLIENT_ERRORS[error.code ?? ''] ?? NO_HTTP
  const body = JSON.stringify(problemDocument(problem))
  socket.end(
    `HTTP/1.1 ${problem.status} ${http.STATUS_CODES[problem.status] ?? ''}\r\nconnection: close\r\n` +
      `content-type: ${PROBLEM_TYPE}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  )
}

/** Who did what. The route and not the address: that may name people. */
function logCall(logger: Logger, request: FastifyRequest, reply: FastifyReply): void {
  const { config, url } = request.routeOptions
  const status = reply.statusCode
  // What strangers try must not fill the log; wrong tokens are counted and told elsewhere.
  if (status < 500 && (!request.caller || (status < 400 && config.quiet))) return
  const fields = {
    who: request.caller?.name ?? null,
    method: request.method,
    route: url ?? null,
    status,
    ms: Math.round(reply.elapsedTime),
    remote: request.ip,
    request: request.id,
  }
  if (status >= 500) logger.error(fields, 'admin call')
  else logger.info(fields, 'admin call')
}
