import { watchHostConfig, type HostConfigSource, type Role } from './config/host-config-source'
import type { HostConfig } from './config/host-config'
import { formatProblem } from './config/config-problem'
import { LmdbStore } from './devices/lmdb-store'
import type { Fleet } from './devices/redis/fleet'
import { FleetReplica } from './devices/redis/fleet-replica'
import { openFleet } from './devices/redis/open-fleet'
import type { ReadStore, Store } from './devices/store'
import { FeedsDatabase } from './feeds/feeds-database'
import { JournalStore } from './journal/journal-store'
import { faultReporter, type Logger } from './journal/logger'

/** What every process of the host stands on. LMDB allows one opening a process, so its planes share it. */
export interface HostParts {
  readonly harakaDir: string
  readonly config: HostConfigSource
  readonly replica: ReadStore
  readonly journal: JournalStore
  readonly logger: Logger
  readonly onFault: (error: unknown) => void
  /** Called after each good edit of the host's config. */
  onConfigChange(listener: (config: HostConfig) => void): void
  /** Called with what is wrong with the file, and with nothing when it is mended. */
  onConfigProblems(listener: () => void): void
  close(): Promise<void>
}

/** What the one process has that writes. */
export interface ControlParts extends HostParts {
  readonly store: Store
  /** undefined: the store is embedded. */
  readonly fleet: Fleet | undefined
  /** What the feeds of this host keep. */
  readonly feeds: FeedsDatabase
}

/** A process that decides and never writes: it opens the replica, and knows of no Redis. */
export function openWorkerParts(harakaDir: string, logger: Logger): HostParts {
  return openParts(harakaDir, 'worker', logger, ({ stateDir, store }) => ({
    replica:
      store.kind === 'embedded'
        ? LmdbStore.open(stateDir)
        : FleetReplica.open(stateDir, { leaseMs: store.leaseS * 1000 }),
  }))
}

export function openControlParts(harakaDir: string, logger: Logger): ControlParts {
  return openParts(harakaDir, 'control', logger, (config) => {
    const fleet = config.store.kind === 'redis' ? openFleet(config, { alone: false }) : undefined
    const store: Store = fleet?.store ?? LmdbStore.open(config.stateDir)
    return { fleet, store, replica: store, feeds: FeedsDatabase.open(config.stateDir) }
  })
}

interface Opened {
  readonly replica: ReadStore
  readonly fleet?: Fleet | undefined
  readonly feeds?: FeedsDatabase
}

function openParts<P extends Opened>(
  harakaDir: string,
  role: Role,
  logger: Logger,
  open: (config: HostConfig) => P,
): HostParts & P {
  const onFault = faultReporter(logger, Date.now)
  const changeListeners: ((config: HostConfig) => void)[] = []
  const problemListeners: (() => void)[] = []
  const config = watchHostConfig(harakaDir, role, {
    onChange: (changed) => {
      logger.info({ enforcement: changed.enforcement }, 'config reloaded')
      const keys = config.waiting()
      if (keys.length > 0) logger.warn({ keys }, 'these edited keys take effect at the next start')
      for (const listener of changeListeners) listener(changed)
    },
    onProblems: (problems) => {
      for (const problem of problems)
        logger.error({ key: problem.key }, `config not taken: ${formatProblem(problem)}`)
      for (const listener of problemListeners) listener()
    },
    onFault,
  })
  const opened = open(config.current())
  const journal = JournalStore.open(config.current().stateDir, {
    now: Date.now,
    onFault,
    limits: () => config.current().journal,
  })
  return {
    ...opened,
    harakaDir,
    config,
    journal,
    logger,
    onFault,
    onConfigChange: (listener) => changeListeners.push(listener),
    onConfigProblems: (listener) => problemListeners.push(listener),
    close: async () => {
      config.close()
      await journal.close()
      await opened.feeds?.close()
      await (opened.fleet ?? opened.replica).close()
    },
  }
}
