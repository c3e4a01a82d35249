import type { RedisClient } from './connection'
import type { Cursor } from './cursor'
import type { AppliedEntry, FleetReplica } from './fleet-replica'
import type { StoreKeys } from './keys'
import { parseEntry } from './log-entry'
import type { StoreHead } from './reading'

/** How far back the point is looked for at which two histories part. */
const LOOK_BACK = 2000
const AT_ONCE = 50

/** Where this host's history and the store's part. */
export interface Parting {
  /** The newest entry that both have; undefined: none in sight. */
  readonly common: AppliedEntry | undefined
  /** Names the entries that this host has applied and that the store no longer has; undefined: none. */
  readonly lost: string | undefined
}

/**
 * Looks for what a failover or a restored backup lost: entries that this host has applied and that are no longer
 * in the store's history. There are none when entries are only missing from the log.
 */
export async function findParting(
  client: RedisClient,
  keys: StoreKeys,
  replica: FleetReplica,
  head: StoreHead,
  cursor: Cursor,
): Promise<Parting> {
  if (head.epoch !== cursor.epoch) return { common: undefined, lost: undefined }
  const common = await lastCommon(client, keys, replica, Math.min(head.n, cursor.n))
  // Without a common entry in sight only a store that went back is known to have lost something.
  const from = common?.n ?? (head.n < cursor.n ? head.n : cursor.n)
  return { common, lost: from < cursor.n ? lostText(replica, from + 1, cursor.n) : undefined }
}

function lostText(replica: FleetReplica, from: number, to: number): string {
  const writers = new Map<string, number>()
  for (let n = Math.max(from, to - LOOK_BACK); n <= to; n += 1) {
    const by = replica.remembered(n)?.by ?? 'unknown'
    writers.set(by, (writers.get(by) ?? 0) + 1)
  }
  const told = [...writers].map(([by, count]) => `${count} of ${by}`).join(', ')
  return (
    `a failover or a restored backup lost acknowledged changes: entries ${from} to ${to} (${told}); ` +
    'write them again'
  )
}

/** The newest entry that both have, from `n` on down. */
async function lastCommon(
  client: RedisClient,
  keys: StoreKeys,
  replica: FleetReplica,
  n: number,
): Promise<AppliedEntry | undefined> {
  for (let top = n; top > Math.max(0, n - LOOK_BACK); top -= AT_ONCE) {
    const from = Math.max(0, top - AT_ONCE + 1)
    const found = await client.xrevrange(keys.log, `${top}-0`, `${from}-0`)
    for (const [id, fields] of found) {
      const entry = parseEntry(id, fields)
      const applied = entry && replica.remembered(entry.n)
      if (applied && applied.tip === entry.tip) return applied
    }
  }
  return undefined
}
