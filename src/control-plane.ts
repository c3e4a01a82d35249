import cluster, { type Worker } from 'node:cluster'
import path from 'node:path'

import { startAdminDuty, type AdminDuty } from './admin-duty'
import { formatProblem } from './config/config-problem'
import { removeStatus, writeStatus, type HostStatus } from './config/status-file'
import { startFleetDuty, type FleetDuty } from './fleet-duty'
import { startFeedsDuty } from './feeds-duty'
import type { ControlParts } from './host-parts'
import { BlockLog } from './journal/block-log'
import { startMetricsDuty } from './metrics-duty'
import { startOauthDuty, type OauthDuty } from './oauth-duty'
import { Indexer } from './journal/indexer'
import { exportForm } from './lookup/exported'
import { startOrdersDuty } from './orders-duty'
import { followPolicyFile, seedPolicy, type PolicyDuty } from './policy-duty'
import { startRecallDuty } from './recall-duty'
import { watchReplica } from './replica-watch'
import { workerPids } from './worker-pids'

export interface ControlPlane {
  close(): Promise<void>
}

/**
 * The one process a host that writes: sees to the policy, follows the fleet's store where there is one, writes
 * the block log, and says how it is for `device-gate status`. Throws ConfigError when it cannot start.
 */
export async function startControlPlane(parts: ControlParts): Promise<ControlPlane> {
  const { config, fleet, journal, onFault } = parts
  const { stateDir, policy: policyConfig } = config.current()
  const startedAt = Date.now()
  /** Told of while they are still starting. */
  const duties: { fleet?: FleetDuty | undefined; policy?: PolicyDuty; admin?: AdminDuty; oauth?: OauthDuty } =
    {}
  let replicaProblem: string | null = null

  const status = (): HostStatus => ({
    pid: process.pid,
    startedAt,
    configProblems: config.problems().map(formatProblem),
    policyProblems: duties.policy?.problems() ?? [],
    configWaiting: config.waiting(),
    storeProblem: replicaProblem ?? duties.fleet?.problem() ?? null,
    adminAddress: duties.admin?.address() ?? null,
    adminProblem: duties.admin?.problem() ?? null,
    oauthProblem: duties.oauth?.problem() ?? null,
  })
  const sayStatus = (): void => {
    try {
      writeStatus(stateDir, status())
    } catch (error) {
      onFault(error)
    }
  }

  duties.fleet = fleet && (await startFleetDuty(parts, fleet, sayStatus))
  duties.policy =
    policyConfig.source === 'file'
      ? await followPolicyFile(parts, sayStatus)
      : await seedPolicy(parts, duties.fleet?.replicator.ready ?? Promise.resolve(), sayStatus)
  sayStatus()
  parts.onConfigProblems(sayStatus)
  const orders = startOrdersDuty(parts)
  const feeds = await startFeedsDuty(parts)
  duties.oauth = startOauthDuty(parts, sayStatus)
  const recalls = startRecallDuty(parts)
  const metrics = await startMetricsDuty(parts, {
    fleet: duties.fleet,
    policyProblems: () => duties.policy?.problems() ?? [],
    feeds: () => feeds.figures(),
    replicaProblem: () => replicaProblem,
    oauthProblem: () => duties.oauth?.problem() ?? null,
  })
  const blockLog = new BlockLog(stateDir, journal, onFault, {
    shown: exportForm(() => config.current()),
    maxAgeMs: () => config.current().journal.maxAgeMs,
  })
  const indexer = new Indexer(journal, onFault)
  const presence = watchReplica(path.join(stateDir, 'replica'), (problem) => {
    replicaProblem = problem
    onFault(new Error(problem))
    sayStatus()
  })
  const forget = ({ process: { pid } }: Worker): void => {
    if (pid !== undefined) journal.workers.remove(pid).catch(onFault)
  }
  cluster.on('exit', forget)
  duties.admin = await startAdminDuty(parts, {
    watch: metrics,
    receiveForFeed: (name, request) => feeds.receive(name, request),
    onChange: sayStatus,
  })
  sayStatus()
  const cleaning = journal.workers.keepOnly(workerPids()).catch(onFault)

  return {
    close: async () => {
      clearInterval(presence)
      cluster.off('exit', forget)
      await duties.admin?.close()
      metrics.close()
      await cleaning
      await feeds.close()
      await duties.oauth?.close()
      await orders.close()
      await recalls.close()
      await indexer.close()
      await duties.policy?.close()
      await duties.fleet?.close()
      // What this process itself decided last belongs into the block log too.
      await journal.drain()
      await blockLog.close()
      removeStatus(stateDir)
    },
  }
}
