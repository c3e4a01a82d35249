import fs from 'node:fs'
import path from 'node:path'

import { parseStoredKeys, type OauthKeys } from '../identity/oauth-keys'
import { readTextFile, watchFile } from './file-watcher'

const keysPath = (stateDir: string): string => path.join(stateDir, 'oauth-keys.json')

/** Keeps what the control plane fetched, for the workers and for a start without the issuer. */
export function writeOauthKeys(stateDir: string, text: string): void {
  const file = keysPath(stateDir)
  fs.writeFileSync(`${file}.new`, text, { mode: 0o600 })
  fs.renameSync(`${file}.new`, file)
}

export interface WatchedOauthKeys {
  /** undefined: there never were any. */
  current(): OauthKeys | undefined
  close(): void
}

/** The keys as they were kept last; a file that is gone or damaged changes nothing. */
export function watchOauthKeys(stateDir: string): WatchedOauthKeys {
  const file = keysPath(stateDir)
  const content = readTextFile(file)
  let keys = content.ok ? parseStoredKeys(content.text) : undefined
  const watcher = watchFile(file, content, (changed) => {
    if (changed.ok) keys = parseStoredKeys(changed.text) ?? keys
  })
  return { current: () => keys, close: () => watcher.close() }
}
