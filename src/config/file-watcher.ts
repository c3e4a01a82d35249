import fs from 'node:fs'
import path from 'node:path'

/** What a watched file holds now. */
export type FileContent =
  { readonly ok: true; readonly text: string } | { readonly ok: false; readonly problem: string }

export interface FileWatcher {
  close(): void
}

const POLL_MS = 250
/** A file that was just touched is read when it has kept still for so long: editors write in pieces. */
const SETTLE_MS = 40

/** Reads a text file; an unreadable one is a value, since a watched file may come back. */
export function readTextFile(file: string): FileContent {
  try {
    return { ok: true, text: fs.readFileSync(file, 'utf8') }
  } catch (error) {
    return { ok: false, problem: `cannot be read: ${(error as Error).message}` }
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

  const look = (): void => {
    const content = readTextFile(file)
    if (sameContent(content, last)) return
    last = content
    onChange(content)
  }
  const settle = (): void => {
    clearTimeout(settling)
    settling = setTimeout(look, SETTLE_MS)
  }
  let stamp = stampOf(file)
  const poll = setInterval(() => {
    const now = stampOf(file)
    if (now === stamp) return
    stamp = now
    settle()
  }, POLL_MS)
  poll.unref()

  const directory = watchDirectory(path.dirname(file), settle)
  return {
    close: () => {
      clearInterval(poll)
      clearTimeout(settling)
      directory?.close()
    },
  }
}

const sameContent = (a: FileContent, b: FileContent): boolean =>
  a.ok && b.ok ? a.text === b.text : !a.ok && !b.ok && a.problem === b.problem

/** Changes whenever the file behind the name may have: inode, size, times; empty while there is none. */
function stampOf(file: string): string {
  const stat = fs.statSync(file, { throwIfNoEntry: false })
  return stat ? `${stat.ino}:${stat.size}:${stat.mtimeMs}:${stat.ctimeMs}` : ''
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
