import type { FleetReplica } from './fleet-replica'
import type { HostReport } from './host-report'
import type { StoreKeys } from './keys'
import type { RedisLink } from './link'
import { storeHead, type StoreHead } from './reading'
import { HEARTBEAT_SCRIPT, runScript } from './scripts'

/** A report holds for so long: a host that says nothing any more is not waited for. */
const REPORT_MS = 10_000
/** The lease is kept in the replica, each time by a write to disk: no oftener than this. */
const LEASE_STEP_MS = 5000

/** A host's sign of life in the store, and the lease that it renews. */
export class Heartbeat {
  /** Where the store stood at a moment; to be reached before that moment counts for the lease. */
  #pending: { readonly head: StoreHead; readonly at: number } | undefined
  #storeN = 0

  constructor(
    private readonly link: RedisLink,
    private readonly keys: StoreKeys,
    private readonly replica: FleetReplica,
    private readonly hostId: string,
    private readonly leaseMs: number,
    private readonly now: () => number,
  ) {}

  /** Writes the report. Rejects with StoreProblem when the store does not take it. */
  async beat(report: HostReport): Promise<StoreHead> {
    const at = this.now()
    const cursor = this.replica.cursor()
    const known = cursor ? `${cursor.epoch} up to ${cursor.n}, says ${report.host}` : ''
    const fields = await this.link.run((client) =>
      runScript(
        client,
        HEARTBEAT_SCRIPT,
        [this.keys.meta, this.keys.host(this.hostId), this.keys.hosts],
        [this.hostId, JSON.stringify(report), REPORT_MS, known],
      ),
    )
    const head = storeHead(fields, this.keys)
    this.#storeN = head.n
    if (head.epoch !== null) this.#pending = { head, at }
    await this.settle()
    return head
  }

  /** Renews the lease when the replica has come to where the store stood; called after each step. */
  async settle(): Promise<void> {
    if (!this.#pending) return
    const { head, at } = this.#pending
    if (!this.#holds(head)) return
    this.#pending = undefined
    const kept = this.replica.leaseFrom() ?? -Infinity
    const step = Math.min(LEASE_STEP_MS, this.leaseMs / 6)
    if (Math.abs(at - kept) >= step) await this.replica.renewLease(at)
  }

  /** Whether the replica has all that `head` stands for: the same history, and no less of it. */
  #holds(head: StoreHead): boolean {
    const cursor = this.replica.cursor()
    if (!cursor || cursor.epoch !== head.epoch) return false
    if (cursor.n === head.n) return cursor.tip === head.tip
    return cursor.n > head.n && this.replica.remembered(head.n)?.tip === head.tip
  }

  /** Where the store stood at the last beat. */
  get storeN(): number {
    return this.#storeN
  }
}
