import path from 'node:path'

import { readTextFile } from '../config/file-watcher'
import { parsePolicy } from '../config/policy-file'
import type { Draft } from '../orders/order-desk'
import { Problem, refused } from './problem'

const NAME = 'device_gate_policy.yaml'

export interface DraftProblem {
  readonly line: number
  readonly column: number
  readonly problem: string
}

/** What is wrong with a policy text; empty: nothing, and its own tests hold. */
export function draftOf(text: string): {
  readonly draft?: Draft
  readonly problems: readonly DraftProblem[]
} {
  const parsed = parsePolicy(text, { file: NAME })
  if (parsed.ok) return { draft: { policy: parsed.policy, text }, problems: [] }
  const problems = parsed.problems.map(({ line, column, key, problem }) => ({
    line,
    column,
    problem: key === '' ? problem : `${key}: ${problem}`,
  }))
  return { problems }
}

/** A policy that may be put in force. Throws Problem 400 with the lines to mend. */
export function validDraft(text: string): Draft {
  const { draft, problems } = draftOf(text)
  if (!draft)
    throw new Problem(400, 'policy', 'the policy is not valid: mend what `problems` names', {
      field: 'text',
      problems,
    })
  return draft
}

/** Where the policy is a file's, only what the file says can be laid before somebody. */
export function assertIsTheFiles(harakaDir: string, text: string, otherwise: string): void {
  const content = readTextFile(path.join(harakaDir, 'config', NAME))
  if (!content.ok || content.text !== text) throw refused(otherwise)
}
