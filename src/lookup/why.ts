import { normaliseUser } from '../devices/record'
import type { JournalEntry } from '../journal/journal'
import { deviceCase, entryCase, userCases, type Case } from './case'
import { NotKnownError, siteBlocks, type LookupSite } from './site'

export interface Why {
  readonly cases: readonly Case[]
  /** The newest entries of the block log about it, newest first. */
  readonly recent: readonly JournalEntry[]
}

/** What somebody asks about. A decision id may be written as it was heard. */
export type Question = { readonly user: string } | { readonly device: string } | { readonly decision: string }

const RECENT = 5

/** Why a user, a device, or the case of a decision id is blocked or allowed. Rejects with NotKnownError. */
export async function why(site: LookupSite, question: Question): Promise<Why> {
  if ('user' in question) {
    const user = normaliseUser(question.user)
    return { cases: userCases(site, user), recent: site.journal().query({ user, limit: RECENT }) }
  }
  if ('device' in question) {
    const device = site.store().device(question.device)
    if (!device) throw new NotKnownError(`no device ${question.device} was ever reported`)
    return {
      cases: [deviceCase(site, device)],
      recent: site.journal().query({ device: device.id, limit: RECENT }),
    }
  }
  const decision = decisionId(question.decision)
  const here = site.journal().query({ decision, limit: RECENT })
  const recent = here.length > 0 ? here : await onAnyHost(site, decision)
  const [entry] = recent
  if (!entry) throw new NotKnownError(`no decision ${decision} is on record`)
  return { cases: [entryCase(site, entry)], recent }
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
