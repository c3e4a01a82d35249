import type { HostParts } from './host-parts'
import { Counts } from './metrics/counts'

const TELL_MS = 1000

export interface Counting {
  readonly counts: Counts
  /** Tells the last. */
  close(): Promise<void>
}

/** What this process counts, and tells the control plane through the journal's environment. */
export function startCounting({ journal, onFault }: HostParts): Counting {
  const counts = new Counts()
  const startedAt = Date.now()
  let told = 0
  const tell = async (): Promise<void> => {
    counts.journalLost = journal.lost
    const { total } = counts
    if (total === told) return
    told = total
    await journal.counts.tell({ pid: process.pid, startedAt, counted: counts.counted() }).catch(onFault)
  }
  const timer = setInterval(() => void tell(), TELL_MS).unref()
  return {
    counts,
    close: async () => {
      clearInterval(timer)
      await tell()
    },
  }
}
