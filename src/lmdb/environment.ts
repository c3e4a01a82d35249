import fs from 'node:fs'

import { open, type Database, type RootDatabase } from 'lmdb'

/** One named database of text values. Keys are strings, safe integers, or arrays of them. */
export type TextDatabase = Database<string, string | number | (string | number)[]>

/** The environment cannot be opened or written: names the directory and what to do. */
export class EnvironmentError extends Error {
  override readonly name = 'EnvironmentError'
  readonly code = 'ERR_ENVIRONMENT'
}

export interface Environment {
  database(name: string, options?: { readonly dupSort?: boolean }): TextDatabase
  /**
   * Runs `work` as one write transaction across all processes of the host; resolves once it is durable,
   * rejects with nothing applied when `work` throws or the disk is full.
   */
  write<T>(work: () => T): Promise<T>
  /** The same, done when it returns: for start and exit only, since it waits for the disk. */
  writeSync<T>(work: () => T): T
  close(): Promise<void>
}

const MAX_DATABASES = 16

/** Opens the LMDB environment in `dir`, which is made (mode 0700) when it is missing. */
export function openEnvironment(dir: string, options: { readonly mapSize?: number } = {}): Environment {
  let root: RootDatabase<string>
  try {
    fs.mkdirSync(dir, { recursive: true, mode: 0o700 })
    fs.accessSync(dir, fs.constants.R_OK | fs.constants.W_OK)
    root = open<string, string>({
      path: dir,
      maxDbs: MAX_DATABASES,
      encoding: 'string',
      ...(options.mapSize !== undefined && { mapSize: options.mapSize }),
    })
  } catch (error) {
    throw new EnvironmentError(
      `${dir} cannot be opened: ${(error as Error).message}; check that it is writable for this user, or move it away to start anew`,
    )
  }
  const explained = (error: unknown): unknown =>
    /MDB_|No space|ENOSPC/.test(String(error))
      ? new EnvironmentError(`${dir} cannot be written: ${(error as Error).message}; nothing was changed`)
      : error
  return {
    database: (name, { dupSort = false } = {}) =>
      root.openDB({ name, dupSort, encoding: dupSort ? 'ordered-binary' : 'string' }),
    write: async (work) => {
      try {
        return await root.transaction(work)
      } catch (error) {
        throw explained(error)
      }
    },
    writeSync: (work) => {
      try {
        return root.transactionSync(work)
      } catch (error) {
        throw explained(error)
      }
    },
    close: () => root.close(),
  }
}
