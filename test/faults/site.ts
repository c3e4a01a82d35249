import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'

import { storeKeys } from '../../src/devices/redis/keys'
import { BY, policy } from '../devices/samples'
import { FleetHost } from '../devices/redis/fleet-host'
import { eventually } from '../support/eventually'
import { RedisServer } from '../support/redis-server'
import type { Fault } from './fault'
import { Host } from './host'
import { Ledger, type LostRange } from './ledger'
import type { Random } from './random'

export const KEYS = storeKeys('dg:')
const LEASE_MS = 3000
/** What is promised: the lease; and what a busy machine may add to it. */
const BOUND_MS = LEASE_MS + 1500
const MARKS = 2
/** Of load alone, before a fault and after it. */
const STEADY_MS = 300

export interface RunResult {
  readonly acknowledged: number
  readonly refused: number
  readonly maybe: number
  /** Entries that every host named as lost, where the fault makes some. */
  readonly lost: readonly LostRange[]
  /** The longest that a host let a device through after its block was acknowledged. */
  readonly longestAllowMs: number
}

/** A fleet of two hosts under load, on one Redis that keeps what it acknowledged. */
export class FaultSite {
  #runs = 0

  private constructor(
    readonly redis: RedisServer,
    readonly hosts: readonly [Host, Host],
    private readonly ledger: Ledger,
  ) {}

  static async start(random: Random): Promise<FaultSite> {
    const redis = await RedisServer.start({ config: ['appendonly yes', 'appendfsync always'] })
    const first = FleetHost.open({ url: redis.url, prefix: 'dg:', name: 'first' })
    await first.store.applyPolicy(
      policy({ mandates: [], unknown: 'block', stale: { afterMs: 7 * 86_400_000, action: 'block' } }),
      'faults',
      BY,
    )
    await first.remove()
    await redis.client.del(KEYS.hosts)
    const ledger = new Ledger()
    const create = (name: string): Promise<Host> =>
      Host.create(name, redis.port, ledger, { leaseMs: LEASE_MS, seed: random.between(0, 2 ** 31) })
    const hosts = [await create('a'), await create('b')] as const
    await Promise.all(hosts.map((host) => host.start()))
    return new FaultSite(redis, hosts, ledger)
  }

  get boundMs(): number {
    return BOUND_MS
  }

  /** Blocks devices on both hosts while `fault` happens, and checks what became of all that was acknowledged. */
  async run(fault: Fault, random: Random): Promise<RunResult> {
    this.#runs += 1
    const marks = this.hosts.flatMap((host) =>
      Array.from({ length: MARKS }, (_, i) => ({ host, id: `run-${this.#runs}-${host.name}${i}` })),
    )
    for (const host of this.hosts) host.beginRun()
    for (const { host, id } of marks) host.writer.order('allow', id)
    for (const host of this.hosts) for (const { id } of marks) host.watch(id)
    for (const host of this.hosts) host.writer.order('resume')
    for (const host of this.hosts) for (const { id } of marks) await host.untilOutcome(id, 'allow')

    const blocking = marks.map(async ({ host, id }) => {
      await sleep(random.between(0, 1200))
      host.writer.order('block', id)
    })
    await sleep(STEADY_MS)
    await fault.happen({ site: this, random })
    await sleep(STEADY_MS)
    await Promise.all(blocking)
    return this.#check(fault, marks)
  }

  async #check(
    fault: Fault,
    marks: readonly { readonly host: Host; readonly id: string }[],
  ): Promise<RunResult> {
    const restoredAt = Date.now()
    for (const host of this.hosts) if (fault.losesTail) await host.untilTold(/^lost: /)
    for (const host of this.hosts) await host.pause()
    await this.untilSame()
    for (const host of this.hosts) {
      await eventually(() => assert.equal(host.problem, undefined))
      assert.equal(
        fault.losesTail ?? false,
        host.told.some((line) => line.startsWith('lost: ')),
        'what is lost is named',
      )
    }
    const lost = this.hosts.flatMap((host) => host.lostRanges(restoredAt))
    this.ledger.noteLost(lost)
    assert.deepEqual(this.ledger.contradictions(await this.#stored()), [])

    // Killed in the middle of an order, a writer has forgotten it: the device was never blocked then.
    let longestAllowMs = 0
    for (const { id } of marks) {
      if (this.ledger.blockedAt(id) === undefined) continue
      for (const host of this.hosts) await host.untilOutcome(id, 'block')
    }
    for (const host of this.hosts) await host.report()
    for (const { id } of marks) {
      const at = this.ledger.blockedAt(id)
      for (const host of this.hosts)
        if (at !== undefined) longestAllowMs = Math.max(longestAllowMs, (host.allowedAt.get(id) ?? 0) - at)
    }
    assert.ok(longestAllowMs <= BOUND_MS, `a device was let through ${longestAllowMs} ms after its block`)
    assert.deepEqual(
      this.hosts.flatMap(({ crashes }) => crashes),
      [],
    )
    const { acknowledged, maybe, never: refused } = this.ledger.takeCounts()
    if (lost.length === 0) this.ledger.forget()
    return { acknowledged, maybe, refused, lost, longestAllowMs }
  }

  /** Resolves when each host's replica holds just what Redis has. */
  untilSame(): Promise<void> {
    return eventually(async () => {
      const n = Number(await this.redis.client.hget(KEYS.meta, 'n'))
      const stored = Object.entries(await this.redis.client.hgetall(KEYS.devices))
      for (const host of this.hosts) {
        const held = await host.held()
        assert.equal(held.n, n, `where ${host.name} is`)
        assert.equal(held.devices.size, stored.length, host.name)
        for (const [id, text] of stored) assert.equal(held.devices.get(id), text, `${id} on ${host.name}`)
      }
    })
  }

  async #stored(): Promise<Map<string, { version: number; state: string }>> {
    const found = Object.entries(await this.redis.client.hgetall(KEYS.devices))
    return new Map(found.map(([id, text]) => [id, JSON.parse(text) as { version: number; state: string }]))
  }

  /** The host that is furthest: what it holds is all that was acknowledged. */
  async furthest(): Promise<Host> {
    const [a, b] = this.hosts
    return ((await a.held()).n ?? 0) >= ((await b.held()).n ?? 0) ? a : b
  }

  get decisions(): number {
    return this.hosts.reduce((sum, { decisions }) => sum + decisions, 0)
  }

  async remove(): Promise<void> {
    this.redis.thaw()
    for (const host of this.hosts) await host.remove()
    await this.redis.remove()
  }
}
