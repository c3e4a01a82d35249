import { parseRedisUrl, type RedisTarget } from '../../src/config/redis-url'
import { storeKeys } from '../../src/devices/redis/keys'
import { RedisLink } from '../../src/devices/redis/link'
import { readHead } from '../../src/devices/redis/reading'
import { StoreWriter } from '../../src/devices/redis/writer'

export const KEY_PREFIX = 'dg:'

export function targetOf(url: string): RedisTarget {
  const reading = parseRedisUrl(url, (file) => file)
  if (!reading.ok) throw new Error(reading.problem)
  return reading.target
}

/** Writes to a fleet's store that is there already, and keeps no copy of it. */
export async function openWriter(url: string): Promise<{ writer: StoreWriter; close: () => void }> {
  const keys = storeKeys(KEY_PREFIX)
  const link = new RedisLink(targetOf(url), 'bench')
  const { epoch } = await link.run((client) => readHead(client, keys))
  return { writer: new StoreWriter(link, keys, 'bench', () => epoch ?? undefined), close: () => link.close() }
}
