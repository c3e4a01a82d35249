import { watchHostConfig, type HostConfigSource, type Role } from './config/host-config-source'
import type { HostConfig } from './config/host-config'
import { formatProblem } from './config/config-problem'
import { LmdbStore } from './devices/lmdb-store'
import type { Store } from './devices/store'
import { JournalStore } from './journal/journal-store'
import { faultReporter, type Logger } from './journal/logger'

/** What both planes of one process stand on. LMDB allows one opening a process, so they share it. */
export interface HostParts {
  readonly harakaDir: string
  readonly config: HostConfigSource
  readonly store: Store
  readonly journal: JournalStore
  readonly logger: Logger
  readonly onFault: (error: unknown) => void
  /** Called after each good edit of the host's config. */
  onConfigChange(listener: (config: HostConfig) => void): void
  /** Called with what is wrong with the file, and with nothing when it is mended. */
  onConfigProblems(listener: () => void): void
  close(): Promise<void>
}

/** Opens config, store and journal of this process. */
export function openHostParts(harakaDir: string, role: Role, logger: Logger): HostParts {
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
  const { stateDir } = config.current()
  const store = LmdbStore.open(stateDir)
  const journal = JournalStore.open(stateDir, { now: Date.now, onFault })
  return {
    harakaDir,
    config,
    store,
    journal,
    logger,
    onFault,
    onConfigChange: (listener) => changeListeners.push(listener),
    onConfigProblems: (listener) => problemListeners.push(listener),
    close: async () => {
      config.close()
      await journal.close()
      await store.close()
    },
  }
}
