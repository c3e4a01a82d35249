import { forEveryDevice } from '../orders/every-device'
import { narrowing } from '../orders/narrowed'
import { decide } from '../policy/decide'
import type { Beside } from '../policy/decision'
import type { DeviceRecord } from '../policy/device'
import type { LookupSite } from './site'

/** How all devices stand, each as if it proved itself with a tag of its first owner. */
export interface StandingFigures {
  readonly devices: number
  readonly blocked: number
  readonly warned: number
  /** Those that mode monitor, or a silent mandate, only notes. */
  readonly wouldBlock: number
  readonly wouldWarn: number
  /** Epoch milliseconds. */
  readonly countedAt: number
}

const LOOK_MS = 1000
const INTERVAL_MS = 60_000
/** At most this share of a processor goes into it, however many devices there are. */
const SHARE = 1 / 20

/** Counts in the background who is blocked and warned now: after each order, and when devices or time changed it. */
export class StandingCount {
  #figures: StandingFigures | null = null
  #seen = { order: -1, sequence: -1 }
  /** Until then time alone changes nothing. */
  #holdsUntil = Infinity
  #dueAt = 0
  #counting: Promise<void> | undefined
  readonly #stop = new AbortController()
  readonly #timer: NodeJS.Timeout

  constructor(
    private readonly site: Pick<LookupSite, 'store' | 'config' | 'now'>,
    private readonly onFault: (error: unknown) => void,
  ) {
    this.#timer = setInterval(() => this.#look(), LOOK_MS)
    this.#timer.unref()
    this.#look()
  }

  /** null: not counted yet. */
  get figures(): StandingFigures | null {
    return this.#figures
  }

  async close(): Promise<void> {
    this.#stop.abort()
    clearInterval(this.#timer)
    await this.#counting
  }

  #look(): void {
    if (this.#counting) return
    try {
      if (!this.#isDue()) return
    } catch (error) {
      this.onFault(error)
      return
    }
    this.#counting = this.#count()
      .catch((error: unknown) => {
        if (!this.#stop.signal.aborted) this.onFault(error)
      })
      .finally(() => (this.#counting = undefined))
  }

  #isDue(): boolean {
    const store = this.site.store()
    if (store.newestOrder() !== this.#seen.order) return true
    if (performance.now() < this.#dueAt) return false
    return store.sequence() !== this.#seen.sequence || this.site.now() >= this.#holdsUntil
  }

  async #count(): Promise<void> {
    const began = performance.now()
    const store = this.site.store()
    const now = this.site.now()
    this.#seen = { order: store.newestOrder(), sequence: store.sequence() }
    this.#dueAt = began + INTERVAL_MS
    const counted = { devices: 0, blocked: 0, warned: 0, wouldBlock: 0, wouldWarn: 0 }
    let holdsUntil = Infinity
    const decideOne = this.#decider(now)
    if (decideOne) {
      const add = (device: DeviceRecord, beside: Beside): void => {
        counted.devices += 1
        const { outcome, enforced, validUntil } = decideOne(device, beside)
        holdsUntil = Math.min(holdsUntil, validUntil)
        if (outcome === 'block') counted[enforced ? 'blocked' : 'wouldBlock'] += 1
        if (outcome === 'warn') counted[enforced ? 'warned' : 'wouldWarn'] += 1
      }
      await forEveryDevice(store, add, this.#stop.signal)
    }
    this.#figures = { ...counted, countedAt: now }
    this.#holdsUntil = holdsUntil
    this.#dueAt = began + Math.max(INTERVAL_MS, (performance.now() - began) / SHARE)
  }

  /** undefined: there is no policy to decide by. */
  #decider(now: number): ((device: DeviceRecord, beside: Beside) => ReturnType<typeof decide>) | undefined {
    const store = this.site.store()
    const active = store.activePolicy()
    if (!active) return undefined
    const { enforcement, identity } = this.site.config()
    const host = { enforcement, unidentified: identity.unidentified }
    const leaseValid = store.leaseValid(now)
    const policyOf = narrowing(active)
    return (device, beside) =>
      decide(
        {
          subject: {
            user: device.owners[0] ?? '',
            claim: { deviceId: device.id, proof: 'tag' },
            platformHint: null,
            exemptNetwork: false,
          },
          active: policyOf(device),
          host,
          devices: [device],
          ...beside,
          leaseValid,
        },
        now,
      )
  }
}
