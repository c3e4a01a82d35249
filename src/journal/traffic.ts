import type { Environment, TextDatabase } from '../lmdb/environment'
import { PLATFORMS, PROOFS, PROTOCOLS, type Platform, type Proof, type Protocol } from '../policy/vocabulary'

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

/** Where the gate puts visits: returns at once, never throws, bounded in memory. */
export interface TrafficSink {
  note(visit: Visit): void
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
const BATCH = 5000
/** Outdated ones taken out with each batch, beside as many as it puts. */
const TRIM_BATCH = 1000
/** Any owner and device id that a record may have; what LMDB takes as a key is bounded. */
// eslint-disable-next-line no-control-regex -- these are what a record may not have
const NAME = /^[^\0-\x1f\x7f]{1,320}$/

/**
 * Who synced when, with which device, proof and protocol: what a draft of a policy is tried on. Each visit is a key
 * without a value, so that all processes of the host may note the same one.
 */
export class TrafficRecord implements TrafficSink {
  readonly #visits: TextDatabase
  readonly #waiting = new Map<string, Visit>()
  #waitingSince = 0

  constructor(
    private readonly environment: Environment,
    private readonly options: { readonly now: () => number; readonly maxVisits?: number },
  ) {
    this.#visits = environment.database('traffic')
  }

  note(visit: Visit): void {
    if (this.#waiting.size >= MAX_WAITING) return
    if (!NAME.test(visit.user) || (visit.device !== null && !NAME.test(visit.device))) return
    if (this.#waiting.size === 0) this.#waitingSince = this.options.now()
    this.#waiting.set(JSON.stringify(keyOf(visit)), visit)
  }

  get isWaiting(): boolean {
    return this.#waiting.size > 0
  }

  /** Whether it is time to write them, where there is nothing else to write. */
  isDue(nowMs: number): boolean {
    const waited = nowMs - this.#waitingSince
    return this.#waiting.size >= BATCH || (this.isWaiting && (waited >= BATCH_MS || waited < 0))
  }

  /** Those that wait, for `put` in a transaction; they wait no longer. */
  take(): Visit[] {
    const visits = [...this.#waiting.values()]
    this.#waiting.clear()
    return visits
  }

  /** Within a write transaction of the environment. */
  put(visits: readonly Visit[]): void {
    for (const visit of visits) void this.#visits.put(keyOf(visit), '')
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
}

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

const entryCount = (database: TextDatabase): number =>
  (database.getStats() as { entryCount: number }).entryCount
