import fs from 'node:fs'

const OPEN_TO_ALL = 0o007

/** What is wrong with a file of secrets that every user of the host may read, which is then no secret any more. */
export function openToAll(file: string): string[] {
  const mode = (fs.statSync(file, { throwIfNoEntry: false })?.mode ?? 0) & 0o777
  return (mode & OPEN_TO_ALL) === 0
    ? []
    : [`${file} is open to every user of this host (mode ${mode.toString(8)}): chmod 600 it`]
}
