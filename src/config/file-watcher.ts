import fs from 'node:fs'
import path from 'node:path'

/** What a watched file holds now. */
export type FileContent =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly missing: boolean; readonly problem: string }

export interface FileWatcher {
  close(): void
}

const POLL_MS = 250
/** A file that was just touched is read when it has kept still for so long: editors write in pieces. */
const SETTLE_MS = 40
/** One that never keeps still is read all the same. */
const MAX_SETTLE_MS = 400
/** Config, policy, keys and certificates are far smaller; more must not get into memory by a wrong name. */
const MAX_OCTETS = 4 * 1024 * 1024

/** Reads a text file; an unreadable one is a value, since a watched file may come back. */
export function readTextFile(file: string): FileContent {
  const unreadable = (problem: string, missing = false): FileContent => ({ ok: false, missing, problem })
  try {
    const stat = fs.statSync(file)
    if (!stat.isFile()) return unreadable('is no regular file')
    if (stat.size > MAX_OCTETS) return unreadable(`is larger than ${MAX_OCTETS} octets`)
    return { ok: true, text: fs.readFileSync(file, 'utf8') }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    return code === 'ENOENT' ? unreadable('does not exist', true) : unreadable(`cannot be read: ${message}`)
  }
}

/**
 * Calls `onChange` when the content of `file` differs from `known`, well within a second. The directory is
 * watched for speed; a poll finds what such events miss (symlink swaps, network file systems).
 */
export function watchFile(
  file: string,
  known: FileContent,
  onChange: (content: FileContent) => void,
): FileWatcher {
  let last = known
  let settling: NodeJS.Timeout | undefined
  let unsettledSince = 0
  /** Not taken yet: what changed since `known` was read must be seen too. */
  let stamp: string | undefined

  const look = (): void => {
    settling = undefined
    const content = readTextFile(file)
    if (sameContent(content, last)) return
    last = content
    onChange(content)
  }
  /** Only a change of this very file counts: its directory may be a busy one. */
  const touched = (): void => {
    const current = stampOf(file)
    if (current === stamp) return
    stamp = current
    const now = Date.now()
    if (!settling) unsettledSince = now
    else if (now - unsettledSince > MAX_SETTLE_MS) return
    clearTimeout(settling)
    settling = setTimeout(look, SETTLE_MS)
  }
  const poll = setInterval(touched, POLL_MS)
  poll.unref()
  const directory = watchDirectory(path.dirname(file), touched)
  return {
    close: () => {
      clearInterval(poll)
      clearTimeout(settling)
      directory?.close()
    },
  }
}

const sameContent = (a: FileContent, b: FileContent): boolean =>
  a.ok ? b.ok && a.text === b.text : !b.ok && a.problem === b.problem

/** Changes whenever the file behind the name may have: inode, size, times; the error while it has none. */
function stampOf(file: string): string {
  try {
    const { ino, size, mtimeMs, ctimeMs } = fs.statSync(file)
    return `${ino}:${size}:${mtimeMs}:${ctimeMs}`
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'unknown'
  }
}

function watchDirectory(directory: string, onEvent: () => void): fs.FSWatcher | undefined {
  try {
    const watcher = fs.watch(directory, { persistent: false }, onEvent)
    // The poll goes on alone when the system's watches are used up or the directory goes away.
    watcher.on('error', () => watcher.close())
    return watcher
  } catch {
    return undefined
  }
}
