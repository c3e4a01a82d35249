import type { RedisClient } from './connection'
import type { Cursor } from './cursor'
import type { FleetReplica } from './fleet-replica'
import type { StoreKeys } from './keys'
import { parseEntry } from './log-entry'
import type { StoreHead } from './reading'

/** How far back the point is looked for at which two histories part. */
const LOOK_BACK = 2000
const AT_ONCE = 50

/**
 * Names the entries that this host has applied and that are no longer in the store's history: what a failover
 * or a restored backup lost. undefined: none, as when entries are only missing from the log.
 */
export async function lostEntries(
  client: RedisClient,
  keys: StoreKeys,
  replica: FleetReplica,
  head: StoreHead,
  cursor: Cursor,
): Promise<string | undefined> {
  if (head.epoch !== cursor.epoch) return undefined
  const common = await lastCommon(client, keys, replica, Math.min(head.n, cursor.n))
  if (common === cursor.n) return undefined
  // Without a common entry in sight only a store that went back is known to have lost something.
  const from = common ?? (head.n < cursor.n ? head.n : undefined)
  if (from === undefined) return undefined
  const writers = new Map<string, number>()
  for (let n = Math.max(from + 1, cursor.n - LOOK_BACK); n <= cursor.n; n += 1) {
    const by = replica.remembered(n)?.by ?? 'unknown'
    writers.set(by, (writers.get(by) ?? 0) + 1)
  }
  const told = [...writers].map(([by, count]) => `${count} of ${by}`).join(', ')
  return (
    `a failover or a restored backup lost acknowledged changes: entries ${from + 1} to ${cursor.n} (${told}); ` +
    'write them again'
  )
}

/** The newest entry that both have, from `n` on down. */
async function lastCommon(
  client: RedisClient,
  keys: StoreKeys,
  replica: FleetReplica,
  n: number,
): Promise<number | undefined> {
  for (let top = n; top > Math.max(0, n - LOOK_BACK); top -= AT_ONCE) {
    const from = Math.max(0, top - AT_ONCE + 1)
    for (const [id, fields] of await client.xrevrange(keys.log, `${top}-0`, `${from}-0`)) {
      const entry = parseEntry(id, fields)
      if (entry && replica.remembered(entry.n)?.tip === entry.tip) return entry.n
    }
  }
  return undefined
}
