import type { Change, Replica } from '../devices/store'
import { deviceSource, userSource, type DecisionCache } from './decision-cache'

const POLL_MS = 20
/** Changes taken in at one go; a longer list is dealt with by outdating everything. */
const MAX_CHANGES = 5000

/** Keeps a cache true to the replica: reads its sequence every 20 ms and drops just what changed. */
export class Invalidation {
  #seen: number
  readonly #timer: NodeJS.Timeout

  constructor(
    private readonly replica: Replica,
    private readonly cache: DecisionCache,
    private readonly onPolicyChange: () => void,
    private readonly onFault: (error: unknown) => void,
  ) {
    this.#seen = replica.sequence()
    this.#timer = setInterval(() => {
      try {
        this.poll()
      } catch (error) {
        this.onFault(error)
      }
    }, POLL_MS)
    this.#timer.unref()
  }

  /** Throws what the replica throws; then nothing was dropped and the next poll tries again. */
  poll(): void {
    const sequence = this.replica.sequence()
    if (sequence === this.#seen) return
    const changes = this.#changes(sequence)
    if (changes === null) this.#outdateAll()
    else for (const change of changes) this.#apply(change)
    this.#seen = changes?.at(-1)?.sequence ?? sequence
  }

  close(): void {
    clearInterval(this.#timer)
  }

  #changes(sequence: number): Change[] | null {
    if (sequence < this.#seen || sequence - this.#seen > MAX_CHANGES) return null
    return this.replica.changesAfter(this.#seen, MAX_CHANGES)
  }

  #apply(change: Change): void {
    switch (change.kind) {
      case 'device':
        this.cache.drop(deviceSource(change.deviceId))
        for (const owner of change.owners) this.cache.drop(userSource(owner))
        return
      case 'override':
        this.cache.drop(
          change.subject.kind === 'device' ? deviceSource(change.subject.id) : userSource(change.subject.id),
        )
        return
      case 'policy':
        this.#outdateAll()
    }
  }

  #outdateAll(): void {
    this.cache.outdateAll()
    this.onPolicyChange()
  }
}
