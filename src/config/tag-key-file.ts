import { parseKeyring, type TagKeyring } from '../identity/tag-keyring'
import { readTextFile, watchFile, type FileWatcher } from './file-watcher'
import { openToAll } from './secret-file'

export interface TagKeyFile {
  /** Of a damaged file those keys that can be used; none when there is no file. */
  readonly keys: TagKeyring
  readonly missing: boolean
  /** Each names the file and what to do, never a key. */
  readonly problems: readonly string[]
}

/** Reads the tag keys. A file that every user of the host may read is refused: its keys are no secret any more. */
export function readTagKeyFile(file: string): TagKeyFile {
  const content = readTextFile(file)
  if (!content.ok) {
    const problems = content.missing ? [] : [`${file} ${content.problem}`]
    return { keys: [], missing: content.missing, problems }
  }
  const open = openToAll(file)
  if (open.length > 0) return { keys: [], missing: false, problems: open }
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
