import { formatProblem } from './config/config-problem'
import { feedStandings } from './feeds/standing'
import type { ControlParts } from './host-parts'
import type { LookupSite } from './lookup/site'
import { workerPids } from './worker-pids'

/** What the control plane has open, for those who look things up in it. */
export function siteOf({
  harakaDir,
  config,
  store,
  fleet,
  feeds,
  journal,
  onFault,
}: ControlParts): LookupSite {
  return {
    harakaDir,
    config: () => config.current(),
    configProblems: () => config.problems().map(formatProblem),
    store: () => store,
    fleet: () => fleet,
    feeds: () => feedStandings(store, feeds),
    journal: () => journal,
    traffic: (since) => journal.traffic.since(since),
    served: (since) => journal.traffic.servedSince(since),
    visitsOf: (user, since) => journal.traffic.of(user, since),
    workers: () => journal.workers.of(workerPids()),
    sessionsOf: (subject) =>
      journal.inquiries.ask(
        subject,
        journal.workers.of(workerPids()).map(({ pid }) => pid),
      ),
    now: Date.now,
    tell: (text) => onFault(new Error(text)),
  }
}
