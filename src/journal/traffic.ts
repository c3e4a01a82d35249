import { entryCount, type Environment, type TextDatabase } from '../lmdb/environment'
import {
  PLATFORMS,
  PROOFS,
  PROTOCOLS,
  REASONS,
  type Platform,
  type Proof,
  type Protocol,
  type Reason,
} from '../policy/vocabulary'

/** Somebody logged in, or sent mail, within one bucket of ten minutes: how often does not matter. */
export interface Visit {
  /** Counts buckets since the epoch. */
  readonly bucket: number
  readonly protocol: Protocol
  readonly user: string
  /** The device that proved itself; null: none did. */
  readonly device: string | null
  readonly proof: Proof
  readonly platformHint: Platform | null
}

/** That a visit was plainly allowed, which the block log does not tell: when first under a policy version. */
export interface Served {
  readonly policy: number
  /** Epoch milliseconds. */
  readonly at: number
  readonly reason: Reason
}

/** Where the gate puts visits: returns at once, never throws, bounded in memory. */
export interface TrafficSink {
  /** `served` is null where the block log tells of it. */
  note(visit: Visit, served: Served | null): void
}

/** A visit, and when it was plainly allowed; by that time. */
export interface NotedVisit {
  readonly visit: Visit
  readonly served: readonly Served[]
}

const BUCKET_MS = 600_000
export const bucketOf = (moment: number): number => Math.floor(moment / BUCKET_MS)
/** The moment that a bucket begins with. */
export const startOf = (bucket: number): number => bucket * BUCKET_MS

/** Who synced when is personal data, and a draft is tried on days, not on months. */
export const TRAFFIC_KEPT_MS = 7 * 86_400_000
/** At some 100 octets each: 200 MB on disk. */
const MAX_VISITS = 2_000_000
/** Visits waiting for the disk; beyond it they are not recorded, the mail goes on. */
const MAX_WAITING = 50_000
/** A batch that is written for them alone: a killed process loses so much at most. */
const BATCH_MS = 10_000
/** For a minute after a policy came in force, while somebody may wait to see who is served by it. */
const HURRY_MS = 60_000
const HURRIED_BATCH_MS = 200
const BATCH = 5000
/** Outdated ones taken out with each batch, beside as many as it puts. */
const TRIM_BATCH = 1000
/** Policies that one visit may be kept served under: more in ten minutes are nobody's orders. */
const MAX_SERVED = 4
/** Any owner and device id that a record may have; what LMDB takes as a key is bounded. */
// eslint-disable-next-line no-control-regex -- these are what a record may not have
const NAME = /^[^\0-\x1f\x7f]{1,320}$/

/**
 * Who synced when, with which device, proof and protocol: what a draft of a policy is tried on. Each visit is a key, so
 * that all processes of the host may note the same one; its value says when it was first served under which policy.
 */
export class TrafficRecord implements TrafficSink {
  readonly #visits: TextDatabase
  readonly #waiting = new Map<string, NotedVisit>()
  #waitingSince = 0
  #policy: number | undefined
  #hurryUntil = -Infinity

  constructor(
    private readonly environment: Environment,
    private readonly options: { readonly now: () => number; readonly maxVisits?: number },
  ) {
    this.#visits = environment.database('traffic')
  }

