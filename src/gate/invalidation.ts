import type { Change, Replica } from '../devices/store'

const POLL_MS = 20
/** Changes taken in at one go; a longer list is dealt with by outdating everything. */
const MAX_CHANGES = 5000

/** What must not outlive what it was decided from. */
export interface Decided {
  dropUser(user: string): void
  dropDevice(id: string): void
  /** Everything may have changed, the policy too. */
  outdateAll(): void
}

export interface InvalidationListener {
  /** All that people ordered up to this sequence (policy, mode, overrides) is in force in this process. */
  onTakenIn(sequence: number): void
  onFault(error: unknown): void
}

/** Keeps what was decided true to the replica: reads its sequence every 20 ms and drops just what changed. */
export class Invalidation {
  #seen: number
  #leaseValid: boolean
  readonly #timer: NodeJS.Timeout

  constructor(
    private readonly replica: Replica,
    private readonly decided: Decided,
    private readonly listener: InvalidationListener,
  ) {
    this.#seen = replica.sequence()
    this.#leaseValid = replica.leaseValid(Date.now())
    this.#timer = setInterval(() => {
      try {
        this.#poll()
        this.#checkLease()
      } catch (error) {
        // Nothing was dropped: the next poll tries again.
        this.listener.onFault(error)
      }
    }, POLL_MS)
    this.#timer.unref()
  }

  close(): void {
    clearInterval(this.#timer)
  }

  #poll(): void {
    const sequence = this.replica.sequence()
    if (sequence === this.#seen) return
    const changes = this.#changes(sequence)
    if (changes === null) this.decided.outdateAll()
    else for (const change of changes) this.#apply(change)
    this.#seen = changes?.at(-1)?.sequence ?? sequence
    if (changes === null || changes.some(({ kind }) => kind !== 'device')) this.listener.onTakenIn(this.#seen)
  }

  /** Whether "compliant" may be believed changes with time alone, and for every decision at once. */
  #checkLease(): void {
    const valid = this.replica.leaseValid(Date.now())
    if (valid === this.#leaseValid) return
    this.#leaseValid = valid
    this.decided.outdateAll()
  }

  #changes(sequence: number): Change[] | null {
    if (sequence < this.#seen || sequence - this.#seen > MAX_CHANGES) return null
    return this.replica.changesAfter(this.#seen, MAX_CHANGES)
  }

  #apply(change: Change): void {
    switch (change.kind) {
      case 'device':
        this.decided.dropDevice(change.deviceId)
        for (const owner of change.owners) this.decided.dropUser(owner)
        return
      case 'override':
        if (change.subject.kind === 'device') this.decided.dropDevice(change.subject.id)
        else this.decided.dropUser(change.subject.id)
        return
      case 'policy':
        this.decided.outdateAll()
    }
  }
}
