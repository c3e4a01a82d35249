import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'

import { parseRedisUrl, type RedisTarget } from '../../../src/config/redis-url'
import { Fleet } from '../../../src/devices/redis/fleet'
import type { FleetStore } from '../../../src/devices/redis/fleet-store'
import type { HostReport } from '../../../src/devices/redis/host-report'
import type { StoreProblem } from '../../../src/devices/redis/problem'
import type { Replicator } from '../../../src/devices/redis/replicator'
import { eventually } from '../../support/eventually'

export function redisTarget(url: string): RedisTarget {
  const reading = parseRedisUrl(url, (file) => path.resolve(file))
  if (!reading.ok) throw new Error(reading.problem)
  return reading.target
}

export interface FleetHostOptions {
  readonly url: string
  readonly prefix: string
  readonly name?: string
  readonly leaseMs?: number
  /** A directory that another host left. */
  readonly dir?: string
  readonly now?: () => number
}

/** One host of a fleet in this process: its replica, what follows the store into it, and its way to write. */
export class FleetHost {
  readonly fleet: Fleet
  readonly store: FleetStore
  /** What it told of itself, in order. */
  readonly told: string[] = []
  problem: StoreProblem | undefined
  readonly #following: Promise<Replicator>

  constructor(
    readonly dir: string,
    options: FleetHostOptions,
  ) {
    const { name = 'host-a', leaseMs = 30_000, now = Date.now, prefix, url } = options
    this.fleet = Fleet.open({
      stateDir: dir,
      target: redisTarget(url),
      keyPrefix: prefix,
      leaseMs,
      hostName: name,
      now,
      alone: false,
    })
    this.store = this.fleet.store
    this.#following = this.fleet.follow(() => this.#report(name, now()), {
      onSnapshot: (why) => this.told.push(`snapshot: ${why}`),
      onSnapshotProgress: () => undefined,
      onSnapshotDone: () => this.told.push('snapshot done'),
      onLost: (lost) => this.told.push(`lost: ${lost}`),
      onForeign: (problem) => this.told.push(`foreign: ${problem}`),
      onProblem: (problem) => {
        this.problem = problem
        this.told.push(problem ? `problem: ${problem.kind}: ${problem.message}` : 'well')
      },
    })
  }

  static open(options: FleetHostOptions): FleetHost {
    return new FleetHost(options.dir ?? fs.mkdtempSync(path.join(os.tmpdir(), 'device-gate-host-')), options)
  }

  /** Resolves when it was at the store's end for the first time. */
  async ready(): Promise<void> {
    await (
      await this.#following
    ).ready
  }

  /** It takes in nothing more; it still writes. */
  async stopFollowing(): Promise<void> {
    await (await this.#following).close()
  }

  #report(host: string, now: number): HostReport {
    const cursor = this.store.cursor()
    return {
      host,
      version: '0.0.0',
      pid: process.pid,
      startedAt: now,
      epoch: cursor?.epoch ?? null,
      n: cursor?.n ?? 0,
      takenInN: cursor?.n ?? 0,
      policyVersion: this.store.activePolicy()?.version ?? 0,
      leaseValid: this.store.leaseValid(now),
      setAside: this.store.setAside().count,
      workers: 1,
      sessions: 0,
      journalWaiting: 0,
      journalLost: 0,
    }
  }

  /** Resolves when it told of something that `pattern` finds. */
  async untilTold(pattern: RegExp): Promise<string> {
    return eventually(() => {
      const found = this.told.find((line) => pattern.test(line))
      if (found === undefined) throw new Error(`${String(pattern)} was not told: ${this.told.join('\n')}`)
      return found
    })
  }

  /** Ends it; its directory stays. */
  async close(): Promise<void> {
    await this.stopFollowing()
    await this.fleet.close()
  }

  async remove(): Promise<void> {
    await this.close()
    fs.rmSync(this.dir, { recursive: true, force: true })
  }
}
