import type { FleetJournal, JournalPlace } from './devices/redis/fleet-journal'
import { StoreProblem } from './devices/redis/problem'
import type { Logger } from './journal/logger'
import type { Spool } from './journal/spool'

const LOOK_MS = 200
/** While Redis does not take them. */
const RETRY_MS = 1000
/** Entries in one run of the script: about 2 ms of the server's time. */
const BATCH = 200

/** What of this host's journal the fleet has. */
export interface JournalStanding {
  /** Entries that the fleet does not have yet; null: not known, since Redis was not asked yet. */
  readonly waiting: number | null
  /** Entries that this host forgot before Redis took them. */
  readonly lost: number
}

/**
 * Forwards this host's journal to the fleet's. The journal itself is the spool: what Redis does not take waits
 * in it, over restarts too. Redis says how far it has come, so nothing is forwarded twice, and what Redis itself
 * loses is forwarded again.
 */
export class JournalDuty {
  #place: JournalPlace | undefined
  #told: string | undefined
  #timer: NodeJS.Timeout | undefined
  #turn: Promise<void> = Promise.resolve()
  #closed = false

  constructor(
    private readonly spool: Spool,
    private readonly fleet: FleetJournal,
    private readonly logger: Logger,
  ) {
    this.#wait(0)
  }

  standing(): JournalStanding {
    const place = this.#place
    if (!place) return { waiting: null, lost: 0 }
    return { waiting: Math.max(0, this.spool.newest() - (place.number ?? 0)), lost: place.lost }
  }

  /** Redis may not have any more what it had: ask it anew. */
  lookAgain(): void {
    this.#place = undefined
  }

  /** What is not forwarded yet is at the next start. */
  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#timer)
    await this.#turn
  }

  #wait(ms: number): void {
    if (this.#closed) return
    this.#timer = setTimeout(() => {
      this.#turn = this.#forward().then((ms) => this.#wait(ms))
    }, ms)
    this.#timer.unref()
  }

  /** Forwards all there is; gives when to look again. Never rejects. */
  async #forward(): Promise<number> {
    try {
      while (!this.#isClosed() && (await this.#forwardSome()));
      this.#told = undefined
      return LOOK_MS
    } catch (error) {
      this.#place = undefined
      this.#tell(error)
      return RETRY_MS
    }
  }

  #isClosed(): boolean {
    return this.#closed
  }

  /** Gives whether there may be more. */
  async #forwardSome(): Promise<boolean> {
    const place = (this.#place ??= await this.#ask())
    const entries = this.spool.after(place.number ?? 0, BATCH)
    const [first, last] = [entries[0], entries.at(-1)]
    if (!first || !last) return false
    // A journal that the fleet has nothing of begins where it begins.
    const lost = place.number === null ? 0 : first.number - place.number - 1
    const now = await this.fleet.append({
      journalId: await this.spool.id(),
      after: place.number,
      upTo: last.number,
      lost,
      texts: entries.flatMap(({ text }) => text ?? []),
    })
    if (now.lost > place.lost)
      this.logger.error(
        { lost: now.lost - place.lost },
        'fleet: entries of the block log did not get into the fleet’s: this host forgot them while Redis was away',
      )
    this.#place = now
    return true
  }

  async #ask(): Promise<JournalPlace> {
    const nothing = { after: null, upTo: null, lost: 0, texts: [] }
    const place = await this.fleet.append({ journalId: await this.spool.id(), ...nothing })
    if ((place.number ?? 0) <= this.spool.newest()) return place
    return this.fleet.append({ journalId: await this.spool.renewId(), ...nothing })
  }

  /** That Redis is away is told by those who follow the store. */
  #tell(error: unknown): void {
    const message = error instanceof Error ? error.message : String(error)
    const known = error instanceof StoreProblem && error.passes
    if (!known && message !== this.#told)
      this.logger.error({}, `fleet: the block log is not forwarded: ${message}`)
    this.#told = message
  }
}
