import type { FastifyInstance } from 'fastify'

import { impactJson } from '../../lookup/impact'
import { isoTime, NoPolicyError } from '../../lookup/site'
import { impactOf } from '../../orders/impact'
import { policyDifference } from '../../policy/difference'
import { siteMode } from '../../policy/effective-mode'
import { policyWords } from '../../policy/policy-words'
import { MODES } from '../../policy/vocabulary'
import { zoneOf } from '../../policy/zone'
import { draftOf, validDraft } from '../drafts'
import { untilGone } from '../gone'
import { LIMITS } from '../limits'
import type { AdminParts } from '../parts'
import { policyPart } from '../query'
import { count, flag, list, moment, object, text, type Schema } from '../schemas'
import { Turns } from '../turns'

const counts = (description: string): Schema => ({
  type: 'object',
  description,
  additionalProperties: { type: 'integer' },
})

const tallySchema = object({
  count: count('Devices.'),
  platforms: counts('By platform.'),
  rules: counts('By the rule that decides.'),
  domains: counts("By the owner's mail domain."),
})

/** Looking at a policy before it is one. */
export function draftRoutes(app: FastifyInstance, { store, now }: AdminParts): void {
  app.post<{ Body: { text: string } }>(
    '/api/v1/policy/check',
    {
      config: { role: 'viewer' },
      bodyLimit: LIMITS.policyBodyOctets,
      schema: {
        summary: 'Whether a draft is valid and its own tests hold; changes nothing',
        tags: ['policy'],
        body: object({ text: policyPart }),
        response: {
          200: object({
            ok: flag(''),
            problems: list(
              object({ line: count('From 1.'), column: count('From 1.'), problem: text('What to mend.') }),
            ),
            words: list(text('What it says, in plain words.')),
            diff: list(object({ what: text(''), change: text('From what is in force, in words.') })),
          }),
        },
      },
    },
    ({ body }) => {
      const { draft, problems } = draftOf(body.text)
      if (!draft) return { ok: false, problems, words: [], diff: [] }
      const zone = zoneOf(draft.text) ?? 0
      const active = store.activePolicy()
      const inForce = active && store.policyVersion(active.version)?.policy
      return {
        ok: true,
        problems,
        words: policyWords(draft.policy, zone),
        diff: inForce ? policyDifference(inForce, draft.policy, zone) : [],
      }
    },
  )

  const turns = new Turns('a what-if', 1, 16)
  app.post<{ Body: { text: string } }>(
    '/api/v1/policy/what-if',
    {
      config: { role: 'viewer' },
      bodyLimit: LIMITS.policyBodyOctets,
      schema: {
        summary:
          'Whom enforcing a draft would block and warn, now and at its deadlines to come; changes nothing',
        tags: ['policy'],
        body: object({ text: policyPart }),
        response: {
          200: object({
            mode: { enum: MODES, description: 'What would be in force.' },
            moments: list(
              object({
                at: moment(''),
                devices: count('That were decided.'),
                newly_blocked: tallySchema,
                newly_warned: tallySchema,
                newly_allowed: tallySchema,
                silently_noted: tallySchema,
              }),
            ),
          }),
        },
      },
    },
    async ({ body }, reply) => {
      const { policy } = validDraft(body.text)
      const active = store.activePolicy()
      if (!active) throw new NoPolicyError()
      const gone = untilGone(reply)
      const impacts = await turns.run(gone, () => impactOf(store, active, policy, now(), gone))
      return {
        mode: siteMode({ policy, modeOverride: active.modeOverride }),
        moments: impacts.map(({ at, impact }) => ({ at: isoTime(at), ...impactJson(impact) })),
      }
    },
  )
}
