import fs from 'node:fs'
import path from 'node:path'

import { open, type Database, type RootDatabase } from 'lmdb'

import { DATA_FILE, problemOf } from './data-file'

/** One named database of text values. Keys are strings, safe integers, or arrays of them. */
export type TextDatabase = Database<string, string | number | (string | number)[]>

/** One named database of octets. */
export type BinaryDatabase = Database<Buffer, string | number | (string | number)[]>

/** The environment cannot be opened or written: names the directory and what to do. */
export class EnvironmentError extends Error {
  override readonly name = 'EnvironmentError'
  readonly code = 'ERR_ENVIRONMENT'
}

/** Reads see what was committed when the first of them was made in this turn of the event loop. */
export interface Environment {
  /** Throws EnvironmentError when it is new and cannot be made. */
  database(name: string, options?: { readonly dupSort?: boolean }): TextDatabase
  /** The same for values that are octets. */
  binaryDatabase(name: string): BinaryDatabase
  /** Pages that nothing refers to; at most so many, since what this process has not opened is not known to it. */
  freePages(): number
  /** Lets the reads from here on see all that any process has committed until now. */
  refresh(): void
  /**
   * Runs `work` as one write transaction across all processes of the host. Resolves once it is on disk and
   * seen by all; rejects with nothing applied when `work` throws or the disk does not take it.
   */
  write<T>(work: () => T): Promise<T>
  /** The same without waiting, for a process that is leaving. What `work` did before it threw stays done. */
  writeSync(work: () => void): void
  /**
   * Calls `onWrite` when any process may have written; several writes may give one call. Throws where the system
   * can watch no more files. Gives what ends it.
   */
  watch(onWrite: () => void): () => void
  close(): Promise<void>
}

export interface EnvironmentOptions {
  readonly schema: number
  /**
   * When the machine (not a process) crashes, the newest transaction may be undone, whole; the environment stays
   * sound. For data that has its home elsewhere: each write then waits for the disk once, not twice.
   */
  readonly mayLoseNewest?: boolean
  /** Mostly a few places of many are read: the system then fetches those alone, not what lies behind them too. */
  readonly isReadAtRandom?: boolean
}

/** Address space, neither disk nor memory: grown beyond, it is mapped anew beside the old map. */
const MAP_OCTETS = 1024 ** 3
const MAX_DATABASES = 24
/** Each process takes one slot, and a few more for a moment. */
const MAX_READERS = 512

/**
 * Opens the LMDB environment in `dir`, which is made (mode 0700) when it is missing. `schema` is the version
 * of what is stored in it and how: data of another one is refused rather than guessed at.
 */
export function openEnvironment(
  dir: string,
  { schema, mayLoseNewest = false, isReadAtRandom = false }: EnvironmentOptions,
): Environment {
  const root = openRoot(dir, { mayLoseNewest, isReadAtRandom })
  const databases = new Set<{ getStats(): object }>()
  const opened = <T extends { getStats(): object }>(openOne: () => T): T => {
    try {
      const one = openOne()
      databases.add(one)
      return one
    } catch (error) {
      throw notOpened(dir, error)
    }
  }
  const database: Environment['database'] = (name, { dupSort = false } = {}) =>
    opened(() => root.openDB({ name, dupSort, encoding: dupSort ? 'ordered-binary' : 'string' }))
  try {
    checkSchema(dir, root, database('meta'), schema)
  } catch (error) {
    void root.close()
    throw error
  }
  return {
    database,
    binaryDatabase: (name) => opened(() => root.openDB({ name, encoding: 'binary' })),
    freePages: () => {
      root.resetReadTxn()
      const { lastPageNumber = 0 } = root.getStats() as { lastPageNumber?: number }
      const used = [...databases].reduce((sum, one) => sum + pagesOf(one.getStats()), 0)
      return Math.max(0, lastPageNumber + 1 - used)
    },
    refresh: () => root.resetReadTxn(),
    write: async (work) => {
      try {
        // A child, since lmdb commits what was put before a throw otherwise.
        const { value } = await root.childTransaction(() => {
          // In an object: a promise from `work` would keep the transaction open for as long as it takes.
          const done = { value: work() }
          // A put into a damaged page fails without a word; the next read in the transaction tells.
          root.get(SCHEMA_KEY)
          return done
        })
        return value
      } catch (error) {
        throw await explained(dir, error)
      }
    },
    writeSync: (work) => root.transactionSync(work),
    watch: (onWrite) => {
      const watcher = fs.watch(path.join(dir, DATA_FILE), { persistent: false }, onWrite)
      // The file was taken away: there is nothing more to be told.
      watcher.on('error', () => watcher.close())
      return () => watcher.close()
    },
    close: () => root.close(),
  }
}

