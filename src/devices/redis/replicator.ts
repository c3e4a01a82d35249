import { Alarm } from './alarm'
import type { FleetReplica } from './fleet-replica'
import { Follower, type ReplicationListener } from './follower'
import { Heartbeat } from './heartbeat'
import type { HostReport } from './host-report'
import type { StoreKeys } from './keys'
import type { RedisLink } from './link'
import { asStoreProblem, type StoreProblem } from './problem'

/** How long a read waits for something new; also how soon an emptied or replaced store is noticed. */
const BLOCK_MS = 1000
const BEAT_MS = 1000
const FIRST_RETRY_MS = 100
const MAX_RETRY_MS = 3000

export interface ReplicatorOptions {
  /** The store's servers, for people. */
  readonly place: string
  readonly tail: RedisLink
  readonly commands: RedisLink
  readonly keys: StoreKeys
  readonly replica: FleetReplica
  readonly hostId: string
  readonly leaseMs: number
  /** What this host says of itself now. */
  readonly report: () => HostReport
  readonly listener: ReplicatorListener
  readonly now: () => number
}

export interface ReplicatorListener extends ReplicationListener {
  /** The store cannot be used, from now on or for another reason than before; undefined: it can again. */
  onProblem(problem: StoreProblem | undefined): void
}

/** Keeps the host's replica true to the fleet's store, and the store informed of the host; one a host. */
export class Replicator {
  readonly #follower: Follower
  readonly #heartbeat: Heartbeat
  readonly #problems = new Map<'tail' | 'beat', StoreProblem>()
  readonly #alarms = { tail: new Alarm(), beat: new Alarm() }
  readonly #loops: Promise<void>[] = []
  #told: string | undefined
  #closed = false
  #firstStep: () => void = () => undefined

  /** Resolves when the replica was at the store's end for the first time. */
  readonly ready = new Promise<void>((resolve) => (this.#firstStep = resolve))

  constructor(private readonly options: ReplicatorOptions) {
    const { commands, keys, replica, hostId, leaseMs, listener, now } = options
    this.#follower = new Follower(replica, keys, listener)
    this.#heartbeat = new Heartbeat(commands, keys, replica, hostId, leaseMs, now)
  }

  start(): void {
    this.#loops.push(this.#follow(), this.#beat())
  }

  /** Says at once what the host has to say, instead of at the next beat. */
  reportNow(): void {
    this.#alarms.beat.ring()
  }

  /** What keeps this host from the store now. */
  get problem(): StoreProblem | undefined {
    return this.#problems.get('tail') ?? this.#problems.get('beat')
  }

  /** Where the store stood at the last beat. */
  get storeN(): number {
    return this.#heartbeat.storeN
  }

  /** Ends once what is under way has ended; the links stay with their owner, but what waits on them fails. */
  async close(): Promise<void> {
    this.#closed = true
    this.#alarms.tail.ring()
    this.#alarms.beat.ring()
    this.options.tail.drop()
    this.options.commands.drop()
    await Promise.all(this.#loops)
  }

  async #follow(): Promise<void> {
    let waits = false
    await this.#forever('tail', async () => {
      const blockMs = waits ? BLOCK_MS : undefined
      waits = false
      const head = await this.options.tail.run((client) => this.#follower.step(client, blockMs))
      await this.#heartbeat.settle()
      const cursor = this.options.replica.cursor()
      waits = head.epoch === null || (cursor?.epoch === head.epoch && cursor.n >= head.n)
      if (waits) this.#firstStep()
      return 0
    })
  }

  async #beat(): Promise<void> {
    await this.#forever('beat', async () => {
      await this.#heartbeat.beat(this.options.report())
      return BEAT_MS
    })
  }

  /** Repeats `work`, after the pause that it gives; after a failure with growing pauses. */
  async #forever(name: 'tail' | 'beat', work: () => Promise<number>): Promise<void> {
    let failures = 0
    while (!this.#isClosed()) {
      try {
        const pauseMs = await work()
        failures = 0
        this.#settle(name, undefined)
        if (pauseMs > 0) await this.#alarms[name].wait(pauseMs)
      } catch (error) {
        if (this.#isClosed()) return
        failures += 1
        this.#settle(name, error)
        await this.#alarms[name].wait(Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(failures, 10)))
      }
    }
  }

  /** Asked anew after each wait. */
  #isClosed(): boolean {
    return this.#closed
  }

  #settle(name: 'tail' | 'beat', error: unknown): void {
    const { listener, place } = this.options
    if (error === undefined) this.#problems.delete(name)
    else this.#problems.set(name, asStoreProblem(error, place))
    const said = this.problem?.message
    if (said === this.#told) return
    this.#told = said
    listener.onProblem(this.problem)
  }
}
