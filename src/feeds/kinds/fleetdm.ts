import { appProblems, wantedApps } from '../app-findings'
import { FeedError } from '../feed-error'
import { fieldsOf, numberedId } from '../fields'
import { readingOf } from '../fleetdm/host'
import { FleetServer, TOKEN, type Numbered, type Policy } from '../fleetdm/server'
import { FLEETDM_SETTINGS, type FleetdmSettings } from '../fleetdm/settings'
import { takeHint, WEBHOOK_SECRET, type Hint } from '../hint'
import type { FeedContext, FeedKind } from '../kind'
import type { FeedReading } from '../reading'

/** Hosts of Fleet (fleetdm.com); not to be taken for this gate's own fleet. */
export const fleetdmKind: FeedKind = {
  kind: 'fleetdm',
  description: 'hosts of Fleet (fleetdm.com), the policies that they fail, and their apps',
  settingsSchema: FLEETDM_SETTINGS,
  secrets: [TOKEN, `${WEBHOOK_SECRET}?`],
  everyS: 3600,
  check: appProblems,
  apps: wantedApps,
  test: async (context) => {
    const server = serverOf(context)
    const version = await server.version()
    const count = await server.count()
    const policies = await server.policies()
    // Only this shows that hosts may be listed.
    await server.hostsAfter(0)
    const facts = policies.map(
      ({ id, name, failing }) => `policy ${id} counts, ${name}: ${String(failing)} hosts fail it`,
    )
    const none = 'no policy is critical, and the setting policies names none: nobody is known to be compliant'
    return { facts: [`Fleet ${version}`, `${count} hosts`, ...(facts.length > 0 ? facts : [none])] }
  },
  sweep: async function* (context) {
    const server = serverOf(context)
    const policies = await server.policies()
    let version = context.now()
    for await (const page of server.hosts()) {
      await checkSame(server, policies)
      yield readings(context, page, policies, version)
      version = context.now()
    }
    return undefined
  },
  receive: (context, request) => takeHint(context, request, (body) => hintOf(context, body)),
}

const serverOf = (context: FeedContext): FleetServer =>
  new FleetServer(context, wantedApps(context.settings).size > 0)

/** A policy that was deleted, or is critical no more, while a page was read would make hosts compliant. */
async function checkSame(server: FleetServer, policies: readonly Policy[]): Promise<void> {
  const ids = (list: readonly Policy[]): string =>
    list
      .map(({ id }) => id)
      .sort()
      .join(',')
  if (ids(await server.policies()) !== ids(policies))
    throw new FeedError('answer', 'other policies count than when it was begun: it is read again')
}

function readings(
  context: FeedContext,
  page: readonly Numbered[],
  policies: readonly Policy[],
  version: number,
): FeedReading[] {
  const terms = {
    feed: context.name,
    deviceId: (context.settings as FleetdmSettings).device_id,
    policies: new Set(policies.map(({ id }) => id)),
    apps: wantedApps(context.settings),
    version,
  }
  return page.flatMap(({ number, host }) => readingOf(`host-${number}`, host, terms) ?? [])
}

/** A webhook of a policy that some hosts newly fail. */
function hintOf(context: FeedContext, body: unknown): Hint | undefined {
  const { policy, hosts } = fieldsOf(body) ?? {}
  if (!fieldsOf(policy) || !Array.isArray(hosts))
    throw new FeedError('answer', 'this is no policy automation of Fleet: it has no policy, or no hosts')
  const ids = hosts.map((host) => {
    const id = numberedId(fieldsOf(host)?.['id'])
    if (id === undefined) throw new FeedError('answer', 'hosts: has one without its id')
    return id
  })
  return { ids, reread: (numbers) => reread(context, numbers) }
}

/** Hosts are listed by their ids, so that those near each other come in one page. */
async function reread(context: FeedContext, ids: readonly string[]): Promise<FeedReading[]> {
  const server = serverOf(context)
  const policies = await server.policies()
  const wanted = new Set(ids.map(Number))
  const all: FeedReading[] = []
  let last = 0
  for (const id of [...wanted].sort((a, b) => a - b)) {
    if (id <= last) continue
    const version = context.now()
    const page = await server.hostsAfter(id - 1)
    await checkSame(server, policies)
    const those = page.filter(({ number }) => wanted.has(number))
    all.push(...readings(context, those, policies, version))
    last = Math.max(id, ...page.map(({ number }) => number))
  }
  return all
}
