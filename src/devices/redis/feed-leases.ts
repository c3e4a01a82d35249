import type { StoreKeys } from './keys'
import type { RedisLink } from './link'
import { runScript, script } from './scripts'

/** Three renewals may fail before another host takes over. */
const LEASE_MS = 20_000

/**
 * KEYS: lease
 * ARGV: host id, milliseconds ('0' = give it back)
 * Gives 1 when the host has it now.
 */
const LEASE_SCRIPT = script(`
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
if ARGV[2] == '0' then
  redis.call('DEL', KEYS[1])
  return 0
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
`)

/** Which host of a fleet runs each feed: the one that has its lease. */
export class FeedLeaseBook {
  constructor(
    private readonly link: RedisLink,
    private readonly keys: StoreKeys,
    private readonly hostId: string,
  ) {}

  /** Rejects with StoreProblem; then nobody can be sure to have it. */
  async renew(name: string): Promise<boolean> {
    return (await this.#run(name, LEASE_MS)) === 1
  }

  async release(name: string): Promise<void> {
    await this.#run(name, 0)
  }

  #run(name: string, ms: number): Promise<unknown> {
    return this.link.run((client) =>
      runScript(client, LEASE_SCRIPT, [this.keys.feed(name)], [this.hostId, ms]),
    )
  }
}

/** The ids of the hosts that run feeds, by the feeds' names. Rejects with StoreProblem. */
export async function feedHolders(
  link: RedisLink,
  keys: StoreKeys,
  names: readonly string[],
): Promise<Map<string, string>> {
  if (names.length === 0) return new Map()
  const holders = await link.run((client) => client.mget(names.map((name) => keys.feed(name))))
  return new Map(names.flatMap((name, index) => (holders[index] == null ? [] : [[name, holders[index]]])))
}
