import os from 'node:os'

import { VERSION } from './config/version'
import type { Fleet } from './devices/redis/fleet'
import type { HostReport } from './devices/redis/host-report'
import type { StoreProblem } from './devices/redis/problem'
import type { Replicator, ReplicatorListener } from './devices/redis/replicator'
import type { ControlParts } from './host-parts'
import { JournalDuty, type JournalStanding } from './journal-duty'
import type { Logger } from './journal/logger'
import { openSessionsIn, type WorkerNote } from './journal/worker-notes'
import { workerPids } from './worker-pids'

/** How soon it is seen that all workers have taken in an order. */
const LOOK_MS = 20

export interface FleetDuty {
  readonly replicator: Replicator
  /** What keeps this host from the store now, for people; null when nothing does. */
  problem(): string | null
  /** What of this host's journal the fleet has. */
  journalStanding(): JournalStanding
  close(): Promise<void>
}

/** Follows the store for this host, and tells the store how this host and its workers are. */
export async function startFleetDuty(
  { journal, logger, onFault }: ControlParts,
  fleet: Fleet,
  onProblem: () => void,
): Promise<FleetDuty> {
  const startedAt = Date.now()
  let problem: string | null = null
  const journalDuty = new JournalDuty(journal.spool, fleet.journal, logger)

  let last = { sequence: -1, n: 0 }
  /** Up to which entry of the store all workers have taken in what people ordered. */
  const takenIn = (): { readonly workers: readonly WorkerNote[]; readonly n: number } => {
    const notes = journal.workers.of(workerPids())
    const sequence = Math.min(fleet.store.sequence(), ...notes.map((note) => note.sequence))
    if (sequence !== last.sequence) last = { sequence, n: fleet.store.entryAt(sequence) }
    return { workers: notes, n: last.n }
  }
  const report = (): HostReport => {
    const cursor = fleet.store.cursor()
    const { workers, n } = takenIn()
    const { waiting, lost } = journalDuty.standing()
    return {
      host: os.hostname(),
      version: VERSION,
      pid: process.pid,
      startedAt,
      epoch: cursor?.epoch ?? null,
      n: cursor?.n ?? 0,
      takenInN: n,
      acknowledged: workers.map(({ pid, orderedAt }) => ({ pid, at: orderedAt })),
      policyVersion: policyVersion(fleet),
      leaseValid: fleet.store.leaseValid(Date.now()),
      setAside: fleet.store.setAside().count,
      workers: workers.length,
      sessions: openSessionsIn(workers),
      journalWaiting: waiting,
      journalLost: lost,
    }
  }
  const replicator = await fleet.follow(
    report,
    listenerFor(logger, (changed) => {
      problem = changed?.message ?? null
      journalDuty.lookAgain()
      onProblem()
    }),
  )

  let told = ''
  const timer = setInterval(() => {
    try {
      const { workers, n } = takenIn()
      const now = workers.length > 0 ? `${workers.length} ${n}` : ''
      if (now !== told) replicator.reportNow()
      told = now
    } catch (error) {
      onFault(error)
    }
  }, LOOK_MS)

  return {
    replicator,
    problem: () => problem,
    journalStanding: () => journalDuty.standing(),
    close: async () => {
      clearInterval(timer)
      await journalDuty.close()
      await replicator.close()
    },
  }
}

/** What replication has to tell, as lines of the log. */
const listenerFor = (
  logger: Logger,
  onProblem: (problem: StoreProblem | undefined) => void,
): ReplicatorListener => ({
  onSnapshot: (why) => logger.warn({ why }, 'fleet: taking a new snapshot of the store'),
  onSnapshotProgress: () => undefined,
  onSnapshotDone: () => logger.info({}, 'fleet: the snapshot is in force'),
  onLost: (lost) => logger.error({}, `fleet: ${lost}`),
  onForeign: (problem) => logger.warn({}, `fleet: ${problem}`),
  onProblem: (problem) => {
    if (problem) logger.error({ problem: problem.kind }, `fleet: ${problem.message}`)
    else logger.info({}, 'fleet: the store is followed again')
    onProblem(problem)
  },
})

/** 0 for one that cannot be read: the report must not fail for it. */
function policyVersion(fleet: Fleet): number {
  try {
    return fleet.store.activePolicy()?.version ?? 0
  } catch {
    return 0
  }
}
