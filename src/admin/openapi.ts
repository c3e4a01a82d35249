import swagger from '@fastify/swagger'
import type { FastifyInstance } from 'fastify'

import { VERSION } from '../config/version'
import { PROBLEM_TYPE } from './problem'
import { count, list, nullable, object, text } from './schemas'

const problemSchema = object(
  {
    type: text('urn:device-gate:problem:KIND'),
    title: text('The status in words.'),
    status: count('The HTTP status.'),
    detail: text('What is wrong and what to mend, for people.'),
    field: text('The parameter or part of the body that is wrong.'),
    newly_blocked: count('Of a guard: how many devices would newly be blocked.'),
    devices: count('Of how many that are known.'),
    bound: count('How many max_new_blocks allows.'),
    confirm: nullable(
      'integer',
      'What "confirm" has to be for it to pass; null: only another person lets it pass.',
    ),
    problems: list(object({ line: count(''), column: count(''), problem: text('') })),
  },
  { optional: ['field', 'newly_blocked', 'devices', 'bound', 'confirm', 'problems'] },
)

/** Makes the document of all routes that are added from now on, and the route that gives it. */
export async function openApi(app: FastifyInstance): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Device Gate',
        version: VERSION,
        description:
          'The admin server of one host. Times are RFC 3339 in UTC; errors are problem documents (RFC 9457). ' +
          '`x-role` of a call is the least role that may make it.',
      },
      components: {
        securitySchemes: {
          bearer: { type: 'http', scheme: 'bearer' },
          session: { type: 'apiKey', in: 'cookie', name: 'device_gate_session' },
        },
      },
    },
    transform: ({ schema, url, route }) => {
      const role = route.config?.role ?? 'anyone'
      const response = (schema.response ?? {}) as Record<string, unknown>
      return {
        url,
        schema: {
          ...schema,
          'x-role': role,
          security: role === 'anyone' ? [] : [{ bearer: [] }, { session: [] }],
          response: {
            ...response,
            default: {
              description: 'What is wrong, and what to mend.',
              content: { [PROBLEM_TYPE]: { schema: problemSchema } },
            },
          },
        },
      }
    },
  })
  let document: string | undefined
  app.get(
    '/api/v1/openapi.json',
    { config: { role: 'anyone', quiet: true }, schema: { hide: true } },
    (_request, reply) => reply.type('application/json').send((document ??= JSON.stringify(app.swagger()))),
  )
}
