import { parseTokens, type AdminToken } from './admin-tokens'
import { readTextFile, watchFile, type FileContent } from './file-watcher'
import { openToAll } from './secret-file'

export interface AdminTokenFile {
  /** Of a damaged file those that can be used; none when there is no file. */
  readonly tokens: readonly AdminToken[]
  /** Each names the file and what to do. */
  readonly problems: readonly string[]
}

/** Reads the tokens. Who may read the file may as a rule write it, and so add tokens: it is not open to all. */
export const readAdminTokenFile = (file: string): AdminTokenFile => reading(file, readTextFile(file))

function reading(file: string, content: FileContent): AdminTokenFile {
  if (!content.ok) return { tokens: [], problems: content.missing ? [] : [`${file} ${content.problem}`] }
  const open = openToAll(file)
  if (open.length > 0) return { tokens: [], problems: open }
  const { tokens, problems } = parseTokens(content.text)
  return { tokens, problems: problems.map(({ line, problem }) => `${file}:${line} ${problem}`) }
}

export interface AdminTokens {
  current(): readonly AdminToken[]
  /** Does not wait until the change of the file is noticed: a token that was just issued works. */
  lookAgain(): void
  close(): void
}

/** The tokens in the file as it is now: one that is taken out, or a file that is gone, is void at once. */
export function watchAdminTokens(
  file: string,
  listener: { readonly onChange: () => void; readonly onProblem: (problem: string) => void },
): AdminTokens {
  let known = readTextFile(file)
  let found = reading(file, known)
  found.problems.forEach(listener.onProblem)
  const take = (content: FileContent): void => {
    known = content
    found = reading(file, content)
    found.problems.forEach(listener.onProblem)
    listener.onChange()
  }
  let watcher = watchFile(file, known, take)
  return {
    current: () => found.tokens,
    lookAgain: () => {
      const content = readTextFile(file)
      if (JSON.stringify(content) === JSON.stringify(known)) return
      // One that knew the former content would take a quick way back to that for no change.
      watcher.close()
      take(content)
      watcher = watchFile(file, content, take)
    },
    close: () => watcher.close(),
  }
}
