import { setImmediate as turn } from 'node:timers/promises'

import { linkProblem, readHistoryEntry, sha256 } from '../devices/history'
import { CorruptRecordError, type ReadStore } from '../devices/store'

export interface Audit {
  /** Those that are well, from the first on. */
  readonly entries: number
  readonly newestHash: string
  /** The first that is not. */
  readonly problem: { readonly n: number; readonly problem: string } | undefined
}

/** Looked at in one go: some milliseconds, in which a master does nothing else. */
const PAGE = 100

/** Goes along the chain of the history, and looks whether each policy is still the text that was ordered. */
export async function auditHistory(store: ReadStore): Promise<Audit> {
  let entries = 0
  let newestHash = ''
  const broken = (problem: string): Audit => ({
    entries,
    newestHash,
    problem: { n: entries + 1, problem },
  })
  try {
    for (const { n, text } of store.historyTexts()) {
      if (n !== entries + 1) return broken('it is missing')
      const problem = linkProblem(text, n, newestHash)
      if (problem !== undefined) return broken(problem)
      const { hash, version, textSha256 } = readHistoryEntry(n, text)
      if (textSha256 !== null) {
        const policy = store.policyVersion(version)
        if (!policy) return broken(`the policy version ${version} that it put in force is missing`)
        if (sha256(policy.sourceText) !== textSha256)
          return broken(`the policy version ${version} is not the text that it put in force`)
      }
      entries = n
      newestHash = hash
      if (n % PAGE === 0) await turn()
    }
  } catch (error) {
    if (error instanceof CorruptRecordError) return broken(error.message)
    throw error
  }
  return { entries, newestHash, problem: undefined }
}
