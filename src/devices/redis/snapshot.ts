import { ChainBreak } from './chain-break'
import type { RedisClient } from './connection'
import type { FleetReplica } from './fleet-replica'
import type { StoreKeys } from './keys'
import type { NextGeneration, SmallParts } from './next-generation'
import { readEntries, readHead, typed } from './reading'
import { SortedRun } from './sorted-run'
import type { Orders } from './stored-parts'

/** Records in one reply and in one transaction of the replica: some milliseconds each. */
const BATCH = 1000

/** Told of each batch: how many records were read so far, of about how many. */
export type SnapshotProgress = (records: number, about: number) => void

/**
 * Copies the whole store into the replica: the records as the server gives them, then what was written in the
 * meantime from the log, then all of it in force at once. Rejects with {@link ChainBreak} when the store
 * changed faster than its log remembers, with nothing changed.
 */
export async function takeSnapshot(
  client: RedisClient,
  keys: StoreKeys,
  replica: FleetReplica,
  onProgress: SnapshotProgress,
): Promise<void> {
  const { epoch, n, tip } = await readHead(client, keys)
  if (epoch === null) throw new ChainBreak('the store went away')
  const next = await replica.nextGeneration({ epoch, n, tip })
  await copyRecords(client, keys, next, onProgress)
  await next.putSmallParts(await readSmallParts(client, keys))
  for (;;) {
    const [head, { entries }] = await Promise.all([
      readHead(client, keys),
      readEntries(client, keys, next.place.n),
    ])
    if (entries.length > 0) await next.replay(entries)
    else if (head.epoch === epoch && head.n === next.place.n && head.tip === next.place.tip) break
    else throw new ChainBreak('the store changed faster than its log remembers')
  }
  await next.finish()
}

async function copyRecords(
  client: RedisClient,
  keys: StoreKeys,
  next: NextGeneration,
  onProgress: SnapshotProgress,
): Promise<void> {
  const about = await typed(keys.devices, () => client.hlen(keys.devices))
  const run = new SortedRun()
  let count = 0
  const write = async (): Promise<void> => {
    for (const records of run.take(BATCH)) {
      await next.putRecords(records)
      count += records.length
      onProgress(count, about)
    }
  }
  let cursor = '0'
  do {
    const [following, flat] = await client.hscan(keys.devices, cursor, 'COUNT', BATCH)
    cursor = following
    run.add(pairs(flat))
    if (run.isFull) await write()
  } while (cursor !== '0')
  await write()
}

async function readSmallParts(client: RedisClient, keys: StoreKeys): Promise<SmallParts> {
  const overrides = await typed(keys.overrides, () => client.hgetall(keys.overrides))
  return {
    ...(await readOrders(client, keys)),
    overrides: Object.entries(overrides).map(([field, text]) => [overrideKey(field), text]),
  }
}

export async function readOrders(client: RedisClient, keys: StoreKeys): Promise<Orders> {
  const whole = (key: string): Promise<Record<string, string>> => typed(key, () => client.hgetall(key))
  return {
    policies: numbered(await whole(keys.policies)),
    notes: new Map(Object.entries(await whole(keys.notes))),
    history: numbered(await whole(keys.history)),
    mode: (await client.hget(keys.meta, 'mode')) ?? undefined,
  }
}

const numbered = (hash: Readonly<Record<string, string>>): Map<number, string> =>
  new Map(
    Object.entries(hash).flatMap(([number, text]) =>
      /^[1-9]\d{0,14}$/.test(number) ? [[Number(number), text]] : [],
    ),
  )

/** `kind/subject kind/id`; the id may have any character. */
function overrideKey(key: string): string[] {
  const [kind = '', subjectKind = '', ...id] = key.split('/')
  return [kind, subjectKind, id.join('/')]
}

function pairs(flat: readonly string[]): [string, string][] {
  const list: [string, string][] = []
  for (let i = 0; i + 1 < flat.length; i += 2) list.push([flat[i] ?? '', flat[i + 1] ?? ''])
  return list
}
