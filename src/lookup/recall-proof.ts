import type { ReadStore } from '../devices/store'
import type { InForce } from '../orders/in-force'
import type { RecallPlan } from '../orders/recall'
import { affectedUnder, type Affected } from './affected'
import type { BlocksSource } from './blocks-source'
import { standingWord, type Standing } from './standing'

/** Read of the block log for one proof. */
const MAX_BLOCKS = 100_000

/** Somebody whom the order hit, and how they are decided now, in a word. */
export interface RecalledCase extends Affected {
  readonly now: string
}

/** What proves a recall: whom the order hit, and how it is with them and with the hosts. */
export interface RecallProof {
  readonly plan: RecallPlan
  /** The store does not answer: the other hosts do not know of it. */
  readonly hereOnly: boolean
  readonly hosts: readonly InForce[]
  readonly cases: readonly RecalledCase[]
  /** Behind what was read of the block log. */
  readonly cursor: string
}

export async function recallProof(
  given: Pick<RecallProof, 'plan' | 'hereOnly' | 'hosts'>,
  store: ReadStore,
  blockLog: BlocksSource,
  decide: Standing,
): Promise<RecallProof> {
  const { from, target } = given.plan
  const sinceMs = store.policyVersion(target.version + 1)?.at ?? target.at
  const { blocks, cursor } = await blockLog.query({ limit: MAX_BLOCKS, sinceMs })
  const affected = affectedUnder(blocks, target.version, from)
  const cases = affected.map((one) => ({ ...one, now: standingWord(decide(one.user, one.claim)) }))
  return { ...given, cases, cursor }
}

/** As programs are told of it: by `device-gate recall --json`, and by the admin server. */
export const proofJson = ({ plan, hereOnly, hosts, cases }: RecallProof): object => ({
  recalled: plan.from,
  to: plan.target.version,
  this_host_only: hereOnly,
  hosts,
  blocked: countJson(countOf(blockedOf(cases))),
  warned: countJson(countOf(warnedOf(cases))),
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

const iso = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString())

const countJson = ({ devices, people, first, last }: CaseCount): object => ({
  devices,
  people,
  first: iso(first),
  last: iso(last),
})

const caseJson = ({ user, device, blocks, warnings, first, last, now }: RecalledCase): object => ({
  user,
  device,
  blocks,
  warnings,
  first: iso(first),
  last: iso(last),
  now,
})
