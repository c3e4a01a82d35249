import fs from 'node:fs'
import path from 'node:path'

import { readTextFile, watchFile, type FileContent, type FileWatcher } from './file-watcher'
import type { HostConfig } from './host-config'
import { parseHostConfig } from './host-config-file'
import { formatProblem, type ConfigProblem } from './yaml-file'

/** A config that cannot be started with: every problem with its file, line and key. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly code = 'ERR_CONFIG'
  constructor(readonly problems: readonly ConfigProblem[]) {
    super(problems.map(formatProblem).join('\n'))
  }
}

export interface HostConfigSource {
  /** The last good one. */
  current(): HostConfig
  /** What is wrong with the file now; empty when `current` is what it says. */
  problems(): readonly ConfigProblem[]
  close(): void
}

export interface HostConfigListeners {
  onChange(config: HostConfig): void
  onProblems(problems: readonly ConfigProblem[]): void
}

const hostConfigPath = (harakaDir: string): string => path.join(harakaDir, 'config', 'device_gate.yaml')

/**
 * Where the last good file is told to workers: one that is started while the file is bad goes on with it.
 * An environment variable, because the file itself says where everything else is.
 */
const LAST_GOOD = 'DEVICE_GATE_LAST_GOOD'

/** Reads the host's config once; throws {@link ConfigError}. A missing file means the defaults. */
export function loadHostConfig(harakaDir: string): HostConfig {
  const file = hostConfigPath(harakaDir)
  const parsed = parse(harakaDir, readTextFile(file))
  if (!parsed.ok) throw new ConfigError(parsed.problems)
  return parsed.config
}

function parse(harakaDir: string, content: FileContent): ReturnType<typeof parseHostConfig> {
  const file = hostConfigPath(harakaDir)
  if (!content.ok && fs.existsSync(file)) {
    return { ok: false, problems: [{ file, line: 1, column: 1, key: '', problem: content.problem }] }
  }
  return parseHostConfig(content.ok ? content.text : '', { file, harakaDir })
}

/**
 * The live config of one process: an edit that validates is current within a second, a bad one changes
 * nothing. Keys that only the next start can take keep their old value. Throws {@link ConfigError} when the
 * file is bad and there is no last good one.
 */
export function watchHostConfig(
  harakaDir: string,
  role: 'control' | 'worker',
  listeners: HostConfigListeners,
): HostConfigSource {
  const file = hostConfigPath(harakaDir)
  const content = readTextFile(file)
  const first = parse(harakaDir, content)
  let problems: readonly ConfigProblem[] = first.ok ? [] : first.problems
  let current = first.ok ? first.config : lastGood(harakaDir, first.problems)
  if (role === 'control') keepLastGood(content, current)

  const watcher: FileWatcher = watchFile(file, content, (changed) => {
    const parsed = parse(harakaDir, changed)
    problems = parsed.ok ? [] : parsed.problems
    if (parsed.ok) {
      current = keepingStartKeys(current, parsed.config)
      if (role === 'control') keepLastGood(changed, current)
      listeners.onChange(current)
    }
    listeners.onProblems(problems)
  })
  return { current: () => current, problems: () => problems, close: () => watcher.close() }
}

function lastGood(harakaDir: string, problems: readonly ConfigProblem[]): HostConfig {
  const kept = process.env[LAST_GOOD]
  const parsed = kept === undefined ? undefined : parse(harakaDir, readTextFile(kept))
  if (!parsed?.ok) throw new ConfigError(problems)
  return parsed.config
}

/** The copy of the config that was last in force. */
export const lastGoodPath = (stateDir: string): string => path.join(stateDir, 'device_gate.last-good.yaml')

function keepLastGood(content: FileContent, config: HostConfig): void {
  if (!content.ok) return
  fs.mkdirSync(config.stateDir, { recursive: true, mode: 0o700 })
  const file = lastGoodPath(config.stateDir)
  fs.writeFileSync(`${file}.new`, content.text, { mode: 0o600 })
  fs.renameSync(`${file}.new`, file)
  process.env[LAST_GOOD] = file
}

/** Listeners and directories are taken at start; everything else changes at once. */
const keepingStartKeys = (old: HostConfig, edited: HostConfig): HostConfig => ({
  ...edited,
  stateDir: old.stateDir,
  store: old.store,
  imap: { ...edited.imap, enabled: old.imap.enabled, listen: old.imap.listen, listenTls: old.imap.listenTls },
  admin: { ...edited.admin, listen: old.admin.listen },
})
