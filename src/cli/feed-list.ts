import { hostName, type KnownHost } from '../devices/redis/host-report'
import { StoreProblem } from '../devices/redis/problem'
import { feedJson, feedText } from '../lookup/feeds'
import { answer, type CommandContext } from './context'
import { table } from './output'

/** Of a fleet: what a feed's own host keeps of it stands there; here it is known which host that is. */
export async function listFeeds(context: CommandContext): Promise<void> {
  const feeds = context.feeds()
  const now = context.now()
  const hosts = await holders(
    context,
    feeds.map(({ name }) => name),
  )
  const rows = feeds.map((feed) => [feed.name, ...(hosts ? [hosts.get(feed.name)] : []), feedText(feed, now)])
  answer(
    context,
    feeds.map((feed) => ({ ...feedJson(feed, now), ...(hosts && { host: hosts.get(feed.name) ?? null }) })),
    feeds.length === 0 ? 'no feeds\n' : table(['feed', ...(hosts ? ['host'] : []), 'standing'], rows),
  )
}

async function holders(
  context: CommandContext,
  names: readonly string[],
): Promise<Map<string, string> | undefined> {
  const fleet = context.fleet()
  if (!fleet) return undefined
  try {
    const hosts: readonly KnownHost[] = await fleet.hosts()
    const ids = await fleet.feedHolders(names)
    return new Map([...ids].map(([name, id]) => [name, hostName(id, hosts)]))
  } catch (error) {
    if (!(error instanceof StoreProblem)) throw error
    context.tell(error.message)
    return new Map()
  }
}
