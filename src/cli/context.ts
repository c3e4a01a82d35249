import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'

import type { HostConfig } from '../config/host-config'
import { ConfigError, lastGoodPath, loadHostConfig } from '../config/host-config-source'
import { parseHostConfig } from '../config/host-config-file'
import { formatProblem } from '../config/yaml-file'
import { LmdbStore } from '../devices/lmdb-store'
import { CorruptRecordError, type Store } from '../devices/store'
import type { JournalReader } from '../journal/journal'
import { JournalStore } from '../journal/journal-store'
import { printable, Refusal, type Streams } from './output'

/** What every command works with; the store is opened on first use and closed by `main`. */
export interface CommandContext {
  readonly harakaDir: string
  readonly json: boolean
  readonly streams: Streams
  readonly config: () => HostConfig
  /** Why the host's config file is not what `config` says; empty when it is. */
  readonly configProblems: () => readonly string[]
  readonly store: () => Store
  readonly journal: () => JournalReader
  readonly now: () => number
}

/** Prints the one answer of a command: as JSON for programs, else as text for people. */
export function answer(context: CommandContext, json: unknown, text: string): void {
  context.streams.out(context.json ? `${JSON.stringify(json)}\n` : text)
}

/** The person at the keyboard, also behind sudo; kept with every change. */
export const author = (): string => printable(process.env['SUDO_USER'] ?? os.userInfo().username)

export const configFile = (context: CommandContext, name: string): string =>
  path.join(context.harakaDir, 'config', name)

/** What of a list can be read; what cannot is told on stderr. */
export function readable<T extends object>(
  context: CommandContext,
  list: readonly (T | CorruptRecordError)[],
): T[] {
  return list.flatMap((item) => {
    if (!(item instanceof CorruptRecordError)) return [item]
    context.streams.err(`${printable(item.message)}\n`)
    return []
  })
}

/** What `read` gives; undefined for a damaged entry, which `tell` is told of. */
export function unlessDamaged<T>(read: () => T, tell: (message: string) => void): T | undefined {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof CorruptRecordError)) throw error
    tell(printable(error.message))
    return undefined
  }
}

const MAX_REASON = 500

/** A change without a why is not taken: the history must answer for it. */
export function checkedReason(reason: string | undefined): string {
  const text = reason?.trim() ?? ''
  if (text === '') throw new Refusal('say why: add --reason "..."')
  if (text.length > MAX_REASON) throw new Refusal(`the reason is longer than ${MAX_REASON} characters`)
  return printable(text)
}

/** Opens what a command asks for, when it asks for it. */
export function openSite(
  harakaDir: string,
  json: boolean,
  streams: Streams,
): { context: CommandContext; close(): Promise<void> } {
  let config: { readonly value: HostConfig; readonly problems: readonly string[] } | undefined
  let store: LmdbStore | undefined
  let journal: JournalStore | undefined
  const readConfig = (): { readonly value: HostConfig; readonly problems: readonly string[] } =>
    (config ??= configOrLastGood(harakaDir))
  return {
    context: {
      harakaDir,
      json,
      streams,
      config: () => readConfig().value,
      configProblems: () => readConfig().problems,
      store: () => (store ??= LmdbStore.open(readConfig().value.stateDir)),
      journal: () =>
        (journal ??= JournalStore.open(readConfig().value.stateDir, {
          now: Date.now,
          onFault: (error) => streams.err(`${String(error)}\n`),
        })),
      now: Date.now,
    },
    close: async () => {
      await journal?.close()
      await store?.close()
    },
  }
}

/** An order must be possible to take back while somebody's edit of the config file is broken. */
function configOrLastGood(harakaDir: string): {
  readonly value: HostConfig
  readonly problems: readonly string[]
} {
  try {
    return { value: loadHostConfig(harakaDir), problems: [] }
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    const file = lastGoodPath(path.join(harakaDir, 'var'))
    const text = fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : undefined
    const parsed = text === undefined ? undefined : parseHostConfig(text, { file, harakaDir })
    if (!parsed?.ok) throw error
    return { value: parsed.config, problems: error.problems.map(formatProblem) }
  }
}
