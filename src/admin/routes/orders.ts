import type { FastifyInstance } from 'fastify'

import type { Override } from '../../policy/override'
import type { Mode } from '../../policy/vocabulary'
import { MODES } from '../../policy/vocabulary'
import { overrideJson } from '../../lookup/override'
import { readable } from '../../lookup/site'
import { changedSchema, overrideSchema, pageOf } from '../answers'
import { cursorOf, placeOf } from '../cursor'
import type { Ordering } from '../ordering'
import type { AdminParts } from '../parts'
import { malformed, notFound } from '../problem'
import {
  confirmPart,
  cursorParam,
  deviceAsked,
  limitParam,
  momentAsked,
  momentParam,
  reasonPart,
  userAsked,
} from '../query'
import { object } from '../schemas'

interface Named {
  readonly kind: Override['kind']
  readonly subject: Override['subject']
  readonly reason: string
  readonly confirm?: number
}

const namedParts = {
  kind: { enum: ['exemption', 'lock'] },
  subject: object({
    kind: { enum: ['device', 'user'] },
    id: { type: 'string', minLength: 1, maxLength: 320 },
  }),
  reason: reasonPart,
  confirm: confirmPart,
}

const HOUR_MS = 3_600_000
const MAX_HOURS = 366 * 24

const subjectOf = ({ kind, id }: Override['subject']): Override['subject'] => ({
  kind,
  id: kind === 'device' ? deviceAsked('subject.id', id) : userAsked('subject.id', id),
})

/** The orders about people and devices, and the one about the mode. */
export function orderRoutes(
  app: FastifyInstance,
  { site, store, now }: AdminParts,
  ordering: Ordering,
): void {
  app.get<{ Querystring: { limit: number; cursor?: string } }>(
    '/api/v1/overrides',
    {
      config: { role: 'viewer' },
      schema: {
        summary: 'Exemptions and locks, expired ones too',
        tags: ['orders'],
        querystring: object(
          { limit: limitParam(500, 500), cursor: cursorParam },
          { optional: ['limit', 'cursor'] },
        ),
        response: { 200: pageOf(overrideSchema) },
      },
    },
    ({ query: { limit, cursor } }) => {
      const from = Number(placeOf('overrides', {}, cursor) ?? 0)
      const all = readable(site, store.listOverrides())
      const next = from + limit < all.length ? cursorOf('overrides', {}, from + limit) : null
      return { items: all.slice(from, from + limit).map(overrideJson), next }
    },
  )

  app.post<{ Body: Named & { readonly hours?: number; readonly expires_at?: string } }>(
    '/api/v1/overrides',
    {
      config: { role: 'operator' },
      schema: {
        summary: 'Let a device or user past the rules for a time, or refuse it whatever they say',
        description: 'An exemption needs hours or expires_at; a lock without one stands until it is removed.',
        tags: ['orders'],
        body: object(
          {
            ...namedParts,
            hours: { type: 'number', exclusiveMinimum: 0, maximum: MAX_HOURS, description: 'How long.' },
            expires_at: momentParam('Until when.'),
          },
          { optional: ['confirm', 'hours', 'expires_at'] },
        ),
        response: { 200: changedSchema },
      },
    },
    ({ body, caller }) => {
      const { author, reason, at } = ordering.by(caller, body.reason)
      const expiresAt =
        momentAsked('expires_at', body.expires_at) ??
        (body.hours === undefined ? null : at + body.hours * HOUR_MS)
      if (body.hours !== undefined && body.expires_at !== undefined)
        throw malformed('hours', 'give one of hours and expires_at')
      if (expiresAt === null && body.kind === 'exemption')
        throw malformed('hours', 'an exemption ends: give hours or expires_at')
      if (expiresAt !== null && expiresAt <= now()) throw malformed('expires_at', 'that time is already over')
      const subject = subjectOf(body.subject)
      const override: Override = { kind: body.kind, subject, author, reason, createdAt: at, expiresAt }
      return ordering.give((desk) => desk.putOverride(override, body.confirm))
    },
  )

  app.delete<{ Body: Named }>(
    '/api/v1/overrides',
    {
      config: { role: 'operator' },
      schema: {
        summary: 'Take an exemption or lock away',
        tags: ['orders'],
        body: object(namedParts, { optional: ['confirm'] }),
        response: { 200: changedSchema },
      },
    },
    ({ body: { kind, subject, reason, confirm }, caller }) =>
      ordering.give(async (desk) => {
        const given = await desk.removeOverride(
          kind,
          subjectOf(subject),
          ordering.by(caller, reason),
          confirm,
        )
        if (!given.entry) throw notFound(`there is no ${kind} on this ${subject.kind}`)
        return given
      }),
  )

  app.post<{ Body: { mode: Mode | 'policy'; reason: string; confirm?: number } }>(
    '/api/v1/mode',
    {
      config: { role: 'operator' },
      schema: {
        summary: "Set a mode beside the policy's own; `policy` takes it away",
        tags: ['orders'],
        body: object(
          { mode: { enum: [...MODES, 'policy'] }, reason: reasonPart, confirm: confirmPart },
          { optional: ['confirm'] },
        ),
        response: { 200: changedSchema },
      },
    },
    ({ body: { mode, reason, confirm }, caller }) =>
      ordering.give((desk) =>
        desk.setMode(mode === 'policy' ? null : mode, ordering.by(caller, reason), confirm),
      ),
  )
}
