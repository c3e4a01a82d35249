import type { Watch } from './admin/parts'
import { isAlive } from './config/status-file'
import { feedFigures } from './feed-figures'
import type { FeedFigures } from './feeds/feeds'
import type { FleetDuty } from './fleet-duty'
import { hostFigures } from './host-figures'
import type { ControlParts } from './host-parts'
import { openSessionsIn } from './journal/worker-notes'
import type { Samples } from './metrics/catalogue'
import { Exposition, METRICS_CONTENT_TYPE } from './metrics/exposition'
import { HostCounts } from './metrics/host-counts'
import { Rate } from './metrics/rate'
import { ReplicaLag } from './metrics/replica-lag'
import { CHECKS } from './metrics/words'
import { Readiness, type WorkerStanding } from './readiness'
import { workerPids } from './worker-pids'

const LOOK_MS = 1000

/** What the other duties know that metrics and checks tell. */
export interface HostStanding {
  readonly fleet: FleetDuty | undefined
  readonly policyProblems: () => readonly string[]
  readonly feeds: () => readonly FeedFigures[]
  /** Why commands do not reach this process. */
  readonly replicaProblem: () => string | null
  /** Why the keys of OAuth tokens cannot be fetched. */
  readonly oauthProblem: () => string | null
}

export interface MetricsDuty extends Watch {
  close(): void
}

/** Sums what the workers of this host count, and looks whether they keep up. */
export async function startMetricsDuty(parts: ControlParts, standing: HostStanding): Promise<MetricsDuty> {
  const { journal, store, onFault } = parts
  // Counters begin at 0 at a start.
  await journal.counts.removeAll()
  const counts = new HostCounts({
    all: () => journal.counts.all(),
    remove: (ended) => journal.counts.remove(ended),
    isAlive,
    onFault,
  })
  const exposition = new Exposition()
  const lag = new ReplicaLag()
  const decisions = new Rate('device_gate_decisions_total')

  const workers = (): WorkerStanding & { readonly sessions: number } => {
    const pids = workerPids()
    const notes = journal.workers.of(pids)
    return {
      workers: notes.length,
      sessions: openSessionsIn(notes),
      lagMs: lag.look(performance.now(), store.sequence(), pids, notes),
    }
  }
  /** None while the replica cannot be read: that must not hide the counts, and that a check fails. */
  const figures = (): Samples => {
    try {
      const { sessions, workers: deciding, lagMs } = workers()
      return {
        ...hostFigures(parts, standing.fleet, standing.policyProblems().length),
        ...(parts.config.current().identity.oauth && {
          device_gate_oauth_keys_problem: [{ value: standing.oauthProblem() === null ? 0 : 1 }],
        }),
        ...feedFigures(standing.feeds(), Date.now()),
        device_gate_imap_sessions: [{ value: sessions }],
        device_gate_workers: [{ value: deciding }],
        device_gate_replica_lag_seconds: [{ value: lagMs / 1000 }],
      }
    } catch (error) {
      onFault(error)
      return {}
    }
  }
  const timer = setInterval(() => {
    try {
      workers()
      // Whoever ended since is taken in: a worker that ends at each start must not fill the disk.
      decisions.see(performance.now(), counts.sum())
    } catch (error) {
      onFault(error)
    }
  }, LOOK_MS).unref()
  const readiness = new Readiness(parts, standing.replicaProblem, workers)

  return {
    metrics: async () => {
      const failed = await readiness.unready()
      const text = await exposition.page(counts.sum(), {
        ...figures(),
        device_gate_check_failed: CHECKS.map((check) => ({
          labels: { check },
          value: failed.includes(check) ? 1 : 0,
        })),
      })
      return { contentType: METRICS_CONTENT_TYPE, text }
    },
    unhealthy: () => readiness.unhealthy(),
    unready: () => readiness.unready(),
    decisionsPerS: () => decisions.perS(),
    close: () => clearInterval(timer),
  }
}
