import os from 'node:os'

import { note, type CommandContext } from './context'
import { nameOf } from './fleet-hosts'

/** How long a change is waited for until each live host has it in force. */
const PATIENCE_MS = 10_000
const LOOK_MS = 10

/** A host, and when what was just written was in force in all its workers. */
export interface InForce {
  readonly host: string
  /** Milliseconds from the change on; null: not yet. */
  readonly ms: number | null
}

/**
 * Waits until what this command wrote is in force in all workers of this host, of a fleet's every live host, and
 * gives how long each took; nothing where no gate runs. `since` is the moment of the change, as of
 * `performance.now()`. Tells which host does not have it in time.
 */
export async function untilInForce(
  context: CommandContext,
  since: number,
  /** Of a fleet, this host alone: the store does not answer. */
  { hereOnly = false } = {},
): Promise<InForce[]> {
  const look = hostsThatLackIt(context, hereOnly)
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
    for (const { host } of waiting)
      note(context, `${host} does not have it in force yet: see device-gate status`)
    return [
      ...[...done].map(([host, took]) => ({ host, ms: took })),
      ...waiting.map(({ host }) => ({ host, ms: null })),
    ]
  }
}

/** Looks at the hosts that decide now, and whether one of their workers lacks what this command wrote. */
function hostsThatLackIt(
  context: CommandContext,
  hereOnly: boolean,
): () => Promise<readonly { readonly host: string; readonly lacksIt: boolean }[]> {
  const fleet = hereOnly ? undefined : context.fleet()
  if (!fleet) {
    const written = context.store().sequence()
    return async () => {
      const workers = context.workers()
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
      return { host: nameOf(id, hosts), lacksIt: report.epoch !== write.epoch || report.takenInN < write.n }
    })
  }
}

export const inForceText = (hosts: readonly InForce[]): [string, string][] =>
  hosts.map(({ host, ms }) => [`in force on ${host}`, ms === null ? 'not yet' : `after ${ms} ms`])
