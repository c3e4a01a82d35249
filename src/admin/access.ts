import { timingSafeEqual } from 'node:crypto'
import type { FastifyRequest } from 'fastify'

import type { AdminTokens } from '../config/admin-token-file'
import { isValidAt, ROLES, tokenOf, type AdminRole, type AdminToken } from '../config/admin-tokens'
import type { FailedTries } from './failed-tries'
import { Problem } from './problem'
import type { Session, Sessions } from './sessions'

/** Who calls. */
export interface Caller {
  readonly name: string
  readonly role: AdminRole
  readonly token: AdminToken
  /** undefined: it showed the token itself. */
  readonly session: Session | undefined
}

export interface Access {
  readonly tokens: AdminTokens
  readonly sessions: Sessions
  readonly tries: FailedTries
  readonly isTls: boolean
  readonly now: () => number
}

/** With TLS no other host of the site's domain can set it (RFC 6265bis, cookie name prefixes). */
export const cookieName = (isTls: boolean): string =>
  isTls ? '__Host-device_gate_session' : 'device_gate_session'

const MAX_COOKIES = 64

export function sessionId({ isTls }: Access, request: FastifyRequest): string | undefined {
  const prefix = `${cookieName(isTls)}=`
  const cookies = (request.headers.cookie ?? '').split(';', MAX_COOKIES).map((cookie) => cookie.trim())
  return cookies.find((cookie) => cookie.startsWith(prefix))?.slice(prefix.length)
}

/** Who calls, by bearer token or session; undefined: nobody that is known. Throws Problem 429 for a guesser. */
export function callerOf(access: Access, request: FastifyRequest): Caller | undefined {
  const { authorization } = request.headers
  if (authorization !== undefined) {
    const secret = /^Bearer +([^ ]+) *$/i.exec(authorization)?.[1] ?? ''
    const token = checkedToken(access, secret, request.ip)
    return token && { name: token.name, role: token.role, token, session: undefined }
  }
  const id = sessionId(access, request)
  const session = id === undefined ? undefined : access.sessions.find(id)
  const token = session && tokenBehind(access, session)
  return token && { name: token.name, role: token.role, token, session }
}

/** The token of a secret that was shown from `address`. */
export function checkedToken(access: Access, secret: string, address: string): AdminToken | undefined {
  const { tokens, tries, now } = access
  let token = tokenOf(tokens.current(), secret, now())
  if (tries.isShut(address)) {
    if (token && tries.wasProven(address, token.name)) return token
    throw new Problem(429, 'too-many-tries', 'too many wrong tokens came from this address: wait a minute')
  }
  if (!token) {
    tokens.lookAgain()
    token = tokenOf(tokens.current(), secret, now())
  }
  if (token) tries.succeeded(address, token.name)
  else tries.failed(address)
  return token
}

/** A token that was revoked, or issued anew under its name, has no sessions. */
function tokenBehind({ tokens, now }: Access, session: Session): AdminToken | undefined {
  const token = tokens.current().find(({ name }) => name === session.tokenName)
  return token?.sha256.equals(session.tokenSha256) && isValidAt(token, now()) ? token : undefined
}

/** Whether somebody who was let in before may stay: for answers that never end. */
export const isStillIn = (access: Access, { token, session }: Caller): boolean =>
  session
    ? access.sessions.isOpen(session) && tokenBehind(access, session) !== undefined
    : isValidAt(token, access.now()) &&
      access.tokens.current().some(({ sha256 }) => sha256.equals(token.sha256))

export const mayAct = (caller: Caller, needed: AdminRole): boolean =>
  ROLES.indexOf(caller.role) >= ROLES.indexOf(needed)

/** No other site's page may let a signed-in browser change something. */
export function assertOwnPage({ isTls }: Access, request: FastifyRequest, session: Session): void {
  assertOwnOrigin(isTls, request)
  const shown = Buffer.from(String(request.headers['x-device-gate-csrf'] ?? ''))
  const expected = Buffer.from(session.csrf)
  if (shown.length !== expected.length || !timingSafeEqual(shown, expected))
    throw new Problem(
      403,
      'csrf',
      'the header x-device-gate-csrf must carry the value that GET /api/v1/session gives',
    )
}

export function assertOwnOrigin(isTls: boolean, request: FastifyRequest): void {
  const { origin, host = '' } = request.headers
  if (origin === undefined || origin.toLowerCase() === `${isTls ? 'https' : 'http'}://${host}`.toLowerCase())
    return
  throw new Problem(403, 'origin', 'the request comes from a page of another site')
}
