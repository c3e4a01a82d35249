import type { FastifyInstance } from 'fastify'

import { recallProof, proofJson } from '../../lookup/recall-proof'
import { siteBlocks } from '../../lookup/site'
import type { Draft } from '../../orders/order-desk'
import { pendingEdit } from '../../orders/pending'
import { proposals } from '../../orders/proposal'
import { takeBack } from '../../orders/take-back'
import { changedSchema, inForceOn } from '../answers'
import { siteText, validDraft } from '../drafts'
import { LIMITS } from '../limits'
import type { Ordering } from '../ordering'
import type { AdminParts } from '../parts'
import { malformed, notFound, refused } from '../problem'
import { confirmPart, policyPart, reasonPart } from '../query'
import { count, flag, list, maybeMoment, nullable, object, text, type Schema } from '../schemas'

const idPart: Schema = { type: 'string', minLength: 1, maxLength: 64 }

const hitSchema = object({
  devices: count(''),
  people: count(''),
  first: maybeMoment(''),
  last: maybeMoment(''),
})

const proofSchema = object({
  recalled: count('The version that was taken back.'),
  to: count('The one whose text is in force again.'),
  this_host_only: flag('The store does not answer: it is given to the other hosts when it does.'),
  hosts: inForceOn,
  blocked: hitSchema,
  warned: hitSchema,
  synced: object({ devices: count(''), people: count('That were served again since.') }),
  affected: list(
    object({
      user: text(''),
      device: nullable('string', ''),
      blocks: count(''),
      warnings: count(''),
      first: maybeMoment(''),
      last: maybeMoment(''),
      now: text('How they are served now, in a word.'),
      synced_at: maybeMoment('When they were first served since the recall; null: not yet.'),
    }),
  ),
})

