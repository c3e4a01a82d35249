import { json, type Answer, type SeenRequest } from '../local-source'

type Json = Record<string, unknown>

export const TOKEN = 'fleet+token/of=the API-only user=='

export interface FleetPolicy {
  readonly id: number
  readonly name: string
  readonly critical: boolean
}

/** A Fleet server as its REST API documentation has it, as far as it is asked. */
export class FleetServer {
  readonly hosts = new Map<number, Json>()
  policies: FleetPolicy[] = [
    { id: 1, name: 'Gatekeeper enabled', critical: false },
    { id: 2, name: 'Disk encrypted', critical: true },
    { id: 3, name: 'OS up to date', critical: true },
  ]
  /** Those of team 7, which are listed with the inherited ones. */
  teamPolicies: FleetPolicy[] = [{ id: 9, name: 'VPN on', critical: false }]
  /** What a role without the right to it may not ask. */
  readonly forbidden = new Set<string>()
  isPremium = true
  pages = 0
  /** Told of each page before it is given. */
  onPage: (page: number) => void = () => undefined
  /** Changes a page as a faulty server would. */
  distort: (page: Json[], after: string) => Json[] = (page) => page

  answer({ url, headers }: SeenRequest): Answer {
    const path = url.pathname.replace('/api/v1/fleet/', '')
    if (headers.authorization !== `Bearer ${TOKEN}`) return failure(401, 'Authentication required')
    if (this.forbidden.has(path)) return failure(403, 'forbidden')
    const team = url.searchParams.get('team_id')
    const teamPath = /^teams\/(\d+)\/policies$/.exec(path)?.[1]
    if ((team !== null || teamPath !== undefined) && !this.isPremium)
      return failure(402, 'Requires Fleet Premium')
    if (path === 'version') return json({ version: '4.89.2', branch: 'main' })
    if (path === 'global/policies')
      return json({ policies: this.policies.map((one) => this.#policy(one, null)) })
    if (teamPath !== undefined)
      return json({
        policies: [
          ...this.teamPolicies.map((one) => this.#policy(one, Number(teamPath))),
          ...this.policies.map((one) => this.#policy(one, null)),
        ],
      })
    const all = [...this.hosts].filter(([, host]) => team === null || String(host['team_id']) === team)
    if (path === 'hosts/count') return json({ count: all.length })
    return path === 'hosts' ? this.#list(all, url.searchParams) : failure(404, 'Not found')
  }

  #policy({ id, name, critical }: FleetPolicy, teamId: number | null): Json {
    const failing = [...this.hosts.values()].filter(
      ({ policies }) =>
        Array.isArray(policies) &&
        (policies as Json[]).some((one) => one['id'] === id && one['response'] === 'fail'),
    )
    return { id, name, critical, team_id: teamId, failing_host_count: failing.length }
  }

  #list(hosts: [number, Json][], query: URLSearchParams): Answer {
    if (query.get('order_key') !== 'id' || query.get('order_direction') !== 'asc')
      return failure(422, 'invalid order_key')
    const after = query.get('after') ?? ''
    this.onPage((this.pages += 1))
    const page = hosts
      .filter(([id]) => id > Number(after))
      .sort(([a], [b]) => a - b)
      .slice(0, Number(query.get('per_page')))
      .map(([id, { policies, device_mapping: mapping, software, ...host }]) => ({
        ...host,
        id,
        ...(query.get('populate_policies') === 'true' && { policies }),
        ...(query.get('device_mapping') === 'true' && { device_mapping: mapping }),
        ...(query.get('populate_software') === 'without_vulnerability_details' && { software }),
      }))
    return json({ hosts: this.distort(page, after) })
  }
}

const failure = (status: number, message: string): Answer => ({
  status,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ message, errors: [{ name: 'base', reason: message }] }),
})
