import type { FastifyInstance } from 'fastify'

import { why, whyJson, type Question } from '../../lookup/why'
import { caseSchema, recentSchema, sessionsSchema } from '../answers'
import type { AdminParts } from '../parts'
import { malformed } from '../problem'
import { nameParam, userAsked } from '../query'
import { list, object } from '../schemas'

interface Asked {
  readonly user?: string
  readonly device?: string
  readonly decision?: string
}

function question({ user, device, decision }: Asked): Question {
  const asked = [
    ...(user === undefined ? [] : [{ user: userAsked('user', user) }]),
    ...(device === undefined ? [] : [{ device }]),
    ...(decision === undefined ? [] : [{ decision }]),
  ]
  const [only] = asked
  if (!only || asked.length > 1) throw malformed('user', 'ask for one of user, device, decision')
  return only
}

export function whyRoutes(app: FastifyInstance, { site, now }: AdminParts): void {
  app.get<{ Querystring: Asked }>(
    '/api/v1/why',
    {
      config: { role: 'viewer' },
      schema: {
        summary: 'Why a person, a device or the case of a decision id is blocked or allowed',
        description:
          'What is decided now, and what each of the ten steps saw. One of the parameters is given.',
        tags: ['look-ups'],
        querystring: object(
          {
            user: nameParam('A user name.'),
            device: nameParam('A device id.'),
            decision: nameParam('The id that a refusal told; as it was heard.'),
          },
          { optional: ['user', 'device', 'decision'] },
        ),
        response: {
          200: object({ cases: list(caseSchema), recent: list(recentSchema), sessions: sessionsSchema }),
        },
      },
    },
    async ({ query }) => whyJson(await why(site, question(query)), now()),
  )
}
