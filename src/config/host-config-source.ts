import fs from 'node:fs'
import path from 'node:path'

import { fileProblem, formatProblem, type ConfigProblem, type Reading } from './config-problem'
import { readTextFile, watchFile, type FileContent } from './file-watcher'
import type { HostConfig } from './host-config'
import { parseHostConfig, toHostConfig, type HostConfigReading, type HostYaml } from './host-config-file'
import { changedStartKeys, keepingStartKeys } from './start-keys'

/** A config that cannot be started with: every problem with its file, line and key. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly code = 'ERR_CONFIG'
  constructor(readonly problems: readonly ConfigProblem[]) {
    super(problems.map(formatProblem).join('\n'))
  }
}

/** The one process that writes the host's state, or one of those that only decide. */
export type Role = 'control' | 'worker'

export interface HostConfigSource {
  /** The last good one. */
  current(): HostConfig
  /** What is wrong with the file now; empty when `current` is what it says. */
  problems(): readonly ConfigProblem[]
  /** Keys whose edit waits for the next start. */
  waiting(): readonly string[]
  close(): void
}

export interface HostConfigListeners {
  onChange(config: HostConfig): void
  onProblems(problems: readonly ConfigProblem[]): void
  onFault(error: unknown): void
}

const hostConfigPath = (harakaDir: string): string => path.join(harakaDir, 'config', 'device_gate.yaml')

/** The config in force: the file as it was last good, with the start keys as they were at the start. */
const inForcePath = (stateDir: string): string => path.join(stateDir, 'device_gate.in-force.yaml')

/**
 * Where workers find the config in force: one that is started while the file is bad, or edited, goes on as the
 * others do. An environment variable, because the file itself says where everything else is.
 */
const IN_FORCE = 'DEVICE_GATE_IN_FORCE'

/** Throws {@link ConfigError} when a process of this role could not start. */
export function checkHostConfig(harakaDir: string, role: Role): void {
  startingConfig(harakaDir, role, readTextFile(hostConfigPath(harakaDir)))
}

/** A missing file means the defaults. */
function parse(harakaDir: string, content: FileContent): Reading<HostConfigReading> {
  const file = hostConfigPath(harakaDir)
  if (!content.ok && !content.missing) return { ok: false, problems: [fileProblem(file, content.problem)] }
  return parseHostConfig(content.ok ? content.text : '{}', { file, harakaDir })
}

/** As `parse`, and the files it names must be usable. */
function parseUsable(harakaDir: string, content: FileContent): Reading<{ raw: HostYaml }> {
  const reading = parse(harakaDir, content)
  return reading.ok && reading.fileProblems.length > 0
    ? { ok: false, problems: reading.fileProblems }
    : reading
}

function startingConfig(
  harakaDir: string,
  role: Role,
  content: FileContent,
): { readonly raw: HostYaml; readonly problems: readonly ConfigProblem[] } {
  const read = parseUsable(harakaDir, content)
  const kept = role === 'worker' ? process.env[IN_FORCE] : undefined
  const inForce = kept === undefined ? undefined : readInForce(harakaDir, kept)?.raw
  if (read.ok) return { raw: inForce ? keepingStartKeys(inForce, read.raw) : read.raw, problems: [] }
  if (inForce) return { raw: inForce, problems: read.problems }
  throw new ConfigError(read.problems)
}

/**
 * The live config of one process: an edit that validates is current within a second, a bad one changes
 * nothing, and a file that went away is a bad one. Throws {@link ConfigError} when there is none to start with.
 */
export function watchHostConfig(
  harakaDir: string,
  role: Role,
  listeners: HostConfigListeners,
): HostConfigSource {
  const file = hostConfigPath(harakaDir)
  const content = readTextFile(file)
  const start = startingConfig(harakaDir, role, content)
  let { raw, problems } = start
  let current = toHostConfig(raw, harakaDir)
  let waiting: readonly string[] = []
  if (role === 'control') process.env[IN_FORCE] = keepInForce(raw, current.stateDir)

  const watcher = watchFile(file, content, (changed) => {
    const read: Reading<{ raw: HostYaml }> = changed.ok
      ? parseUsable(harakaDir, changed)
      : { ok: false, problems: [fileProblem(file, changed.problem)] }
    problems = read.ok ? [] : read.problems
    if (read.ok) {
      raw = keepingStartKeys(start.raw, read.raw)
      waiting = changedStartKeys(start.raw, read.raw)
      current = toHostConfig(raw, harakaDir)
      try {
        if (role === 'control') keepInForce(raw, current.stateDir)
      } catch (error) {
        listeners.onFault(error)
      }
      listeners.onChange(current)
    }
    listeners.onProblems(problems)
  })
  return {
    current: () => current,
    problems: () => problems,
    waiting: () => waiting,
    close: () => watcher.close(),
  }
}

function keepInForce(raw: HostYaml, stateDir: string): string {
  fs.mkdirSync(stateDir, { recursive: true, mode: 0o700 })
  const file = inForcePath(stateDir)
  const text = `# Written by Device Gate: what is in force. Edit config/device_gate.yaml instead.\n${JSON.stringify(raw, null, 2)}\n`
  fs.writeFileSync(`${file}.new`, text, { mode: 0o600 })
  fs.renameSync(`${file}.new`, file)
  return file
}

function readInForce(harakaDir: string, file: string): HostConfigReading | undefined {
  const content = readTextFile(file)
  const reading = content.ok ? parseHostConfig(content.text, { file, harakaDir }) : undefined
  return reading?.ok ? reading : undefined
}

/**
 * The config for a command line, which needs no keys or certificates: an order must be possible to take back
 * while somebody's edit of the file is broken. It then goes by the config in force, in the `state_dir` that the
 * broken file names, or else in the default one.
 */
export function readConfigOrInForce(harakaDir: string): {
  readonly config: HostConfig
  readonly problems: readonly ConfigProblem[]
} {
  const content = readTextFile(hostConfigPath(harakaDir))
  const read = parse(harakaDir, content)
  if (read.ok) return { config: read.config, problems: read.fileProblems }
  const stateDirs = [...(content.ok ? [stateDirOf(content.text)] : []), './var']
  for (const stateDir of stateDirs) {
    const kept = readInForce(harakaDir, inForcePath(path.resolve(harakaDir, stateDir)))
    if (kept) return { config: kept.config, problems: read.problems }
  }
  throw new ConfigError(read.problems)
}

/** What can be made out of a file that is not valid, whatever is wrong with the rest of it. */
const stateDirOf = (text: string): string =>
  /^state_dir:[ \t]*(["']?)([^"'#\r\n]*[^"'#\s])\1[ \t]*(?:#.*)?$/m.exec(text)?.[2] ?? './var'
