import { AccessToken } from '../access-token'
import { wantedApps } from '../app-findings'
import { FeedError } from '../feed-error'
import { fieldsOf, numberedId, textOf } from '../fields'
import { takeHint, WEBHOOK_SECRET, type Hint } from '../hint'
import { readingOf, type Terms } from '../jamf/device'
import {
  deviceCount,
  devicesByNumber,
  inventoriesOf,
  inventoryPages,
  PAGE,
  smartGroups,
  type Get,
  type Inventory,
  type Numbered,
} from '../jamf/inventory'
import { jamfProblems, JAMF_SETTINGS, type JamfSettings } from '../jamf/settings'
import type { FeedContext, FeedKind } from '../kind'
import type { FeedReading } from '../reading'

const CLIENT_SECRET = 'client-secret'
/** A page with all apps of a hundred computers may take Jamf Pro a while. */
const PAGE_MS = 60_000

/** Mobile devices and computers of Jamf Pro. */
export const jamfKind: FeedKind = {
  kind: 'jamf',
  description: 'mobile devices and computers of Jamf Pro; smart groups say who is noncompliant',
  settingsSchema: JAMF_SETTINGS,
  secrets: [CLIENT_SECRET, `${WEBHOOK_SECRET}?`],
  everyS: 3600,
  check: jamfProblems,
  apps: wantedApps,
  test: async (context) => {
    const get = getter(context)
    const version = fieldsOf(await get('/api/v1/jamf-pro-version', new URLSearchParams()))?.['version']
    const facts = [`Jamf Pro ${textOf(version) ?? 'of an unknown version'}`]
    for (const inventory of inventoriesOf(settingsOf(context))) {
      facts.push(`${await deviceCount(get, inventory)} ${inventory.label}`)
      const groups = await smartGroups(get, inventory, groupsOf(context, inventory))
      for (const { id, name, members } of groups)
        facts.push(`noncompliant: smart group ${id}, ${name}, of ${String(members)} ${inventory.label}`)
      if (groups.length === 0)
        facts.push(`${inventory.groups.setting} names none: no state of theirs is known`)
    }
    return { facts }
  },
  sweep: async function* (context) {
    const get = getter(context)
    for (const inventory of inventoriesOf(settingsOf(context))) {
      const groups = groupsOf(context, inventory)
      await smartGroups(get, inventory, groups)
      let version = context.now()
      for await (const page of inventoryPages(get, inventory, sectionsOf(context, inventory))) {
        // It was there before: that it is still there says that it was while the page was read.
        await smartGroups(get, inventory, groups)
        yield readings(context, inventory, page, version)
        version = context.now()
      }
    }
    return undefined
  },
  receive: (context, request) => takeHint(context, request, (body) => hintOf(context, body)),
}

const settingsOf = ({ settings }: FeedContext): JamfSettings => settings as JamfSettings

const groupsOf = ({ settings }: FeedContext, { groups }: Inventory): readonly string[] =>
  (settings as JamfSettings)[groups.setting]

/** What is not needed is not asked for: apps are most of a page. */
const sectionsOf = (context: FeedContext, inventory: Inventory): string[] => [
  ...inventory.sections.always,
  ...(groupsOf(context, inventory).length > 0 ? [inventory.sections.groups] : []),
  ...(wantedApps(context.settings).size > 0 ? [inventory.sections.apps] : []),
]

/** One token for all that a feed asks, until it ends. */
const tokens = new WeakMap<FeedContext, AccessToken>()

function getter(context: FeedContext): Get {
  const { url, client_id: clientId } = settingsOf(context)
  const origin = new URL(url).origin
  const grant = { url: `${origin}/api/v1/oauth/token`, clientId, secret: CLIENT_SECRET }
  const token = tokens.get(context) ?? new AccessToken(context, grant)
  tokens.set(context, token)
  const options = { headers: { accept: 'application/json' }, timeoutMs: PAGE_MS }
  return (path, query) => token.askJson(`${origin}${path}?${query.toString()}`, options)
}

function readings(
  context: FeedContext,
  inventory: Inventory,
  page: readonly Numbered[],
  version: number,
): FeedReading[] {
  const groups = groupsOf(context, inventory)
  const terms: Terms = {
    feed: context.name,
    deviceId: settingsOf(context).device_id,
    noncompliant: groups.length > 0 ? new Set(groups) : undefined,
    apps: wantedApps(context.settings),
    version,
  }
  return page.map(({ number, device }) =>
    readingOf(`${inventory.name}-${number}`, inventory.read(device), terms),
  )
}

/** A webhook of a change in who is in a smart group. It counts for the groups that the settings name. */
function hintOf(context: FeedContext, body: unknown): Hint | undefined {
  const { webhook, event } = fieldsOf(body) ?? {}
  const name = textOf(fieldsOf(webhook)?.['webhookEvent'])
  const change = fieldsOf(event)
  if (name === undefined || !change)
    throw new FeedError('answer', 'this is no event of Jamf Pro: it has no webhookEvent, or no event')
  const inventory = inventoriesOf(settingsOf(context)).find((known) => known.event === name)
  if (!inventory) return undefined
  const group = numberedId(change['jssid'])
  if (group === undefined) throw new FeedError('answer', 'jssid: is no number')
  if (!groupsOf(context, inventory).includes(group)) return undefined
  const ids = [...numbers(change, 'groupAddedDevicesIds'), ...numbers(change, 'groupRemovedDevicesIds')]
  return { ids, reread: (devices) => reread(context, inventory, devices) }
}

function numbers(change: Readonly<Record<string, unknown>>, key: string): string[] {
  const list = change[key]
  if (!Array.isArray(list)) throw new FeedError('answer', `${key}: is no list`)
  return list.map((item) => {
    const number = numberedId(item)
    if (number === undefined) throw new FeedError('answer', `${key}: has what is no number`)
    return number
  })
}

async function reread(
  context: FeedContext,
  inventory: Inventory,
  devices: readonly string[],
): Promise<FeedReading[]> {
  const get = getter(context)
  const groups = groupsOf(context, inventory)
  const all: FeedReading[] = []
  for (let from = 0; from < devices.length; from += PAGE) {
    const version = context.now()
    const asked = devices.slice(from, from + PAGE)
    const page = await devicesByNumber(get, inventory, sectionsOf(context, inventory), asked)
    await smartGroups(get, inventory, groups)
    all.push(...readings(context, inventory, page, version))
  }
  return all
}
