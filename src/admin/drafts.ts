import path from 'node:path'

import { readTextFile } from '../config/file-watcher'
import { parsePolicy } from '../config/policy-file'
import type { Draft } from '../orders/order-desk'
import { Problem } from './problem'

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

/** What the site's policy file says now; undefined: it cannot be read. */
export function siteText(harakaDir: string): string | undefined {
  const content = readTextFile(path.join(harakaDir, 'config', NAME))
  return content.ok ? content.text : undefined
}
