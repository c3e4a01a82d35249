import { FeedError } from '../feed-error'
import { fieldsOf, numberedId, textOf, type Fields } from '../fields'
import { askJson } from '../http'
import type { FeedContext } from '../kind'
import type { FleetdmSettings } from './settings'

export const TOKEN = 'token'
const PAGE = 100
/** Packages are thousands on some hosts. */
const PAGE_WITH_SOFTWARE = 50
const MAX_OCTETS = 64 * 1024 * 1024
const PAGE_MS = 60_000

export interface Policy {
  readonly id: string
  readonly name: string
  readonly isCritical: boolean
  readonly failing: unknown
}

export interface Numbered {
  readonly number: number
  readonly host: Fields
}

/** What is asked of a Fleet server. */
export class FleetServer {
  readonly #settings: FleetdmSettings

  constructor(
    private readonly context: FeedContext,
    /** Whether hosts are to come with what is installed on them. */
    private readonly withSoftware: boolean,
  ) {
    this.#settings = context.settings as FleetdmSettings
  }

  /**
   * The policies that count: those of the settings, or the critical ones. Throws FeedError when one of the settings is not
   * there: a host that a deleted policy is not about any more would look compliant.
   */
  async policies(): Promise<readonly Policy[]> {
    const { team_id: team, policies: wanted } = this.#settings
    const path = team === undefined ? 'global/policies' : `teams/${team}/policies`
    const { policies } = await this.#get(path, team === undefined ? {} : { merge_inherited: 'true' })
    if (!Array.isArray(policies)) throw new FeedError('answer', `${path} answers without policies`)
    const known = policies.map((item): Policy => {
      const policy = fieldsOf(item) ?? {}
      return {
        id: numberedId(policy['id']) ?? '',
        name: textOf(policy['name']) ?? '',
        isCritical: policy['critical'] === true,
        failing: policy['failing_host_count'],
      }
    })
    if (wanted.length === 0) return known.filter(({ isCritical }) => isCritical)
    return wanted.map((one) => {
      const found = known.find(({ id, name }) => id === one || name === one)
      if (found) return found
      const where = team === undefined ? 'no global policy' : `no policy of team ${team}`
      throw new FeedError('settings', `Fleet has ${where} ${one}: nobody is judged without it (policies)`)
    })
  }

  async count(): Promise<number> {
    const { count } = await this.#get('hosts/count', this.#team())
    if (typeof count !== 'number' || !Number.isSafeInteger(count) || count < 0)
      throw new FeedError('answer', 'hosts/count answers without a count')
    return count
  }

  /**
   * All hosts in the order of their ids, page by page; the next page is asked for by the last id and not by its place, so
   * that a host that is deleted meanwhile moves no other one out of sight.
   */
  async *hosts(): AsyncGenerator<readonly Numbered[], undefined> {
    const before = await this.count()
    let last = 0
    let read = 0
    for (;;) {
      const page = await this.hostsAfter(last)
      if (page.length === 0) break
      for (const { number } of page) {
        if (number <= last) throw new FeedError('answer', `hosts repeats host ${number}, or sorts otherwise`)
        last = number
      }
      read += page.length
      yield page
    }
    const now = await this.count()
    if (read < Math.min(before, now)) throw new FeedError('answer', `hosts brought ${read} of ${now}`)
    return undefined
  }

  async hostsAfter(last: number): Promise<readonly Numbered[]> {
    const { hosts } = await this.#get('hosts', {
      ...this.#team(),
      order_key: 'id',
      order_direction: 'asc',
      after: String(last),
      per_page: String(this.withSoftware ? PAGE_WITH_SOFTWARE : PAGE),
      populate_policies: 'true',
      device_mapping: 'true',
      ...(this.withSoftware && { populate_software: 'without_vulnerability_details' }),
    })
    if (!Array.isArray(hosts)) throw new FeedError('answer', 'hosts answers with what is no list')
    return hosts.map((item) => {
      const host = fieldsOf(item) ?? {}
      const number = Number(numberedId(host['id']))
      if (Number.isNaN(number)) throw new FeedError('answer', 'hosts has a host without its id')
      return { number, host }
    })
  }

  async version(): Promise<string> {
    return textOf((await this.#get('version', {}))['version']) ?? 'of an unknown version'
  }

  #team(): Record<string, string> {
    const { team_id: team } = this.#settings
    return team === undefined ? {} : { team_id: String(team) }
  }

  async #get(path: string, query: Readonly<Record<string, string>>): Promise<Fields> {
    const { origin } = new URL(this.#settings.url)
    const answer = await askJson(
      this.context,
      `${origin}/api/v1/fleet/${path}?${new URLSearchParams(query).toString()}`,
      {
        headers: { accept: 'application/json', authorization: `Bearer ${this.context.secret(TOKEN)}` },
        maxOctets: MAX_OCTETS,
        timeoutMs: PAGE_MS,
      },
    )
    const fields = fieldsOf(answer)
    if (!fields) throw new FeedError('answer', `${path} answers with what is no object`)
    return fields
  }
}
