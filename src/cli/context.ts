import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'

import { formatProblem } from '../config/config-problem'
import { readConfigOrInForce } from '../config/host-config-source'
import { isAlive } from '../config/status-file'
import type { Store } from '../devices/store'
import { FeedsDatabase } from '../feeds/feeds-database'
import { feedStandings } from '../feeds/standing'
import { JournalStore } from '../journal/journal-store'
import type { WorkerNote } from '../journal/worker-notes'
import type { LookupSite } from '../lookup/site'
import { jsonLine, printable, printableText, UsageError, type Streams } from './output'
import { catchUp, openSiteStore, type SiteStore } from './site-store'

/** What every command works with; the store is opened on first use and closed by `run`. */
export interface CommandContext extends LookupSite {
  readonly json: boolean
  readonly streams: Streams
  readonly store: () => Store
  readonly feedsDatabase: () => FeedsDatabase
  /** The same as `journal`, to change it. */
  readonly journalStore: () => JournalStore
}

/** Prints the one answer of a command: as JSON for programs, else as text for people. */
export function answer(context: CommandContext, json: unknown, text: string): void {
  context.streams.out(context.json ? jsonLine(json) : printableText(text))
}

/** Something the person should know that is no reason to refuse; not in the way of what reads the answer. */
export const note = (context: CommandContext, text: string): void =>
  context.streams.err(`note: ${printable(text)}\n`)

const MAX_AUTHOR = 64

/** The person at the keyboard, also behind sudo; kept with every change. */
export function author(): string {
  const name = process.env['SUDO_USER'] ?? userName()
  return printable(name).slice(0, MAX_AUTHOR)
}

function userName(): string {
  try {
    return os.userInfo().username
  } catch {
    // A container may run under an id that has no name.
    return `uid ${String(process.getuid?.())}`
  }
}

export const configFile = (context: CommandContext, name: string): string =>
  path.join(context.harakaDir, 'config', name)

const MAX_REASON = 500

/** A change without a why is not taken: the history must answer for it. */
export function checkedReason(reason: string | undefined): string {
  const text = reason?.trim() ?? ''
  if (text === '') throw new UsageError('say why: add --reason "..."')
  if (text.length > MAX_REASON) throw new UsageError(`the reason is longer than ${MAX_REASON} characters`)
  return printable(text)
}

export interface Site {
  readonly context: CommandContext
  /** For a command that reads or writes the store: where it is a fleet's, makes sure that this host's copy is new. */
  catchUp(): Promise<void>
  close(): Promise<void>
}

/** Opens what a command asks for, when it asks for it. */
export function openSite(harakaDir: string, json: boolean, streams: Streams): Site {
  let config: ReturnType<typeof readConfigOrInForce> | undefined
  let opened: SiteStore | undefined
  let journal: JournalStore | undefined
  let feeds: FeedsDatabase | undefined
  const readConfig = (): ReturnType<typeof readConfigOrInForce> => (config ??= readSite(harakaDir))
  const siteStore = (): SiteStore => (opened ??= openSiteStore(readConfig().config))
  const siteJournal = (): JournalStore =>
    (journal ??= JournalStore.open(readConfig().config.stateDir, {
      now: Date.now,
      limits: () => readConfig().config.journal,
      onFault: (error) => streams.err(`${String(error)}\n`),
    }))
  const feedsDatabase = (): FeedsDatabase => (feeds ??= FeedsDatabase.open(readConfig().config.stateDir))
  const liveWorkers = (): WorkerNote[] =>
    siteJournal()
      .workers.all()
      .filter(({ pid }) => isAlive(pid))
  const context: CommandContext = {
    harakaDir,
    json,
    streams,
    config: () => readConfig().config,
    configProblems: () => readConfig().problems.map(formatProblem),
    store: () => siteStore().store,
    fleet: () => siteStore().fleet,
    feeds: () => feedStandings(siteStore().store, feedsDatabase()),
    feedsDatabase,
    journal: siteJournal,
    journalStore: siteJournal,
    traffic: (since) => siteJournal().traffic.since(since),
    served: (since) => siteJournal().traffic.servedSince(since),
    visitsOf: (user, since) => siteJournal().traffic.of(user, since),
    workers: liveWorkers,
    sessionsOf: (subject) =>
      siteJournal().inquiries.ask(
        subject,
        liveWorkers().map(({ pid }) => pid),
      ),
    now: Date.now,
    tell: (text) => note(context, text),
  }
  return {
    context,
    catchUp: async () => {
      const { config: found } = readConfig()
      if (found.store.kind === 'redis') await catchUp(siteStore(), found, (text) => note(context, text))
    },
    close: async () => {
      await journal?.close()
      await feeds?.close()
      await opened?.close()
    },
  }
}

function readSite(harakaDir: string): ReturnType<typeof readConfigOrInForce> {
  siteDirectory(harakaDir)
  return readConfigOrInForce(harakaDir)
}

/** A mistyped directory must not become a new, empty site. */
export function siteDirectory(harakaDir: string): void {
  if (!fs.existsSync(path.join(harakaDir, 'config')))
    throw new UsageError(
      `${harakaDir} is no Haraka directory: there is no config/ in it; name the directory with -c`,
    )
}
