import { normaliseUser } from '../devices/record'
import type { OpenSessions, SessionSubject } from '../journal/inquiries'
import { formatEntry, type JournalEntry } from '../journal/journal'
import { caseJson, deviceCase, entryCase, userCases, type Case } from './case'
import { recentBlocks } from './recent-blocks'
import { isoTime, NotKnownError, siteBlocks, type LookupSite } from './site'

export interface Why {
  readonly cases: readonly Case[]
  /** The newest entries of the block log about it, newest first. */
  readonly recent: readonly JournalEntry[]
  /** Open IMAP sessions on this host; null: a worker did not answer. */
  readonly sessions: readonly OpenSessions[] | null
}

/** What somebody asks about. A decision id may be written as it was heard. */
export type Question = { readonly user: string } | { readonly device: string } | { readonly decision: string }

const RECENT = 5

/** Why a user, a device, or the case of a decision id is blocked or allowed. Rejects with NotKnownError. */
export async function why(site: LookupSite, question: Question): Promise<Why> {
  const { subject, ...found } = await casesOf(site, question)
  return { ...found, sessions: await site.sessionsOf(subject) }
}

async function casesOf(
  site: LookupSite,
  question: Question,
): Promise<Omit<Why, 'sessions'> & { readonly subject: SessionSubject }> {
  if ('user' in question) {
    const user = normaliseUser(question.user)
    const recent = await recentBlocks(site, { user }, RECENT)
    return { cases: userCases(site, user), recent, subject: { kind: 'user', id: user } }
  }
  if ('device' in question) {
    const { device: id } = question
    const device = site.store().device(id)
    if (!device) throw new NotKnownError(`no device ${id} was ever reported`)
    const recent = await recentBlocks(site, { device: id }, RECENT)
    return { cases: [deviceCase(site, device)], recent, subject: { kind: 'device', id } }
  }
  const decision = decisionId(question.decision)
  const here = site.journal().query({ decision, limit: RECENT })
  const recent = here.length > 0 ? here : await onAnyHost(site, decision)
  const [entry] = recent
  if (!entry) throw new NotKnownError(`no decision ${decision} is on record`)
  return { cases: [entryCase(site, entry)], recent, subject: { kind: 'user', id: entry.user } }
}

/** What a word can be about: a device's id, else a user, else a decision id. */
export function questionOf(site: LookupSite, who: string): Question {
  if (site.store().device(who)) return { device: who }
  const user = normaliseUser(who)
  return who.includes('@') || site.store().deviceIdsOf(user, 1).length > 0 ? { user } : { decision: who }
}

/** A person may have been refused on any host of the fleet. */
async function onAnyHost(site: LookupSite, decision: string): Promise<readonly JournalEntry[]> {
  if (!site.fleet()) return []
  const { blocks } = await (await siteBlocks(site)).query({ decision, limit: RECENT })
  return blocks
}

/** As it was meant: people read them out, and type what they heard (Crockford's base 32 has no I, L and O). */
const decisionId = (text: string): string => text.toUpperCase().replace(/[IL]/g, '1').replace(/O/g, '0')

/** The published form. */
export const whyJson = ({ cases, recent, sessions }: Why, now: number): object => ({
  cases: cases.map((one) => caseJson(one, now)),
  recent: recent.map(formatEntry),
  sessions: sessionsJson(sessions),
})

const sessionsJson = (sessions: readonly OpenSessions[] | null): object[] | null =>
  sessions && sessions.map((one) => ({ ...one, since: isoTime(one.since) }))
