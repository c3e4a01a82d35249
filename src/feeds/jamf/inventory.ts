import { FeedError } from '../feed-error'
import { fieldsOf, numberedId, textOf, type Fields } from '../fields'
import { computer, mobileDevice } from './device'
import type { JamfSettings } from './settings'

/** Asks Jamf Pro's API by GET and gives its JSON. */
export type Get = (path: string, query: URLSearchParams) => Promise<unknown>

/** One of the two inventories that Jamf Pro has, and the smart groups of its devices. */
export interface Inventory {
  /** As places and ids begin: mobile-12. */
  readonly name: 'mobile' | 'computer'
  readonly label: string
  readonly path: string
  /** The field by which devices are numbered. */
  readonly key: string
  readonly query: Readonly<Record<string, string>>
  readonly sections: { readonly always: readonly string[]; readonly groups: string; readonly apps: string }
  readonly groups: {
    readonly path: string
    readonly key: string
    readonly name: string
    readonly count: string
    readonly setting: 'noncompliant_mobile_groups' | 'noncompliant_computer_groups'
  }
  readonly read: typeof mobileDevice
  /** The webhook that tells of its smart groups. */
  readonly event: string
}

export const MOBILE_DEVICES: Inventory = {
  name: 'mobile',
  label: 'mobile devices',
  path: '/api/v2/mobile-devices/detail',
  key: 'mobileDeviceId',
  // A device that Jamf Pro cannot read would be an error of the whole page; so its sections are missing.
  query: { 'exception-handling': 'LENIENT' },
  sections: { always: ['GENERAL', 'HARDWARE', 'USER_AND_LOCATION'], groups: 'GROUPS', apps: 'APPLICATIONS' },
  groups: {
    path: '/api/v2/mobile-device-groups/smart-groups',
    key: 'groupId',
    name: 'groupName',
    count: 'count',
    setting: 'noncompliant_mobile_groups',
  },
  read: mobileDevice,
  event: 'SmartGroupMobileDeviceMembershipChange',
}

export const COMPUTERS: Inventory = {
  name: 'computer',
  label: 'computers',
  path: '/api/v4/computers-inventory',
  key: 'id',
  query: {},
  sections: {
    always: ['GENERAL', 'HARDWARE', 'USER_AND_LOCATION'],
    groups: 'GROUP_MEMBERSHIPS',
    apps: 'APPLICATIONS',
  },
  groups: {
    path: '/api/v3/computer-groups/smart-groups',
    key: 'id',
    name: 'name',
    count: 'membershipCount',
    setting: 'noncompliant_computer_groups',
  },
  read: computer,
  event: 'SmartGroupComputerMembershipChange',
}

/** With their apps a hundred devices are some megabytes. */
export const PAGE = 100

export const inventoriesOf = ({ computers }: JamfSettings): readonly Inventory[] =>
  computers ? [MOBILE_DEVICES, COMPUTERS] : [MOBILE_DEVICES]

export interface Numbered {
  readonly number: number
  readonly device: Fields
}

/**
 * All devices of an inventory in the order of their numbers, page by page. The next page is asked for by the last
 * number and not by its place: so a device that is deleted meanwhile moves no other one out of sight.
 */
export async function* inventoryPages(
  get: Get,
  inventory: Inventory,
  sections: readonly string[],
): AsyncGenerator<readonly Numbered[], undefined> {
  let last = 0
  let read = 0
  let total: number | undefined
  for (;;) {
    const page = await ask(get, inventory, sections, `${inventory.key}>${last}`, PAGE)
    total ??= page.total
    for (const { number } of page.devices) {
      if (number <= last) throw wrong(inventory, `repeats ${inventory.name}-${number}, or sorts otherwise`)
      last = number
    }
    read += page.devices.length
    if (page.devices.length > 0) yield page.devices
    if (page.devices.length >= page.total) break
    if (page.devices.length === 0) throw wrong(inventory, `says that there are ${page.total} more, and none`)
  }
  const now = await deviceCount(get, inventory)
  if (read < Math.min(total, now)) throw wrong(inventory, `brought ${read} of ${now}`)
  return undefined
}

/** Those of the devices that there are. */
export async function devicesByNumber(
  get: Get,
  inventory: Inventory,
  sections: readonly string[],
  numbers: readonly string[],
): Promise<readonly Numbered[]> {
  const filter = `${inventory.key}=in=(${numbers.join(',')})`
  const { devices } = await ask(get, inventory, sections, filter, numbers.length)
  return devices.filter(({ number }) => numbers.includes(String(number)))
}

export async function deviceCount(get: Get, inventory: Inventory): Promise<number> {
  return (await ask(get, inventory, ['GENERAL'], `${inventory.key}>0`, 1)).total
}

/** A smart group that the settings name, as Jamf Pro has it. */
export interface SmartGroup {
  readonly id: string
  readonly name: string
  readonly members: unknown
}

/**
 * The smart groups whose members are noncompliant. Throws FeedError when one of them is not there: a device that is
 * in no group that is gone would look compliant.
 */
export async function smartGroups(
  get: Get,
  { groups }: Inventory,
  ids: readonly string[],
): Promise<readonly SmartGroup[]> {
  if (ids.length === 0) return []
  const filter = `${groups.key}=in=(${ids.join(',')})`
  const { results } = listOf(
    groups.path,
    await get(groups.path, new URLSearchParams({ page: '0', 'page-size': String(PAGE), filter })),
  )
  const found = results.map((group) => ({
    id: numberedId(group[groups.key]) ?? '',
    name: textOf(group[groups.name]) ?? '',
    members: group[groups.count],
  }))
  const lost = ids.find((id) => !found.some((group) => group.id === id))
  if (lost !== undefined)
    throw new FeedError(
      'settings',
      `Jamf Pro has no smart group ${lost}, or does not show it: nobody is judged without it (${groups.setting})`,
    )
  return found.filter(({ id }) => ids.includes(id))
}

async function ask(
  get: Get,
  inventory: Inventory,
  sections: readonly string[],
  filter: string,
  size: number,
): Promise<{ readonly total: number; readonly devices: readonly Numbered[] }> {
  const query = new URLSearchParams({
    ...inventory.query,
    page: '0',
    'page-size': String(size),
    sort: `${inventory.key}:asc`,
    filter,
  })
  for (const section of sections) query.append('section', section)
  const { total, results } = listOf(inventory.path, await get(inventory.path, query))
  const devices = results.map((device) => {
    const number = Number(numberedId(device[inventory.key]))
    if (Number.isNaN(number)) throw wrong(inventory, `has a device without ${inventory.key}`)
    return { number, device }
  })
  return { total, devices }
}

function listOf(
  path: string,
  answer: unknown,
): { readonly total: number; readonly results: readonly Fields[] } {
  const { totalCount, results } = fieldsOf(answer) ?? {}
  if (
    typeof totalCount !== 'number' ||
    !Number.isSafeInteger(totalCount) ||
    totalCount < 0 ||
    !Array.isArray(results)
  )
    throw new FeedError('answer', `${path} answers with what is no list`)
  return { total: totalCount, results: results.map((item) => fieldsOf(item) ?? {}) }
}

const wrong = ({ path }: Inventory, what: string): FeedError => new FeedError('answer', `${path} ${what}`)