  note(visit: Visit, served: Served | null): void {
    if (!NAME.test(visit.user) || (visit.device !== null && !NAME.test(visit.device))) return
    const key = JSON.stringify(keyOf(visit))
    const known = this.#waiting.get(key)
    if (!known && this.#waiting.size >= MAX_WAITING) return
    if (this.#waiting.size === 0) this.#waitingSince = this.options.now()
    this.#waiting.set(key, { visit, served: merged(known?.served ?? [], served ? [served] : []) })
    if (served) this.#hurry(served.policy)
  }

  #hurry(policy: number): void {
    if (this.#policy !== undefined && policy !== this.#policy)
      this.#hurryUntil = this.options.now() + HURRY_MS
    this.#policy = policy
  }

  get isWaiting(): boolean {
    return this.#waiting.size > 0
  }

  /** Whether it is time to write them, where there is nothing else to write. */
  isDue(nowMs: number): boolean {
    const waited = nowMs - this.#waitingSince
    const patience = nowMs < this.#hurryUntil ? HURRIED_BATCH_MS : BATCH_MS
    return this.#waiting.size >= BATCH || (this.isWaiting && (waited >= patience || waited < 0))
  }

  /** Those that wait, for `put` in a transaction; they wait no longer. */
  take(): NotedVisit[] {
    const visits = [...this.#waiting.values()]
    this.#waiting.clear()
    return visits
  }

  /** Takes out the visits of a user; gives how many they were. */
  async erase(user: string): Promise<number> {
    const found: Key[] = []
    this.environment.refresh()
    const [oldest] = [...this.#visits.getKeys({ limit: 1 })].map(bucketIn)
    for (let bucket = oldest ?? Infinity; bucket <= bucketOf(this.options.now()); bucket += 1) {
      for (const key of this.#visits.getKeys({ start: [bucket, user] })) {
        if (!Array.isArray(key) || key[0] !== bucket || key[1] !== user) break
        found.push(key)
      }
    }
    await this.environment.write(() => {
      for (const key of found) void this.#visits.remove(key)
    })
    // What was left of them on their pages goes when the pages are written again.
    await this.environment.write(() => {
      for (const [bucket] of found.filter(Array.isArray))
        void this.#visits.put([Number(bucket), '', '', ''], '')
    })
    await this.environment.write(() => {
      for (const [bucket] of found.filter(Array.isArray))
        void this.#visits.remove([Number(bucket), '', '', ''])
    })
    return found.length
  }

  /** Within a write transaction of the environment. */
  put(visits: readonly NotedVisit[]): void {
    for (const { visit, served } of visits) {
      const key = keyOf(visit)
      void this.#visits.put(key, textOf(merged(servedIn(this.#visits.get(key) ?? ''), served)))
    }
    const tooMany = entryCount(this.#visits) - (this.options.maxVisits ?? MAX_VISITS)
    const oldest = bucketOf(this.options.now() - TRAFFIC_KEPT_MS)
    let removed = 0
    for (const key of this.#visits.getKeys({ limit: visits.length + TRIM_BATCH })) {
      if (removed >= tooMany && bucketIn(key) >= oldest) break
      void this.#visits.remove(key)
      removed += 1
    }
  }

  /** Those from `moment` on, in the order of their buckets. */
  *since(moment: number): Generator<Visit> {
    this.environment.refresh()
    for (const key of this.#visits.getKeys({ start: [bucketOf(moment)] })) {
      const visit = visitOf(key)
      if (visit) yield visit
    }
  }

  /** Those from `moment` on that were plainly allowed, and when first under which policies. */
  *servedSince(moment: number): Generator<NotedVisit> {
    this.environment.refresh()
    for (const { key, value } of this.#visits.getRange({ start: [bucketOf(moment)] })) {
      const visit = visitOf(key)
      const served = servedIn(value)
      if (visit && served.length > 0) yield { visit, served }
    }
  }

  /** Those of one user from `moment` on, the newest bucket first: a look into each bucket, whoever else is in it. */
  *of(user: string, moment: number): Generator<Visit> {
    if (!NAME.test(user)) return
    this.environment.refresh()
    const oldest = bucketOf(moment)
    for (let bucket = bucketOf(this.options.now()); bucket >= oldest; bucket -= 1) {
      for (const key of this.#visits.getKeys({ start: [bucket, user], end: [bucket, user, LAST] })) {
        const visit = visitOf(key)
        if (visit) yield visit
      }
    }
  }
}

/** By policy the first moment; of too many policies those that were in force last. */
function merged(known: readonly Served[], news: readonly Served[]): readonly Served[] {
  const first = new Map<number, Served>()
  for (const one of [...known, ...news]) {
    const before = first.get(one.policy)
    if (!before || one.at < before.at) first.set(one.policy, one)
  }
  return [...first.values()].sort((a, b) => a.at - b.at).slice(-MAX_SERVED)
}

const textOf = (served: readonly Served[]): string =>
  served.map(({ policy, at, reason }) => `${policy} ${at} ${reason}`).join(',')

/** Nothing for what is damaged. */
const servedIn = (text: string): Served[] =>
  text.split(',').flatMap((one) => {
    const words = one.split(' ')
    const [policy, at] = [Number(words[0]), Number(words[1])]
    const reason = REASONS.find((known) => known === words[2])
    return reason && Number.isSafeInteger(policy) && Number.isSafeInteger(at) ? [{ policy, at, reason }] : []
  })

/** After every device. */
const LAST = '\u{10ffff}'

type Key = string | number | (string | number)[]

const keyOf = ({ bucket, protocol, user, device, proof, platformHint }: Visit): (string | number)[] => [
  bucket,
  user,
  device ?? '',
  `${protocol} ${proof} ${platformHint ?? ''}`,
]

/** undefined: damaged. One lost visit must not keep the others from being read. */
function visitOf(key: Key): Visit | undefined {
  if (!Array.isArray(key)) return undefined
  const [bucket, user, device, how] = key
  if (typeof bucket !== 'number' || typeof user !== 'string' || typeof device !== 'string') return undefined
  const words = String(how).split(' ')
  const protocol = PROTOCOLS.find((one) => one === words[0])
  const proof = PROOFS.find((one) => one === words[1])
  if (!protocol || !proof) return undefined
  const platformHint = PLATFORMS.find((one) => one === words[2]) ?? null
  return { bucket, protocol, user, device: device === '' ? null : device, proof, platformHint }
}

const bucketIn = (key: Key): number => (Array.isArray(key) ? Number(key[0]) : -Infinity)