/** The orders about the policy. */
export function policyOrderRoutes(app: FastifyInstance, parts: AdminParts, ordering: Ordering): void {
  const { site, store, fleet, now } = parts
  const isFiles = (): boolean => site.config().policy.source === 'file'

  app.post<{ Body: { text: string; reason: string; confirm?: number } }>(
    '/api/v1/policy/apply',
    {
      config: { role: 'operator' },
      bodyLimit: LIMITS.policyBodyOctets,
      schema: {
        summary: 'Put a policy in force as the next version; for policy.source: fleet',
        tags: ['policy'],
        body: object(
          { text: policyPart, reason: reasonPart, confirm: confirmPart },
          { optional: ['confirm'] },
        ),
        response: { 200: changedSchema },
      },
    },
    ({ body: { text: source, reason, confirm }, caller }) => {
      if (isFiles())
        throw refused('policy.source is file: edit device_gate_policy.yaml, which is live within a second')
      const draft = validDraft(source)
      return ordering.give((desk) => desk.applyPolicy(draft, ordering.by(caller, reason), confirm))
    },
  )

  app.post<{ Body: { text?: string; mandate?: string; reason: string } }>(
    '/api/v1/policy/propose',
    {
      config: { role: 'operator' },
      bodyLimit: LIMITS.policyBodyOctets,
      schema: {
        summary: 'Lay a policy, or that a held mandate may block, before a second person',
        description: "Without text and mandate it is the site's policy file.",
        tags: ['policy'],
        body: object(
          { text: policyPart, mandate: idPart, reason: reasonPart },
          { optional: ['text', 'mandate'] },
        ),
        response: {
          200: object({ id: text('To approve it by.'), newly_blocked: count(''), devices: count('') }),
        },
      },
    },
    async ({ body, caller }) => {
      if (body.text !== undefined && body.mandate !== undefined)
        throw malformed('mandate', 'give one of text and mandate')
      const by = ordering.by(caller, body.reason)
      const { id, figure } = await (body.mandate === undefined
        ? ordering.desk.propose(proposedDraft(body.text), by)
        : ordering.desk.proposeMandate(body.mandate, by))
      return { id, newly_blocked: figure.newlyBlocked, devices: figure.devices }
    },
  )

  const proposedDraft = (asked: string | undefined): Draft => {
    const written = siteText(site.harakaDir)
    if (isFiles() && asked !== undefined && asked !== written)
      throw refused('policy.source is file: edit device_gate_policy.yaml, and propose what it says then')
    const source = asked ?? written
    if (source === undefined)
      throw malformed('text', 'there is no device_gate_policy.yaml here: give the text')
    return validDraft(source)
  }

  app.post<{ Body: { id: string; reason: string } }>(
    '/api/v1/policy/approve',
    {
      config: { role: 'approver' },
      schema: {
        summary: 'Put what another person proposed in force',
        tags: ['policy'],
        body: object({ id: idPart, reason: reasonPart }),
        response: { 200: changedSchema },
      },
    },
    ({ body: { id, reason }, caller }) => {
      const by = ordering.by(caller, reason)
      const proposal = proposals(store).get(id)
      if (!proposal) throw notFound('there is no such proposal')
      if ('mandate' in proposal) return ordering.give((desk) => desk.approveMandate(id, proposal.mandate, by))
      if (isFiles() && proposal.text !== siteText(site.harakaDir))
        throw refused('device_gate_policy.yaml was edited since: propose it again')
      const draft = validDraft(proposal.text)
      return ordering.give((desk) => desk.approve(id, draft, by))
    },
  )

  app.post<{ Body: { figure: number; reason: string; mandate?: string } }>(
    '/api/v1/policy/confirm',
    {
      config: { role: 'approver' },
      schema: {
        summary: 'Put the edit in force that was held back, or let a mandate block that was',
        tags: ['policy'],
        body: object(
          {
            figure: { type: 'integer', minimum: 0, description: 'How many devices it newly blocks.' },
            reason: reasonPart,
            mandate: { ...idPart, description: 'The mandate that is held back; without it the edit.' },
          },
          { optional: ['mandate'] },
        ),
        response: { 200: changedSchema },
      },
    },
    ({ body: { figure, reason, mandate }, caller }) => {
      const by = ordering.by(caller, reason)
      if (mandate !== undefined) return ordering.give((desk) => desk.confirmMandate(mandate, by, figure))
      const pending = pendingEdit(store)
      if (!pending) throw refused('nothing is held back')
      const draft = validDraft(pending.text)
      return ordering.give((desk) => desk.confirmPending(draft, by, figure))
    },
  )

  app.post<{ Body: { reason: string } }>(
    '/api/v1/policy/unpin',
    {
      config: { role: 'operator' },
      schema: {
        summary: 'Let the policy file count again after a recall',
        description: 'An edit that waits is then in force, or held back for what it newly blocks.',
        tags: ['policy'],
        body: object({ reason: reasonPart }),
        response: { 200: changedSchema },
      },
    },
    async ({ body: { reason }, caller }) => {
      const by = ordering.by(caller, reason)
      const done = await ordering.give(async (desk) => {
        const given = await desk.unpin(by)
        if (!given.entry) throw refused('no recall pins the policy')
        return given
      })
      const waiting = pendingEdit(store)
      if (!waiting) return done
      const draft = validDraft(waiting.text)
      return ordering.give((desk) => desk.takeFile(draft, by))
    },
  )

  app.post<{ Body: { to?: number; reason: string } }>(
    '/api/v1/recall',
    {
      config: { role: 'operator' },
      schema: {
        summary:
          'Take the policy in force back, in all workers of all hosts, and prove it; no guard holds it up',
        tags: ['policy'],
        body: object(
          {
            to: {
              type: 'integer',
              minimum: 1,
              description: 'Back to this version; without it the one before.',
            },
            reason: reasonPart,
          },
          { optional: ['to'] },
        ),
        response: { 200: proofSchema },
      },
    },
    async ({ body: { to, reason }, caller }) => {
      const since = performance.now()
      const by = ordering.by(caller, reason)
      const { plan, storeProblem } = await takeBack({ store, fleet, now }, to, by, isFiles())
      const hereOnly = storeProblem !== null
      const hosts = await ordering.inForce(since, { hereOnly })
      const given = { plan, at: by.at, hereOnly, hosts }
      return proofJson(await recallProof(given, site, await siteBlocks(site)))
    },
  )
}
