import type { FastifyInstance } from 'fastify'

import type { PolicyVersion, ReadStore } from '../../devices/store'
import { CorruptRecordError } from '../../devices/store'
import { unlessDamaged } from '../../devices/unless-damaged'
import { isoTime, NoPolicyError } from '../../lookup/site'
import { newestVersion } from '../../orders/recall'
import { policyDifference } from '../../policy/difference'
import { policyWords } from '../../policy/policy-words'
import { MODES } from '../../policy/vocabulary'
import { zoneOf } from '../../policy/zone'
import { pageOf } from '../answers'
import { cursorOf, placeOf } from '../cursor'
import type { AdminParts } from '../parts'
import { notFound } from '../problem'
import { cursorParam, limitParam } from '../query'
import { count, flag, list, moment, object, text } from '../schemas'

const versionFields = {
  version: count(''),
  at: moment('When it came into force.'),
  author: text(''),
  reason: text(''),
  mode: { enum: MODES },
}

const itemSchema = object({
  ...versionFields,
  mandates: list(text('The id of a mandate.')),
  in_force: flag('It is the one that decides.'),
})

const fullSchema = object({
  ...versionFields,
  mandates: list(text('The id of a mandate.')),
  text: text('The policy as it was written.'),
  words: list(text('What it says, in plain words.')),
})

const changesSchema = list(
  object({ what: text('The key, or the mandate.'), change: text('What is different, in words.') }),
)

const itemJson = ({ version, at, author, reason, policy }: PolicyVersion): object => ({
  version,
  at: isoTime(at),
  author,
  reason,
  mode: policy.mode,
  mandates: policy.mandates.map(({ id }) => id),
})

const fullJson = (found: PolicyVersion): object => ({
  ...itemJson(found),
  text: found.sourceText,
  words: policyWords(found.policy, zoneOf(found.sourceText) ?? 0),
})

/** Below one that is kept; damaged ones are passed over. */
function* versionsBelow(store: ReadStore, above: number): Generator<PolicyVersion> {
  for (let version = above - 1; version > 0; version -= 1) {
    const found = unlessDamaged(() => store.policyVersion(version))
    if (found) yield found
  }
}

/** The policy and what it was. */
export function policyRoutes(app: FastifyInstance, { store }: AdminParts): void {
  app.get(
    '/api/v1/policy',
    {
      config: { role: 'viewer' },
      schema: { summary: 'The policy in force', tags: ['policy'], response: { 200: fullSchema } },
    },
    () => {
      const [newest] = store.policyHistory(1)
      if (newest instanceof CorruptRecordError) throw newest
      if (!newest) throw new NoPolicyError()
      return fullJson(newest)
    },
  )

  app.get<{ Querystring: { limit: number; cursor?: string } }>(
    '/api/v1/policy/versions',
    {
      config: { role: 'viewer' },
      schema: {
        summary: 'The policies that were in force, newest first',
        tags: ['policy'],
        querystring: object(
          { limit: limitParam(100, 50), cursor: cursorParam },
          { optional: ['limit', 'cursor'] },
        ),
        response: { 200: pageOf(itemSchema) },
      },
    },
    ({ query: { limit, cursor } }) => {
      const newest = newestVersion(store)
      const place = placeOf('versions', {}, cursor)
      const items: PolicyVersion[] = []
      for (const found of versionsBelow(store, place === undefined ? newest + 1 : Number(place)))
        if (items.push(found) >= limit) break
      const oldest = items.at(-1)?.version ?? 0
      return {
        items: items.map((one) => ({ ...itemJson(one), in_force: one.version === newest })),
        next: items.length < limit || oldest <= 1 ? null : cursorOf('versions', {}, oldest),
      }
    },
  )

  app.get<{ Params: { version: number } }>(
    '/api/v1/policy/versions/:version',
    {
      config: { role: 'viewer' },
      schema: {
        summary: 'One of them, and what it changed',
        tags: ['policy'],
        params: object({ version: { type: 'integer', minimum: 1, maximum: Number.MAX_SAFE_INTEGER } }),
        response: {
          200: {
            ...fullSchema,
            properties: { ...(fullSchema['properties'] as object), diff: changesSchema },
          },
        },
      },
    },
    ({ params: { version } }) => {
      const found = store.policyVersion(version)
      if (!found) throw notFound(`there is no policy version ${version}`)
      const [before] = versionsBelow(store, version)
      const zone = zoneOf(found.sourceText) ?? 0
      const diff = before ? policyDifference(before.policy, found.policy, zone) : []
      return { ...fullJson(found), diff }
    },
  )
}
