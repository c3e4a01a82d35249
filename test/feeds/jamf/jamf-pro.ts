import { json, type Answer, type SeenRequest } from '../local-source'

type Json = Record<string, unknown>

export const CLIENT_ID = 'f1a1e9b0-6f0c-4e6f-9a1f-0d8e2b7c3a11'
export const CLIENT_SECRET = 'jamf+client secret/of=the site'

interface Inventory {
  readonly devices: 'phones' | 'macs'
  readonly key: string
  readonly privilege: string
  /** What each section is called in the answer. */
  readonly sections: Readonly<Record<string, string>>
}

interface Groups {
  readonly groups: 'phoneGroups' | 'macGroups'
  readonly privilege: string
  readonly keys: { readonly id: string; readonly name: string; readonly count: string }
}

/** The inventories as they are documented: where they are, how devices and their groups are named there. */
const INVENTORIES: Readonly<Record<string, Inventory>> = {
  '/api/v2/mobile-devices/detail': {
    devices: 'phones',
    key: 'mobileDeviceId',
    privilege: 'Read Mobile Devices',
    sections: {
      GENERAL: 'general',
      HARDWARE: 'hardware',
      USER_AND_LOCATION: 'userAndLocation',
      GROUPS: 'groups',
      APPLICATIONS: 'applications',
    },
  },
  '/api/v4/computers-inventory': {
    devices: 'macs',
    key: 'id',
    privilege: 'Read Computers',
    sections: {
      GENERAL: 'general',
      HARDWARE: 'hardware',
      USER_AND_LOCATION: 'userAndLocation',
      GROUP_MEMBERSHIPS: 'groupMemberships',
      APPLICATIONS: 'applications',
    },
  },
}

const GROUPS: Readonly<Record<string, Groups>> = {
  '/api/v2/mobile-device-groups/smart-groups': {
    groups: 'phoneGroups',
    privilege: 'Read Smart Mobile Device Groups',
    keys: { id: 'groupId', name: 'groupName', count: 'count' },
  },
  '/api/v3/computer-groups/smart-groups': {
    groups: 'macGroups',
    privilege: 'Read Smart Computer Groups',
    keys: { id: 'id', name: 'name', count: 'membershipCount' },
  },
}

/** What an API role may permit of what is asked here. */
export const PRIVILEGES = [
  'Read Mobile Devices',
  'Read Computers',
  'Read Smart Mobile Device Groups',
  'Read Smart Computer Groups',
]

/** A Jamf Pro server as its API documentation has it (11.30), as far as it is asked. */
export class JamfPro {
  readonly phones = new Map<number, Json>()
  readonly macs = new Map<number, Json>()
  /** Smart groups: id and name. */
  readonly phoneGroups = new Map([
    ['12', 'Not compliant'],
    ['13', 'Passcode missing'],
    ['14', 'All iPhones'],
  ])
  readonly macGroups = new Map([['7', 'Not compliant Macs']])
  readonly privileges = new Set(PRIVILEGES)
  /** Every token that was given, the last one for now the valid one. */
  readonly tokens: string[] = []
  tokenLifeS = 60
  /** After so many requests a token is refused, whatever it said of its life. */
  tokenRequests = Infinity
  pages = 0
  /** Told of each page before it is given. */
  onPage: (page: number) => void = () => undefined
  /** Changes a page as a faulty server would. */
  distort: (page: Json[], filter: string) => Json[] = (page) => page
  #tokenUses = 0

  answer(request: SeenRequest): Answer {
    const { pathname, searchParams } = request.url
    if (pathname === '/api/v1/oauth/token') return this.#grant(request)
    this.#tokenUses += 1
    const isValid = request.headers.authorization === `Bearer ${this.tokens.at(-1) ?? ''}`
    if (!isValid || this.#tokenUses > this.tokenRequests) return failure(401, 'INVALID_TOKEN')
    if (pathname === '/api/v1/jamf-pro-version') return json({ version: '11.30.1-t1784555528405' })
    const inventory = INVENTORIES[pathname]
    const groups = GROUPS[pathname]
    const privilege = inventory?.privilege ?? groups?.privilege
    if (privilege !== undefined && !this.privileges.has(privilege)) return failure(403, 'INVALID_PRIVILEGE')
    if (inventory) return this.#inventory(inventory, searchParams)
    return groups ? this.#groups(groups, searchParams) : failure(404, 'NOT_FOUND')
  }

  #grant({ method, body }: SeenRequest): Answer {
    const form = new URLSearchParams(body)
    const isKnown =
      method === 'POST' &&
      form.get('grant_type') === 'client_credentials' &&
      form.get('client_id') === CLIENT_ID &&
      form.get('client_secret') === CLIENT_SECRET
    if (!isKnown) return { ...failure(401, ''), body: JSON.stringify({ error: 'invalid_client' }) }
    const token = `eyJhbGciOiJIUzI1NiJ9.token-${this.tokens.length}`
    this.tokens.push(token)
    this.#tokenUses = 0
    return json({
      access_token: token,
      token_type: 'Bearer',
      scope: 'api-role:1',
      expires_in: this.tokenLifeS,
    })
  }

  #inventory({ devices, key, sections }: Inventory, query: URLSearchParams): Answer {
    const filter = query.get('filter') ?? ''
    const size = Number(query.get('page-size') ?? 100)
    if (query.get('sort') !== `${key}:asc`) return failure(400, 'INVALID_SORT')
    const isMeant = rsql(key, filter)
    if (!isMeant) return failure(400, 'INVALID_FILTER')
    if (size > 1) this.onPage((this.pages += 1))
    const wanted = query.getAll('section')
    const all = [...this[devices]].filter(([number]) => isMeant(number)).sort(([a], [b]) => a - b)
    const from = Number(query.get('page') ?? 0) * size
    const page = all.slice(from, from + size).map(([number, device]) => ({
      ...device,
      [key]: String(number),
      ...Object.fromEntries(
        Object.entries(sections).map(([section, field]) => [
          field,
          wanted.includes(section) ? (device[field] ?? null) : null,
        ]),
      ),
    }))
    return json({ totalCount: all.length, results: size > 1 ? this.distort(page, filter) : page })
  }

  #groups({ groups, keys }: Groups, query: URLSearchParams): Answer {
    const isMeant = rsql(keys.id, query.get('filter') ?? '')
    if (!isMeant) return failure(400, 'INVALID_FILTER')
    const found = [...this[groups]].filter(([id]) => isMeant(Number(id)))
    const results = found.map(([id, name]) => ({
      [keys.id]: id,
      [keys.name]: name,
      [keys.count]: this.#members(id),
      siteId: '-1',
    }))
    return json({ totalCount: results.length, results })
  }

  #members = (id: string): number =>
    [...this.phones.values()].filter(
      ({ groups }) => Array.isArray(groups) && (groups as Json[]).some(({ groupId }) => groupId === id),
    ).length
}

/** The two comparisons by number that are asked for. */
function rsql(key: string, filter: string): ((number: number) => boolean) | undefined {
  const [, field, last, list] = /^(\w+)(?:>(\d+)|=in=\(([\d,]+)\))$/.exec(filter) ?? []
  if (field !== key) return undefined
  if (last !== undefined) return (number) => number > Number(last)
  const numbers = (list ?? '').split(',').map(Number)
  return (number) => numbers.includes(number)
}

const failure = (httpStatus: number, code: string): Exclude<Answer, 'hang'> => ({
  status: httpStatus,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ httpStatus, errors: [{ code, description: code, id: '0', field: null }] }),
})
