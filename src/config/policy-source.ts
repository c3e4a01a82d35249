import path from 'node:path'

import type { Policy } from '../policy/policy'
import { readTextFile, watchFile, type FileContent } from './file-watcher'
import { parsePolicy } from './policy-file'
import type { ConfigProblem } from './yaml-file'

const policyPath = (harakaDir: string): string => path.join(harakaDir, 'config', 'device_gate_policy.yaml')

export type PolicyReading =
  | { readonly ok: true; readonly policy: Policy; readonly text: string }
  | { readonly ok: false; readonly problems: readonly ConfigProblem[] }

/** Reads and checks the site's policy file. */
export const readPolicy = (harakaDir: string): PolicyReading =>
  parseContent(policyPath(harakaDir), readTextFile(policyPath(harakaDir)))

/** Calls `onReading` with each new content of the policy file, good or bad. */
export function watchPolicy(
  harakaDir: string,
  onReading: (reading: PolicyReading) => void,
): { close(): void } {
  const file = policyPath(harakaDir)
  return watchFile(file, readTextFile(file), (content) => onReading(parseContent(file, content)))
}

function parseContent(file: string, content: FileContent): PolicyReading {
  if (!content.ok)
    return { ok: false, problems: [{ file, line: 1, column: 1, key: '', problem: content.problem }] }
  const parsed = parsePolicy(content.text, { file })
  return parsed.ok ? { ok: true, policy: parsed.policy, text: content.text } : parsed
}
