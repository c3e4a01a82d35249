import fs from 'node:fs'

import { parseKeyring, type TagKeyring } from '../identity/tag-keyring'
import { readTextFile, watchFile, type FileWatcher } from './file-watcher'

export interface TagKeyFile {
  /** Of a damaged file those keys that can be used; none when there is no file. */
  readonly keys: TagKeyring
  readonly missing: boolean
  /** Each names the file and what to do, never a key. */
  readonly problems: readonly string[]
}

const OPEN_TO_ALL = 0o007

/** Reads the tag keys. A file that every user of the host may read is refused: its keys are no secret any more. */
export function readTagKeyFile(file: string): TagKeyFile {
  const content = readTextFile(file)
  if (!content.ok) {
    const problems = content.missing ? [] : [`${file} ${content.problem}`]
    return { keys: [], missing: content.missing, problems }
  }
  const mode = (fs.statSync(file, { throwIfNoEntry: false })?.mode ?? 0) & 0o777
  if ((mode & OPEN_TO_ALL) !== 0) {
    const problem = `${file} is open to every user of this host (mode ${mode.toString(8)}): chmod 600 it`
    return { keys: [], missing: false, problems: [problem] }
  }
  // As with the config: an editor that empties the file before it writes must not void every tag.
  if (content.text.trim() === '') {
    const problem = `${file} is empty; to void every tag leave a comment line in it`
    return { keys: [], missing: false, problems: [problem] }
  }
  const { keys, problems } = parseKeyring(content.text)
  return { keys, missing: false, problems: problems.map((p) => `${file}:${p.line} ${p.problem}`) }
}

export interface TagKeys {
  current(): TagKeyring
  /** Reads from another file from now on. */
  follow(file: string): void
  close(): void
}

/**
 * The keys in the file as it is now. An edit that cannot be used, or a file that is gone, is told and changes
 * nothing; a process that starts with a damaged file has the keys of its good lines.
 */
export function watchTagKeys(first: string, onProblem: (problem: string) => void): TagKeys {
  let file = first
  const atStart = readTagKeyFile(file)
  let { keys } = atStart
  atStart.problems.forEach(onProblem)

  const read = (): void => {
    const { keys: found, missing, problems } = readTagKeyFile(file)
    problems.forEach(onProblem)
    if (missing && keys.length > 0) onProblem(`${file} does not exist; the keys that were read before stay`)
    else if (problems.length === 0) keys = found
  }
  const watch = (): FileWatcher => watchFile(file, readTextFile(file), read)
  let watcher = watch()
  return {
    current: () => keys,
    follow: (other) => {
      if (other === file) return
      watcher.close()
      file = other
      read()
      watcher = watch()
    },
    close: () => watcher.close(),
  }
}
