import type { ReadStore } from '../devices/store'
import { unlessDamaged } from '../devices/unless-damaged'
import { inForceJson, type InForce } from '../orders/in-force'
import type { RecallPlan } from '../orders/recall'
import { affectedUnder, visitorOfCase, type Affected } from './affected'
import type { BlocksSource } from './blocks-source'
import { servedSince, type RecallMoment } from './served-since'
import { isoTime, NoPolicyError, type LookupSite } from './site'
import { standing, standingWord } from './standing'

/** Read of the block log for one proof. */
const MAX_BLOCKS = 100_000

/** Somebody whom the order hit, and how they are decided now, in a word. */
export interface RecalledCase extends Affected {
  readonly now: string
  /** When they were first served since the recall; null: not yet, as far as is known here. Epoch milliseconds. */
  readonly syncedAt: number | null
}

/** What proves a recall: whom the order hit, and how it is with them and with the hosts. */
export interface RecallProof {
  readonly plan: RecallPlan
  /** When it was given. Epoch milliseconds. */
  readonly at: number
  /** The store does not answer: the other hosts do not know of it. */
  readonly hereOnly: boolean
  readonly hosts: readonly InForce[]
  readonly cases: readonly RecalledCase[]
  /** Behind what was read of the block log. */
  readonly cursor: string
}

export async function recallProof(
  given: Pick<RecallProof, 'plan' | 'at' | 'hereOnly' | 'hosts'>,
  site: LookupSite,
  blockLog: BlocksSource,
): Promise<RecallProof> {
  const { at } = given
  const recall = recallMoment(given)
  const query = { limit: MAX_BLOCKS, sinceMs: startOfOrder(site.store(), recall.to) }
  const { blocks, cursor } = await blockLog.query(query)
  const synced = servedSince(recall, blocks, site.served(at))
  const decide = standing(site.store(), site.config(), site.now(), site.tell)
  if (!decide) throw new NoPolicyError()
  const cases = affectedUnder(blocks, recall).map((one) => {
    const now = standingWord(decide(one.user, one.claim))
    return { ...one, now, syncedAt: synced.get(visitorOfCase(one)) ?? null }
  })
  return { ...given, cases, cursor }
}

export const recallMoment = ({ plan, at }: Pick<RecallProof, 'plan' | 'at'>): RecallMoment => ({
  from: plan.from,
  to: plan.target.version,
  at,
})

/** When the first of the policies that a recall to version `to` takes back was put in force. */
export const startOfOrder = (store: ReadStore, to: number): number =>
  unlessDamaged(() => store.policyVersion(to + 1))?.at ??
  unlessDamaged(() => store.policyVersion(to))?.at ??
  0

/** As programs are told of it: by `device-gate recall --json`, and by the admin server. */
export const proofJson = ({ plan, hereOnly, hosts, cases }: RecallProof): object => ({
  recalled: plan.from,
  to: plan.target.version,
  this_host_only: hereOnly,
  hosts: inForceJson(hosts),
  blocked: countJson(countOf(blockedOf(cases))),
  warned: countJson(countOf(warnedOf(cases))),
  synced: syncedJson(cases),
  affected: cases.map(caseJson),
})

export const blockedOf = (cases: readonly RecalledCase[]): RecalledCase[] =>
  cases.filter(({ blocks }) => blocks > 0)
export const warnedOf = (cases: readonly RecalledCase[]): RecalledCase[] =>
  cases.filter(({ warnings }) => warnings > 0)

/** How many they are, and from when to when; without any, of no time. */
export interface CaseCount {
  readonly devices: number
  readonly people: number
  readonly first: number | null
  readonly last: number | null
}

export const countOf = (cases: readonly RecalledCase[]): CaseCount => ({
  devices: new Set(cases.flatMap(({ device }) => device ?? [])).size,
  people: new Set(cases.map(({ user }) => user)).size,
  first: cases.length === 0 ? null : cases.reduce((min, { first }) => Math.min(min, first), Infinity),
  last: cases.length === 0 ? null : cases.reduce((max, { last }) => Math.max(max, last), -Infinity),
})

export const syncedOf = (cases: readonly RecalledCase[]): RecalledCase[] =>
  cases.filter(({ syncedAt }) => syncedAt !== null)

const syncedJson = (cases: readonly RecalledCase[]): object => {
  const { devices, people } = countOf(syncedOf(cases))
  return { devices, people }
}

const iso = (ms: number | null): string | null => (ms === null ? null : isoTime(ms))

const countJson = ({ devices, people, first, last }: CaseCount): object => ({
  devices,
  people,
  first: iso(first),
  last: iso(last),
})

const caseJson = ({ user, device, blocks, warnings, first, last, now, syncedAt }: RecalledCase): object => ({
  user,
  device,
  blocks,
  warnings,
  first: iso(first),
  last: iso(last),
  now,
  synced_at: iso(syncedAt),
})
