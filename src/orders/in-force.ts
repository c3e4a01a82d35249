import os from 'node:os'

import type { Fleet } from '../devices/redis/fleet'
import { hostName } from '../devices/redis/host-report'
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
  readonly workers: () => readonly { readonly sequence: number }[]
}

/** A host, and when what was just written was in force in all its workers. */
export interface InForce {
  readonly host: string
  /** Milliseconds from the change on; null: not yet. */
  readonly ms: number | null
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
  const done = new Map<string, number>()
  for (;;) {
    const hosts = await look()
    const ms = Math.round(performance.now() - since)
    for (const { host, lacksIt } of hosts) if (!lacksIt && !done.has(host)) done.set(host, ms)
    const waiting = hosts.filter(({ host }) => !done.has(host))
    if (waiting.length > 0 && performance.now() < since + PATIENCE_MS) {
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
      continue
    }
    return [
      ...[...done].map(([host, took]) => ({ host, ms: took })),
      ...waiting.map(({ host }) => ({ host, ms: null })),
    ]
  }
}

/** Looks at the hosts that decide now, and whether one of their workers lacks what this process wrote. */
function hostsThatLackIt(
  deciders: Deciders,
  hereOnly: boolean,
): () => Promise<readonly { readonly host: string; readonly lacksIt: boolean }[]> {
  const fleet = hereOnly ? undefined : deciders.fleet()
  if (!fleet) {
    const written = deciders.store().sequence()
    return async () => {
      const workers = deciders.workers()
      const lacksIt = workers.some(({ sequence }) => sequence < written)
      return Promise.resolve(workers.length === 0 ? [] : [{ host: os.hostname(), lacksIt }])
    }
  }
  const write = fleet.store.newestWrite
  if (!write) return async () => Promise.resolve([])
  return async () => {
    const hosts = await fleet.hosts()
    return hosts.flatMap(({ id, report }) => {
      if (!report) return []
      return { host: hostName(id, hosts), lacksIt: report.epoch !== write.epoch || report.takenInN < write.n }
    })
  }
}
