import type { Change, Replica } from '../devices/store'

/** The longest that a change can go unseen: a replica that changes tells at once, where the system can. */
const POLL_MS = 50
/** Changes that come one upon the other are taken in together. */
const GATHER_MS = 2
/** Changes taken in at one go; a longer list is dealt with by outdating everything. */
const MAX_CHANGES = 5000
/** A feed changes devices all the time: what was taken in of them is told once a second, what people ordered at once. */
const TICKS_BETWEEN_DEVICE_NOTES = 20

/** What must not outlive what it was decided from. */
export interface Decided {
  dropUser(user: string): void
  dropDevice(id: string): void
  /** Everything may have changed, the policy too. */
  outdateAll(): void
}

export interface InvalidationListener {
  /** All that was changed up to this sequence is in force in this process; what people `ordered` is among it. */
  onTakenIn(sequence: number, ordered: boolean): void
  onFault(error: unknown): void
}

/** Keeps what was decided true to the replica: looks at its sequence when told and every 50 ms, drops just what changed. */
export class Invalidation {
  #seen: number
  #leaseValid: boolean
  #told: number
  #ticksSinceTold = TICKS_BETWEEN_DEVICE_NOTES
  readonly #timer: NodeJS.Timeout
  #gathering: NodeJS.Timeout | undefined
  readonly #endWatch: () => void

  constructor(
    private readonly replica: Replica,
    private readonly decided: Decided,
    private readonly listener: InvalidationListener,
  ) {
    this.#endWatch = this.#watch()
    this.#seen = replica.sequence()
    this.#told = this.#seen
    this.#leaseValid = replica.leaseValid(Date.now())
    this.#timer = setInterval(() => {
      this.#ticksSinceTold += 1
      this.#look()
    }, POLL_MS)
    this.#timer.unref()
  }

  close(): void {
    this.#endWatch()
    clearTimeout(this.#gathering)
    clearInterval(this.#timer)
  }

  #watch(): () => void {
    try {
      return this.replica.onChange(() => {
        this.#gathering ??= setTimeout(() => {
          this.#gathering = undefined
          this.#look()
        }, GATHER_MS).unref()
      })
    } catch (error) {
      this.listener.onFault(error)
      return () => undefined
    }
  }

  #look(): void {
    try {
      this.#tell(this.#takeIn())
      this.#checkLease()
    } catch (error) {
      // Nothing was dropped: the next look tries again.
      this.listener.onFault(error)
    }
  }

  #tell(ordered: boolean): void {
    if (this.#seen === this.#told) return
    if (!ordered && this.#ticksSinceTold < TICKS_BETWEEN_DEVICE_NOTES) return
    this.#told = this.#seen
    this.#ticksSinceTold = 0
    this.listener.onTakenIn(this.#seen, ordered)
  }

  /** Whether there was something that people ordered: a policy, a mode, an override. */
  #takeIn(): boolean {
    const sequence = this.replica.sequence()
    if (sequence === this.#seen) return false
    const changes = this.#changes(sequence)
    if (changes === null) this.decided.outdateAll()
    else for (const change of changes) this.#apply(change)
    this.#seen = changes?.at(-1)?.sequence ?? sequence
    return changes === null || changes.some(({ kind }) => kind !== 'device')
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
