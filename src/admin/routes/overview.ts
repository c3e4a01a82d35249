import type { FastifyInstance } from 'fastify'

import type { BlockSeries } from '../../lookup/block-series'
import { overviewJson } from '../../lookup/overview'
import { PROBLEM_KINDS } from '../../lookup/problems'
import type { StandingCount } from '../../lookup/standing-count'
import { ENFORCEMENTS, MODES } from '../../policy/vocabulary'
import {
  feedSchema,
  heldSchema,
  hostSchema,
  modeOverrideSchema,
  pendingSchema,
  proposalSchema,
  recallSchema,
} from '../answers'
import type { AdminParts } from '../parts'
import { count, list, maybeMoment, moment, nullable, object, text, type Schema } from '../schemas'

const maybeMode: Schema = { type: ['string', 'null'], enum: [...MODES, null] }

const overviewSchema = object({
  host: text('Its name.'),
  version: text("The gate's version."),
  time: moment('Of this answer.'),
  mode: { ...maybeMode, description: 'What is in force on this host; null: no policy yet.' },
  policy_mode: { ...maybeMode, description: "The policy's own." },
  mode_override: modeOverrideSchema,
  enforcement: { enum: ENFORCEMENTS },
  policy_version: nullable('integer', ''),
  policy_source: { enum: ['file', 'fleet'] },
  recall: recallSchema,
  pending: pendingSchema,
  held: list(heldSchema),
  proposals: list(proposalSchema),
  problems: list(
    object({ kind: { enum: PROBLEM_KINDS }, text: text(''), todo: text('What to do about it.') }),
  ),
  devices: count('That are known.'),
  overrides: count('Exemptions and locks.'),
  blocked_now: nullable('integer', 'Devices; null: not counted yet.'),
  warned_now: nullable('integer', ''),
  would_block_now: nullable('integer', 'That mode monitor, or a silent mandate, only notes.'),
  would_warn_now: nullable('integer', ''),
  counted_at: maybeMoment('When these four were counted.'),
  sessions: count('Open IMAP sessions on this host, some seconds ago.'),
  workers: count('Processes that decide on this host.'),
  decisions_per_s: nullable('number', 'On this host.'),
  blocks_24h: count(''),
  warnings_24h: count(''),
  would_blocks_24h: count(''),
  store: object({ kind: { enum: ['embedded', 'redis'] }, problem: nullable('string', '') }),
  hosts: list(hostSchema),
  feeds: list(feedSchema),
  series: list(
    object({
      time: moment('When the half hour began.'),
      blocks: count(''),
      warnings: count(''),
      would_blocks: count(''),
    }),
  ),
})

export function overviewRoutes(
  app: FastifyInstance,
  { site, watch }: AdminParts,
  counts: { readonly standing: StandingCount; readonly series: BlockSeries },
): void {
  app.get(
    '/api/v1/overview',
    {
      config: { role: 'viewer', quiet: true },
      schema: {
        summary: 'What is in force here, what needs attention, who is affected',
        tags: ['look-ups'],
        response: { 200: overviewSchema },
      },
    },
    () =>
      overviewJson(site, {
        standing: counts.standing.figures,
        series: counts.series.series(),
        decisionsPerS: watch?.decisionsPerS() ?? null,
      }),
  )
}
