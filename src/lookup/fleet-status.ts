import type { Fleet } from '../devices/redis/fleet'
import { hostName, type KnownHost } from '../devices/redis/host-report'
import { StoreProblem } from '../devices/redis/problem'
import { isoTime } from './site'

/** Reports are up to a second old: a host is behind when it lacks more than a busy second brings. */
const MAX_LAG = 2000

type HostWord = 'well' | 'behind' | 'no lease' | 'silent'

export interface HostStanding extends KnownHost {
  readonly standing: HostWord
  /** Entries of the store it lacks. */
  readonly lag: number | null
}

export interface FleetStatus {
  readonly place: string
  /** Why the hosts cannot be told; null when they can. */
  readonly problem: string | null
  readonly hosts: readonly HostStanding[]
}

/** Every host of the fleet, and which one is behind. */
export async function fleetStatus(fleet: Fleet): Promise<FleetStatus> {
  try {
    const { head, hosts } = await fleet.look()
    const policy = Math.max(0, ...hosts.map(({ report }) => report?.policyVersion ?? 0))
    const standings = hosts.map((host): HostStanding => {
      const { report } = host
      if (!report) return { ...host, standing: 'silent', lag: null }
      const lag = report.epoch === head.epoch ? Math.max(0, head.n - report.n) : head.n
      const behind = lag > MAX_LAG || report.policyVersion < policy || report.epoch !== head.epoch
      return { ...host, lag, standing: behind ? 'behind' : report.leaseValid ? 'well' : 'no lease' }
    })
    return { place: fleet.place, problem: null, hosts: standings }
  } catch (error) {
    if (!(error instanceof StoreProblem)) throw error
    return { place: fleet.place, problem: error.message, hosts: [] }
  }
}

export const fleetJson = ({ place, problem, hosts }: FleetStatus, now: number): object => ({
  store: place,
  problem,
  hosts: hostsJson(hosts, now),
})

/** The published form of hosts. */
export const hostsJson = (hosts: readonly HostStanding[], now: number): object[] =>
  hosts.map(({ id, lastHeardAt, lag, standing, report }) => ({
    id,
    host: report?.host ?? null,
    standing,
    lag,
    last_heard: isoTime(report ? now : lastHeardAt),
    version: report?.version ?? null,
    policy_version: report?.policyVersion ?? null,
    lease_valid: report?.leaseValid ?? false,
    set_aside: report?.setAside ?? null,
    workers: report?.workers ?? null,
    sessions: report?.sessions ?? null,
    journal_waiting: report?.journalWaiting ?? null,
    journal_lost: report?.journalLost ?? null,
    running_since: report ? isoTime(report.startedAt) : null,
  }))

/** `3 hosts, all well`; or which ones are not. */
export function fleetSummary({ hosts, problem }: FleetStatus): string {
  if (problem !== null) return `NOT REACHED: ${problem}`
  const unwell = hosts.filter(({ standing }) => standing !== 'well')
  const names = unwell.map(({ id, standing }) => `${hostName(id, hosts)} is ${standing}`)
  return `${hosts.length} hosts, ${names.length === 0 ? 'all well' : names.join(', ')}`
}
