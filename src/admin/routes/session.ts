import type { FastifyInstance } from 'fastify'

import { isoTime } from '../../lookup/site'
import { callerOf, checkedToken, cookieName, sessionId, type Access, type Caller } from '../access'
import { Problem } from '../problem'
import { nullable, object, text } from '../schemas'

const sessionSchema = object({
  name: text('The name of the token.'),
  role: { enum: ['viewer', 'operator', 'approver'] },
  csrf: nullable(
    'string',
    'What x-device-gate-csrf has to carry with a change; null: a bearer token needs none.',
  ),
  expires_at: { ...nullable('string', 'When it ends at the latest.'), format: 'date-time' },
})

const sessionJson = ({ name, role, token, session }: Caller): object => ({
  name,
  role,
  csrf: session?.csrf ?? null,
  expires_at: isoTime(session?.expiresAt ?? token.expiresAt ?? Infinity),
})

export function sessionRoutes(app: FastifyInstance, access: Access): void {
  const cookie = (id: string, attributes = ''): string =>
    `${cookieName(access.isTls)}=${id}; Path=/; HttpOnly; SameSite=Strict${access.isTls ? '; Secure' : ''}${attributes}`

  app.get(
    '/api/v1/session',
    {
      config: { role: 'viewer', quiet: true },
      schema: { summary: 'Who I am here', tags: ['session'], response: { 200: sessionSchema } },
    },
    (request) => request.caller && sessionJson(request.caller),
  )

  app.post<{ Body: { token: string } }>(
    '/api/v1/session',
    {
      config: { role: 'anyone' },
      schema: {
        summary: 'Sign a browser in by a token',
        tags: ['session'],
        body: object({ token: { type: 'string', minLength: 1, maxLength: 200 } }),
        response: { 200: sessionSchema },
      },
    },
    (request, reply) => {
      const token = checkedToken(access, request.body.token, request.ip)
      if (!token)
        throw new Problem(401, 'unauthorized', 'this token is not valid: it is mistyped, expired or revoked')
      const former = sessionId(access, request)
      if (former !== undefined) access.sessions.end(former)
      const { id, session } = access.sessions.begin(token)
      request.caller = { name: token.name, role: token.role, token, session }
      return reply.header('set-cookie', cookie(id)).send(sessionJson(request.caller))
    },
  )

  app.delete(
    '/api/v1/session',
    {
      config: { role: 'viewer' },
      schema: { summary: 'Sign out', tags: ['session'], response: { 204: { type: 'null' } } },
    },
    (request, reply) => {
      const id = sessionId(access, request)
      if (id !== undefined && callerOf(access, request)?.session) access.sessions.end(id)
      return reply.header('set-cookie', cookie('', '; Max-Age=0')).code(204).send()
    },
  )
}
