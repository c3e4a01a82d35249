import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'

/** Called inside `describe`: gives a maker of directories that are removed after each test. */
export function tempDirs(): () => string {
  const made: string[] = []
  afterEach(() => {
    for (const dir of made.splice(0)) fs.rmSync(dir, { recursive: true, force: true })
  })
  return () => {
    const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'device-gate-'))
    made.push(dir)
    return dir
  }
}
