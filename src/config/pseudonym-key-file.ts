import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'

import { openToAll } from './secret-file'

const KEY_OCTETS = 32
const KEY = /^[0-9a-f]{64}\n$/

/** The key in `<stateDir>/journal_pseudonym.key`, which is made where there is none. Throws with what to do. */
export function pseudonymKey(stateDir: string): Buffer {
  const file = path.join(stateDir, 'journal_pseudonym.key')
  if (!fs.existsSync(file)) make(file)
  const [open] = openToAll(file)
  if (open !== undefined) throw new Error(open)
  const text = fs.readFileSync(file, 'utf8')
  if (!KEY.test(text))
    throw new Error(
      `${file} is damaged: restore it from its backup, or delete it; under a new key every name has another hash`,
    )
  return Buffer.from(text.trim(), 'hex')
}

/** Nobody ever sees half of it, and of several processes that make it one has its way. */
function make(file: string): void {
  fs.mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 })
  const own = `${file}.${process.pid}`
  fs.writeFileSync(own, `${randomBytes(KEY_OCTETS).toString('hex')}\n`, { mode: 0o600, flush: true })
  try {
    fs.linkSync(own, file)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  } finally {
    fs.unlinkSync(own)
  }
}
