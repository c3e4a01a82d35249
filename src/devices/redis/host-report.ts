import type { RedisClient } from './connection'
import type { StoreKeys } from './keys'

/** When a deciding process had taken in an order. */
export interface WorkerAcknowledgement {
  readonly pid: number
  /** Epoch milliseconds. */
  readonly at: number
}

/** What a host says of itself, each second and when something of it changes. Times are epoch milliseconds. */
export interface HostReport {
  readonly host: string
  /** The gate's version. */
  readonly version: string
  readonly pid: number
  readonly startedAt: number
  /** Up to where in the store's history its replica is; null: it has none yet. */
  readonly epoch: string | null
  readonly n: number
  /** Up to where all its workers have taken in policy, mode and overrides. */
  readonly takenInN: number
  /** When each of its workers had taken in the newest of those, by its clock; hosts of an older version do not say. */
  readonly acknowledged?: readonly WorkerAcknowledgement[]
  readonly policyVersion: number
  readonly leaseValid: boolean
  /** Entries of the store that it cannot read. */
  readonly setAside: number
  readonly workers: number
  /** Open IMAP sessions in all of them, some seconds ago. */
  readonly sessions: number
  /** Of its block log: entries that the fleet's journal does not have yet (null: not known), and never will. */
  readonly journalWaiting: number | null
  readonly journalLost: number
}

export interface KnownHost {
  readonly id: string
  /** By the server's clock. */
  readonly lastHeardAt: number
  /** null: it no longer says anything. */
  readonly report: HostReport | null
}

/** Every host that was heard of in the last week. */
export async function readHosts(client: RedisClient, keys: StoreKeys): Promise<KnownHost[]> {
  const known = pairs(await client.zrange(keys.hosts, '0', '-1', 'WITHSCORES'))
  if (known.length === 0) return []
  const reports = await client.mget(known.map(([id]) => keys.host(id)))
  return known.map(([id, heardS], index) => ({
    id,
    lastHeardAt: Number(heardS) * 1000,
    report: parseReport(reports[index] ?? null),
  }))
}

/** A host's name, or its id where two have the same name or it says nothing any more. */
export function hostName(id: string, hosts: readonly KnownHost[]): string {
  const name = hosts.find((host) => host.id === id)?.report?.host
  const namesakes = hosts.filter(({ report }) => report !== null && report.host === name)
  return name === undefined || namesakes.length > 1 ? id : name
}

function pairs(flat: readonly string[]): [string, string][] {
  const list: [string, string][] = []
  for (let i = 0; i + 1 < flat.length; i += 2) list.push([flat[i] ?? '', flat[i + 1] ?? ''])
  return list
}

function parseReport(text: string | null): HostReport | null {
  try {
    const value = text === null ? null : (JSON.parse(text) as HostReport | null)
    return typeof value?.n === 'number' ? value : null
  } catch {
    return null
  }
}