const pagesOf = (stats: {
  readonly treeBranchPageCount?: number
  readonly treeLeafPageCount?: number
  readonly overflowPages?: number
}): number => (stats.treeBranchPageCount ?? 0) + (stats.treeLeafPageCount ?? 0) + (stats.overflowPages ?? 0)

function openRoot(
  dir: string,
  { mayLoseNewest, isReadAtRandom }: Required<Omit<EnvironmentOptions, 'schema'>>,
): RootDatabase<string> {
  try {
    fs.mkdirSync(dir, { recursive: true, mode: 0o700 })
    fs.accessSync(dir, fs.constants.R_OK | fs.constants.W_OK)
    const problem = problemOf(dir)
    if (problem !== undefined) throw new Error(problem)
    return open<string, string>({
      path: dir,
      mapSize: MAP_OCTETS,
      maxDbs: MAX_DATABASES,
      maxReaders: MAX_READERS,
      encoding: 'string',
      // A commit is on disk before anybody sees it, so that one that fails has changed nothing.
      overlappingSync: false,
      noMetaSync: mayLoseNewest,
      // Its types leave this one out.
      ...{ noReadAhead: isReadAtRandom },
      // Each write is a transaction of its own anyway; with it, a failed commit ends the process (unhandled).
      eventTurnBatching: false,
    })
  } catch (error) {
    throw notOpened(dir, error)
  }
}

const notOpened = (dir: string, error: unknown): EnvironmentError =>
  new EnvironmentError(
    `${dir} cannot be opened: ${(error as Error).message}; run this as the user that Haraka runs as, ` +
      'make it readable and writable for this user, restore it from a backup, or move it away to start anew',
  )

const SCHEMA_KEY = 'schema'

function checkSchema(dir: string, root: RootDatabase, meta: TextDatabase, known: number): void {
  const found = meta.get(SCHEMA_KEY)
  if (found === undefined) {
    root.transactionSync(() => void meta.put(SCHEMA_KEY, String(known)))
  } else if (found !== String(known)) {
    throw new EnvironmentError(
      `${dir} holds data of schema version ${found.slice(0, 16)}, this program knows version ${known}: ` +
        'use the program that wrote it, or move the directory away to start anew',
    )
  }
}

/** What lmdb says of a failed commit it says in a promise; what `work` itself threw is left as it is. */
async function explained(dir: string, error: unknown): Promise<unknown> {
  const { commitError, code } = error as { commitError?: Promise<never>; code?: unknown }
  const cause = commitError === undefined ? error : await commitError.catch((reason: unknown) => reason)
  if (commitError === undefined && typeof code !== 'number') return error
  return new EnvironmentError(
    `${dir} cannot be written: ${(cause as Error).message}; nothing was changed; is the disk full?`,
  )
}

/** The largest key of a database whose keys are numbers; 0 when it is empty. */
export function newestKey(database: TextDatabase): number {
  for (const key of database.getKeys({ reverse: true, limit: 1 })) return Number(key)
  return 0
}

/** As the database itself has it: to count the keys would take a fifth of a second a million. */
export const entryCount = (database: TextDatabase): number =>
  (database.getStats() as { entryCount: number }).entryCount
