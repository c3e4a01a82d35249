import type { HostConfig } from '../config/host-config'
import { readStatus } from '../config/status-file'
import { LmdbStore } from '../devices/lmdb-store'
import type { Fleet } from '../devices/redis/fleet'
import { openFleet } from '../devices/redis/open-fleet'
import { StoreProblem } from '../devices/redis/problem'
import type { Store } from '../devices/store'
import { clockTime } from './output'

/** The site's store as a command has it: the embedded one, or the fleet's. */
export interface SiteStore {
  readonly store: Store
  /** undefined: the store is embedded. */
  readonly fleet: Fleet | undefined
  /** No process of this host keeps its copy of the fleet's store up to date: a command does it for itself. */
  readonly alone: boolean
  close(): Promise<void>
}

export function openSiteStore(config: HostConfig): SiteStore {
  if (config.store.kind === 'embedded') {
    const store = LmdbStore.open(config.stateDir)
    return { store, fleet: undefined, alone: true, close: () => store.close() }
  }
  const alone = readStatus(config.stateDir) === undefined
  const fleet = openFleet(config, { alone })
  return { store: fleet.store, fleet, alone, close: () => fleet.close() }
}

/**
 * Brings this host's copy up to date where nobody else does. Tells when what a command will read may be old:
 * it works on all the same.
 */
export async function catchUp(
  { fleet, alone }: SiteStore,
  config: HostConfig,
  tell: (text: string) => void,
): Promise<void> {
  if (!fleet) return
  const problem = alone ? await problemOfCatchUp(fleet, tell) : readStatus(config.stateDir)?.storeProblem
  if (problem == null) return
  const from = fleet.store.leaseFrom()
  const known =
    from === undefined
      ? 'this host has never heard from the store'
      : `what is read here is as of ${clockTime(from)}`
  tell(`${problem}; ${known}`)
}

async function problemOfCatchUp(fleet: Fleet, tell: (text: string) => void): Promise<string | null> {
  try {
    await fleet.catchUp({
      onSnapshot: (why) => tell(`copying the whole store to this host: ${why}`),
      onSnapshotProgress: () => undefined,
      onSnapshotDone: () => undefined,
      onLost: tell,
      onForeign: tell,
    })
    return null
  } catch (error) {
    if (error instanceof StoreProblem) return error.message
    throw error
  }
}
