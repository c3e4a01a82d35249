import type { FastifyInstance, FastifyReply } from 'fastify'

import { readTagKeyFile } from '../../config/tag-key-file'
import { OvertakenError } from '../../devices/order'
import { StoreProblem } from '../../devices/redis/problem'
import { unlessDamaged } from '../../devices/unless-damaged'
import { isSignedFor, parseAttestLink } from '../../identity/attest-link'
import { AttestationDesk, AttestationRefusal } from '../../orders/attestation-desk'
import type { Attestation } from '../../policy/attestation'
import type { Mandate } from '../../policy/policy'
import { askingPage, NO_FORM, PAGE_POLICY, statedPage, type Page } from '../attest-page'
import { LIMITS } from '../limits'
import type { AdminParts } from '../parts'
import { notFound, Problem } from '../problem'
import { RequestRate } from '../request-rate'
import { Turns } from '../turns'

interface LinkRequest {
  readonly Params: { readonly token: string }
}

/** A link that a statement can be made by. */
interface OpenLink {
  readonly attestation: Attestation
  readonly mandate: Mandate
  readonly contact: string
}

/** The pages of the links by which people make statements: whoever has the link may, and it says who that is. */
export function attestRoutes(app: FastifyInstance, { site, store, now }: AdminParts): void {
  const rate = new RequestRate(LIMITS.linkRequestsPerMinute, now)
  const desk = new AttestationDesk(store, now)
  // Orders that are given together overtake one another: on the morning of a deadline many come at once.
  const turns = new Turns('a statement', 1, LIMITS.waitingStatements)
  const options = { config: { role: 'anyone', byLink: true, quiet: true }, schema: { hide: true } } as const

  /** The page that says why not, or what the link is about. */
  const openLink = (token: string, address: string): Page | OpenLink => {
    const config = site.config()
    if (config.attestation.url === null) throw notFound('there is nothing at this address')
    if (!rate.take(address)) return NO_FORM.busy
    const link = parseAttestLink(token)
    if (!link) return NO_FORM.invalid
    if (link.expiresAt <= now()) return NO_FORM.expired
    const kept = unlessDamaged(() => store.attestationsOf(link.user), site.tell) ?? []
    const attestation = kept.find((one) => one.link === link.link)
    const { keys } = readTagKeyFile(config.identity.tag.keyFile)
    if (!attestation || !isSignedFor(keys, link, attestation)) return NO_FORM.invalid
    if (attestation.stated) return NO_FORM.used
    const policy = store.activePolicy()?.policy
    const mandate = policy?.mandates.find(({ id }) => id === attestation.mandate)
    if (!policy || !mandate || mandate.finding !== attestation.findings[0]) return NO_FORM.over
    return { attestation, mandate, contact: policy.contact }
  }

  // Its own scope: it takes a form and nothing else, and no other route takes one.
  void app.register((scope, _options, done) => {
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser(
      'application/x-www-form-urlencoded',
      { parseAs: 'string', bodyLimit: LIMITS.formOctets },
      (_request, body, parsed) => parsed(null, new URLSearchParams(String(body))),
    )

    scope.get<LinkRequest>('/attest/:token', options, ({ params, ip }, reply) => {
      const open = openLink(params.token, ip)
      if ('html' in open) return send(reply, open)
      const { validMs } = site.config().attestation
      return send(reply, askingPage(open.attestation, open.mandate, { validMs, contact: open.contact }))
    })

    scope.post<LinkRequest & { Body: URLSearchParams | undefined }>(
      '/attest/:token',
      options,
      async ({ params, ip, body }, reply) => {
        const open = openLink(params.token, ip)
        if ('html' in open) return send(reply, open)
        if (body?.get('stated') !== 'yes') return send(reply, NO_FORM.invalid)
        const at = now()
        const stated = { at, expiresAt: at + site.config().attestation.validMs, remote: ip }
        const state = (): Promise<unknown> => desk.state(open.attestation, stated)
        const page = await became(turns.run(AbortSignal.timeout(LIMITS.requestMs), state))
        return send(reply, page ?? statedPage(stated.expiresAt))
      },
    )
    done()
  })
}

/** Why a statement was not taken; undefined: it was. Two that come at once by one link are one statement. */
async function became(state: Promise<unknown>): Promise<Page | undefined> {
  try {
    await state
    return undefined
  } catch (error) {
    if (error instanceof AttestationRefusal) return NO_FORM.used
    if (hasToWait(error)) return NO_FORM.unavailable
    throw error
  }
}

/** The store does not answer, or too many others state something. */
const hasToWait = (error: unknown): boolean =>
  [StoreProblem, OvertakenError, Problem].some((kind) => error instanceof kind) ||
  (error instanceof Error && error.name === 'TimeoutError')

const send = (reply: FastifyReply, { status, html }: Page): FastifyReply =>
  reply
    .code(status)
    .header('content-security-policy', PAGE_POLICY)
    .type('text/html; charset=utf-8')
    .send(html)
