import cluster, { type Worker } from 'node:cluster'

/** A process that cannot be ended in order by then is ended without. */
const PATIENCE_MS = 5000

export interface ProcessEnd {
  /** Ends sessions and writes what is still in memory. Never rejects. */
  readonly stop: () => Promise<void>
  /** Writes what it can without waiting; for a process that is leaving at this moment. */
  readonly flush: () => void
}

/**
 * Haraka leaves SIGTERM to the system, which ends a process as it stands. The gate first writes what it
 * holds, and then lets the signal do what it would have done. Other ways to end (Ctrl-C, a worker whose
 * master is gone) leave no time to wait.
 */
export function onProcessEnd({ stop, flush }: ProcessEnd): void {
  // Before LMDB's own listener, which closes the environments under our feet.
  process.prependListener('exit', flush)
  // It comes twice where a service manager sends it to all processes, and the master to its workers.
  let ending: Promise<void> | undefined
  const end = async (): Promise<void> => {
    const patience = new Promise((resolve) => setTimeout(resolve, PATIENCE_MS).unref())
    await Promise.race([endWorkers().then(stop), patience])
    process.off('SIGTERM', onTerm)
    process.kill(process.pid, 'SIGTERM')
  }
  const onTerm = (): void => void (ending ??= end())
  process.on('SIGTERM', onTerm)
}

/** The master goes last: what its workers write in their last moment belongs into the block log too. */
async function endWorkers(): Promise<void> {
  const workers = Object.values(cluster.workers ?? {}).filter((worker) => worker !== undefined)
  if (workers.length === 0) return
  // Haraka starts another worker for each that ends by a signal.
  cluster.removeAllListeners('exit')
  await Promise.all(workers.map(endWorker))
}

const endWorker = (worker: Worker): Promise<void> =>
  new Promise((resolve) => {
    worker.once('exit', () => resolve())
    worker.process.kill('SIGTERM')
  })
