import cluster from 'node:cluster'

/** The processes that decide under this control plane: its workers, or itself where it has none. */
export function workerPids(): number[] {
  const workers = Object.values(cluster.workers ?? {}).flatMap((worker) => worker?.process.pid ?? [])
  return workers.length > 0 ? workers : [process.pid]
}
