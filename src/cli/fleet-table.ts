import { hostName, type HostReport } from '../devices/redis/host-report'
import type { FleetStatus, HostStanding } from '../lookup/fleet-status'
import { age, clockTime, table } from './output'

/** The hosts of a fleet, one a line. */
export function fleetTable({ hosts, problem }: FleetStatus, now: number): string {
  if (problem !== null) return `\nthe other hosts cannot be told: ${problem}\n`
  const row = ({ id, report, standing, lag, lastHeardAt }: HostStanding): (string | number | null)[] => [
    hostName(id, hosts),
    standing,
    lag,
    report?.policyVersion ?? null,
    report?.workers ?? null,
    report?.sessions ?? null,
    report?.setAside ?? null,
    report ? journalText(report) : null,
    report?.version ?? null,
    report ? clockTime(report.startedAt) : `silent for ${age((now - lastHeardAt) / 1000)}`,
  ]
  const headings = [
    'host',
    'is',
    'lag',
    'policy',
    'workers',
    'sessions',
    'set aside',
    'journal',
    'version',
    'running since',
  ]
  return `\n${table(headings, hosts.map(row))}`
}

/** How much of its block log the fleet lacks. */
function journalText({ journalWaiting, journalLost }: HostReport): string {
  const waits = journalWaiting === 0 ? 'forwarded' : `${journalWaiting ?? '?'} wait`
  return journalLost === 0 ? waits : `${waits}, ${journalLost} lost`
}
