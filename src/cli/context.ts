import os from 'node:os'
import path from 'node:path'

import type { HostConfig } from '../config/host-config'
import type { Store } from '../devices/store'
import { printable, Refusal, type Streams } from './output'

/** What every command works with; the store is opened on first use and closed by `main`. */
export interface CommandContext {
  readonly harakaDir: string
  readonly json: boolean
  readonly streams: Streams
  readonly config: () => HostConfig
  readonly store: () => Store
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

const MAX_REASON = 500

/** A change without a why is not taken: the history must answer for it. */
export function checkedReason(reason: string | undefined): string {
  const text = reason?.trim() ?? ''
  if (text === '') throw new Refusal('say why: add --reason "..."')
  if (text.length > MAX_REASON) throw new Refusal(`the reason is longer than ${MAX_REASON} characters`)
  return printable(text)
}
