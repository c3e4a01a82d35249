import type { Override } from '../../policy/override'
import { ATTESTATION } from '../stored-attestations'
import { ChainBreak } from './chain-break'
import type { RedisClient } from './connection'
import type { AppliedEntry, FleetReplica } from './fleet-replica'
import { overrideField, type StoreKeys } from './keys'
import type { LogEntry } from './log-entry'
import { readEntries, readHead } from './reading'
import { readOrders } from './snapshot'
import type { StoredParts } from './stored-parts'

/** More changes than this are not looked up one by one: a snapshot is cheaper. */
const MAX_CHANGES = 20_000
const MAX_ENTRIES = 2000
const AT_ONCE = 500

/**
 * After a failover that lost the newest entries, all hosts are in a history that the store no longer has. Each
 * reads just what was changed since the two histories part: a whole snapshot for every host at once would keep
 * the new server from its work. Gives false, with nothing changed, when it takes a snapshot.
 */
export async function rejoin(
  client: RedisClient,
  keys: StoreKeys,
  replica: FleetReplica,
  common: AppliedEntry,
): Promise<boolean> {
  const changes = replica.changesAfter(common.sequence, MAX_CHANGES)
  if (!changes || changes.length >= MAX_CHANGES) return false
  const deviceIds = new Set<string>()
  const subjects = new Map<string, Override['subject']>()
  let ordered = false
  for (const change of changes) {
    if (change.kind === 'device') deviceIds.add(change.deviceId)
    else ordered = true
    if (change.kind === 'override') subjects.set(JSON.stringify(change.subject), change.subject)
  }
  const stored: StoredParts = {
    devices: await readDevices(client, keys, [...deviceIds]),
    overrides: await readOverrides(client, keys, [...subjects.values()]),
    orders: ordered ? await readOrders(client, keys) : undefined,
  }
  const entries = await entriesAfter(client, keys, common)
  if (!entries) return false
  try {
    await replica.leaveHistory(common, stored, entries)
    return true
  } catch (error) {
    if (error instanceof ChainBreak) return false
    throw error
  }
}

async function readDevices(
  client: RedisClient,
  keys: StoreKeys,
  ids: readonly string[],
): Promise<[string, string | undefined][]> {
  const found: [string, string | undefined][] = []
  for (let from = 0; from < ids.length; from += AT_ONCE) {
    const some = ids.slice(from, from + AT_ONCE)
    const texts = await client.hmget(keys.devices, ...some)
    some.forEach((id, index) => found.push([id, texts[index] ?? undefined]))
  }
  return found
}

async function readOverrides(
  client: RedisClient,
  keys: StoreKeys,
  subjects: readonly Override['subject'][],
): Promise<StoredParts['overrides']> {
  const wanted = subjects.flatMap((subject) =>
    (['lock', 'exemption', ATTESTATION] as const).map((kind) => ({ kind, subject })),
  )
  const found: [[string, string, string], string | undefined][] = []
  for (const { kind, subject } of wanted) {
    const text = await client.hget(keys.overrides, overrideField(kind, subject))
    found.push([[kind, subject.kind, subject.id], text ?? undefined])
  }
  return found
}

/** The store's history after an entry; undefined when it is too long, or no longer all there. */
async function entriesAfter(
  client: RedisClient,
  keys: StoreKeys,
  common: AppliedEntry,
): Promise<LogEntry[] | undefined> {
  const list: LogEntry[] = []
  while (list.length <= MAX_ENTRIES) {
    const place = list.at(-1) ?? common
    const [head, { entries }] = await Promise.all([
      readHead(client, keys),
      readEntries(client, keys, place.n),
    ])
    if (entries.length > 0) list.push(...entries)
    else return head.n === place.n && head.tip === place.tip ? list : undefined
  }
  return undefined
}
