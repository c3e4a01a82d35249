import type { RedisClient } from './connection'
import type { StoreKeys } from './keys'
import { parseEntry, type LogEntry } from './log-entry'
import { StoreProblem } from './problem'
import { STORE_SCHEMA } from './scripts'

/** Where the store's history stands. `epoch` is null for one that is empty, or was lost. */
export interface StoreHead {
  readonly epoch: string | null
  readonly n: number
  readonly tip: string
  /** Set by a host that knows of a store where there is none now. */
  readonly lost: string | null
}

/** Makes a head of the fields schema, epoch, n, tip, lost. Throws {@link StoreProblem} for one that cannot be used. */
export function storeHead(fields: unknown, keys: StoreKeys): StoreHead {
  const [schema, epoch, n, tip, lost] = fields as (string | null)[]
  if (typeof schema === 'string' && schema !== STORE_SCHEMA)
    throw new StoreProblem(
      'newer_store',
      `${keys.meta} is of schema ${schema.slice(0, 16)}, this version knows ${STORE_SCHEMA}: update this host`,
    )
  if (epoch === null || epoch === undefined) return { epoch: null, n: 0, tip: '', lost: lost ?? null }
  if (!/^\d{1,16}$/.test(n ?? '') || typeof tip !== 'string')
    throw new StoreProblem(
      'damaged',
      `${keys.meta}: n or tip is damaged; something else wrote there: restore a backup`,
    )
  return { epoch, n: Number(n), tip, lost: lost ?? null }
}

export const readHead = async (client: RedisClient, keys: StoreKeys): Promise<StoreHead> =>
  storeHead(
    await typed(keys.meta, () => client.hmget(keys.meta, 'schema', 'epoch', 'n', 'tip', 'lost')),
    keys,
  )

/** Entries read at once: bounds the memory of a host that is far behind. */
const ENTRIES_AT_ONCE = 64

export interface EntriesRead {
  readonly entries: readonly LogEntry[]
  /** Ids of entries that no gate wrote. */
  readonly foreign: readonly string[]
}

/** The entries after `n`; waits for one when `blockMs` is given. */
export async function readEntries(
  client: RedisClient,
  keys: StoreKeys,
  n: number,
  blockMs?: number,
): Promise<EntriesRead> {
  const after = `${n}-0`
  const reply = await typed(keys.log, () =>
    blockMs === undefined
      ? client.xread('COUNT', ENTRIES_AT_ONCE, 'STREAMS', keys.log, after)
      : client.xread('COUNT', ENTRIES_AT_ONCE, 'BLOCK', blockMs, 'STREAMS', keys.log, after),
  )
  const entries: LogEntry[] = []
  const foreign: string[] = []
  for (const [id, fields] of reply?.[0]?.[1] ?? []) {
    const entry = parseEntry(id, fields)
    if (entry) entries.push(entry)
    else foreign.push(id)
  }
  return { entries, foreign }
}

/** Names the key whose type is wrong: Redis does not. */
export async function typed<T>(key: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read()
  } catch (error) {
    if (error instanceof Error && error.message.startsWith('WRONGTYPE'))
      throw new StoreProblem('damaged', `${key} holds what the gate did not write: move it away`)
    throw error
  }
}
