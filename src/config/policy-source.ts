import path from 'node:path'

import type { Policy } from '../policy/policy'
import { fileProblem, type ConfigProblem } from './config-problem'
import { readTextFile, watchFile, type FileContent } from './file-watcher'
import { parsePolicy } from './policy-file'

export type PolicyReading =
  | { readonly ok: true; readonly policy: Policy; readonly text: string }
  | { readonly ok: false; readonly problems: readonly ConfigProblem[] }

export interface PolicySource {
  /** The file as it was at the first look. */
  readonly first: PolicyReading
  /** Calls `onReading` with each content that differs from the one before, good or bad. */
  watch(onReading: (reading: PolicyReading) => void): { close(): void }
}

/** The site's policy file. */
export function openPolicy(harakaDir: string): PolicySource {
  const file = path.join(harakaDir, 'config', 'device_gate_policy.yaml')
  const content = readTextFile(file)
  return {
    first: parseContent(file, content),
    watch: (onReading) => watchFile(file, content, (changed) => onReading(parseContent(file, changed))),
  }
}

function parseContent(file: string, content: FileContent): PolicyReading {
  if (!content.ok) return { ok: false, problems: [fileProblem(file, content.problem)] }
  const parsed = parsePolicy(content.text, { file })
  return parsed.ok ? { ok: true, policy: parsed.policy, text: content.text } : parsed
}
