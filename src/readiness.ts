import type { ControlParts } from './host-parts'
import { isGreeted } from './imap/greeting'
import { CHECKS, type Check } from './metrics/words'

/** What is asked often is asked anew after so long. */
const KNOWN_MS = 1000
/** A change is in force in a worker within a fraction of a second, and a worker begins to decide within two. */
const WORKERS_MAY_LAG_MS = 5000

export interface WorkerStanding {
  readonly workers: number
  readonly lagMs: number
}

/** What a host must have so that clients are served and decided as was ordered; told are the checks that fail. */
export class Readiness {
  #greeted: { readonly atMs: number; readonly all: Promise<boolean> } | undefined

  constructor(
    private readonly parts: ControlParts,
    private readonly replicaProblem: () => string | null,
    private readonly standing: () => WorkerStanding,
  ) {}

  /** This process turns its loop, or nobody would answer, and reads its replica. */
  unhealthy(): readonly Check[] {
    return failing({ replica: this.#replicaReads() })
  }

  async unready(): Promise<readonly Check[]> {
    const { replica } = this.parts
    return failing({
      replica: this.#replicaReads() && this.replicaProblem() === null,
      policy: holds(() => replica.activePolicy() !== undefined),
      workers: holds(() => {
        const { workers, lagMs } = this.standing()
        return workers > 0 && lagMs <= WORKERS_MAY_LAG_MS
      }),
      imap: await this.#imapGreets(),
      lease: holds(() => replica.leaseValid(Date.now())),
    })
  }

  #replicaReads(): boolean {
    return holds(() => this.parts.replica.sequence() >= 0)
  }

  /** Anybody may ask for it: that must not make a connection each. */
  #imapGreets(): Promise<boolean> {
    const atMs = performance.now()
    if (!this.#greeted || atMs - this.#greeted.atMs > KNOWN_MS) {
      const { enabled, listen, listenTls } = this.parts.config.current().imap
      const greeted = enabled
        ? [
            ...listen.map((address) => isGreeted(address, false)),
            ...listenTls.map((address) => isGreeted(address, true)),
          ]
        : []
      this.#greeted = { atMs, all: Promise.all(greeted).then((each) => each.every(Boolean)) }
    }
    return this.#greeted.all
  }
}

const holds = (check: () => boolean): boolean => {
  try {
    return check()
  } catch {
    return false
  }
}

const failing = (checks: Readonly<Partial<Record<Check, boolean>>>): readonly Check[] =>
  CHECKS.filter((check) => checks[check] === false)
