import fs from 'node:fs'
import path from 'node:path'

import { openPolicy, type PolicyReading } from './config/policy-source'
import { removeStatus, writeStatus } from './config/status-file'
import { ConfigError } from './config/host-config-source'
import { formatProblem } from './config/config-problem'
import type { HostParts } from './host-parts'
import { BlockLog } from './journal/block-log'
import { identityOf } from './lmdb/data-file'

export interface ControlPlane {
  close(): Promise<void>
}

/**
 * The one process a host that writes: takes the policy file into the store, writes the block log, and says
 * how it is for `device-gate status`. Throws ConfigError when there is no policy to start with.
 */
export async function startControlPlane(parts: HostParts): Promise<ControlPlane> {
  const { store, config, logger, onFault } = parts
  const { stateDir } = config.current()
  const startedAt = Date.now()
  let policyProblems: readonly string[] = []
  let storeProblem: string | null = null

  const sayStatus = (): void => {
    try {
      fs.mkdirSync(stateDir, { recursive: true, mode: 0o700 })
      writeStatus(stateDir, {
        pid: process.pid,
        startedAt,
        configProblems: config.problems().map(formatProblem),
        policyProblems,
        configWaiting: config.waiting(),
        storeProblem,
      })
    } catch (error) {
      onFault(error)
    }
  }

  const take = async (reading: PolicyReading, reason: string): Promise<void> => {
    policyProblems = reading.ok ? [] : reading.problems.map(formatProblem)
    for (const problem of policyProblems) logger.error({}, `policy not taken: ${problem}`)
    if (reading.ok) {
      const applied = await store.applyPolicy(reading.policy, reading.text, {
        author: 'policy file',
        reason,
        at: Date.now(),
      })
      logger.info({ policy: applied.version, mode: applied.policy.mode }, 'policy in force')
    }
    sayStatus()
  }

  const notTaken = (error: unknown): void => {
    policyProblems = [error instanceof Error ? error.message : String(error)]
    onFault(error)
    sayStatus()
  }

  const policy = openPolicy(parts.harakaDir)
  const { first } = policy
  if (!first.ok && !store.activePolicy()) throw new ConfigError(first.problems)
  await take(first, 'read at start')
  let turn = Promise.resolve()
  const watcher = policy.watch((reading) => {
    turn = turn.then(() => take(reading, 'the file was edited')).catch(notTaken)
  })
  parts.onConfigProblems(sayStatus)
  const blockLog = new BlockLog(stateDir, parts.journal, onFault)
  const presence = watchReplica(path.join(stateDir, 'replica'), (problem) => {
    storeProblem = problem
    onFault(new Error(problem))
    sayStatus()
  })

  return {
    close: async () => {
      watcher.close()
      clearInterval(presence)
      await turn
      // What this process itself decided last belongs into the block log too.
      await parts.journal.drain()
      await blockLog.close()
      removeStatus(stateDir)
    },
  }
}

const PRESENCE_MS = 1000

/** A deleted replica goes on in memory, and so do its blocks; but the command line opens another one. */
function watchReplica(dir: string, onGone: (problem: string) => void): NodeJS.Timeout {
  const opened = identityOf(dir)
  const look = (): void => {
    if (identityOf(dir) === opened) return
    onGone(
      `${dir} was deleted or replaced under the running gate, which goes on with what it held: ` +
        'commands do not reach it until Haraka is restarted',
    )
  }
  return setInterval(look, PRESENCE_MS).unref()
}
