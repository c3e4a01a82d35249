import os from 'node:os'

import type { Fleet } from '../devices/redis/fleet'
import { hostName, type WorkerAcknowledgement } from '../devices/redis/host-report'
import type { ReadStore } from '../devices/store'

/** How long a change is waited for until each live host has it in force. */
const PATIENCE_MS = 10_000
const LOOK_MS = 10

/** Those who decide: the workers of this host, of a fleet all live hosts. */
export interface Deciders {
  readonly store: () => ReadStore
  /** undefined: the store is embedded. */
  readonly fleet: () => Fleet | undefined
  /** What the workers of this host that are alive have taken in. */
  readonly workers: () => readonly {
    readonly pid: number
    readonly sequence: number
    readonly orderedAt: number
  }[]
}

/** A host, and when what was just written was in force in all its workers. */
export interface InForce {
  readonly host: string
  /** Milliseconds from the change on; null: not yet. */
  readonly ms: number | null
  /** Each of them, by that host's clock. */
  readonly workers: readonly WorkerAcknowledgement[]
}

/**
 * Waits until what this process wrote is in force in all workers of this host, of a fleet's every live host, and
 * gives how long each took; nothing where no gate runs. `since` is the moment of the change, as of
 * `performance.now()`. A host that does not have it in time is given without.
 */
export async function untilInForce(
  deciders: Deciders,
  since: number,
  /** Of a fleet, this host alone: the store does not answer. */
  { hereOnly = false } = {},
): Promise<InForce[]> {
  const look = hostsThatLackIt(deciders, hereOnly)
  const done = new Map<string, InForce>()
  for (;;) {
    const hosts = await look()
    const ms = Math.round(performance.now() - since)
    for (const { host, lacksIt, workers } of hosts)
      if (!lacksIt && !done.has(host)) done.set(host, { host, ms, workers })
    const waiting = hosts.filter(({ host }) => !done.has(host))
    if (waiting.length > 0 && performance.now() < since + PATIENCE_MS) {
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
      continue
    }
    return [...done.values(), ...waiting.map(({ host }) => ({ host, ms: null, workers: [] }))]
  }
}

/** As programs are told of it. */
export const inForceJson = (hosts: readonly InForce[]): object[] =>
  hosts.map(({ host, ms, workers }) => ({
    host,
    ms,
    workers: workers.map(({ pid, at }) => ({ pid, at: new Date(at).toISOString() })),
  }))

interface Decider {
  readonly host: string
  readonly lacksIt: boolean
  readonly workers: readonly WorkerAcknowledgement[]
}

/** Looks at the hosts that decide now, and whether one of their workers lacks what this process wrote. */
function hostsThatLackIt(deciders: Deciders, hereOnly: boolean): () => Promise<readonly Decider[]> {
  const fleet = hereOnly ? undefined : deciders.fleet()
  if (!fleet) {
    const written = deciders.store().sequence()
    return async () => {
      const workers = deciders.workers()
      const lacksIt = workers.some(({ sequence }) => sequence < written)
      const acknowledged = workers.map(({ pid, orderedAt }) => ({ pid, at: orderedAt }))
      return Promise.resolve(
        workers.length === 0 ? [] : [{ host: os.hostname(), lacksIt, workers: acknowledged }],
      )
    }
  }
  const write = fleet.store.newestWrite
  if (!write) return async () => Promise.resolve([])
  return async () => {
    const hosts = await fleet.hosts()
    return hosts.flatMap(({ id, report }) => {
      if (!report) return []
      const lacksIt = report.epoch !== write.epoch || report.takenInN < write.n
      return { host: hostName(id, hosts), lacksIt, workers: report.acknowledged ?? [] }
    })
  }
}
