import fs from 'node:fs'

import { Refusal } from './output'

/** Writes a file that nobody but its owner may read, anew also where one was that others could. */
export function writeSecret(file: string, content: string | Buffer): void {
  const draft = `${file}.new`
  try {
    fs.writeFileSync(draft, content, { mode: 0o600, flag: 'wx' })
    fs.renameSync(draft, file)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') fs.rmSync(draft, { force: true })
    throw new Refusal(`${file} cannot be written: ${(error as Error).message}`)
  }
}
