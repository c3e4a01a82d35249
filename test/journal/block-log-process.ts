/**
 * Writes the block log of the state directory `argv[2]`: entries named `argv[3]`, a few at a time, until it is
 * killed or has written `argv[4]` of them. Prints a line for each few, before they are written to the file.
 */
import fs from 'node:fs'

import { BlockLog } from '../../src/journal/block-log'
import { JournalStore } from '../../src/journal/journal-store'
import { entries } from './samples'

const STDOUT = 1
const AT_ONCE = 3

async function main(): Promise<void> {
  const [dir = '', name = '', count = '0', maxFileOctets = '0'] = process.argv.slice(2)
  const fail = (error: unknown): void => {
    throw error
  }
  const journal = JournalStore.open(dir, { now: Date.now, onFault: fail })
  const log = new BlockLog(dir, journal, fail, { maxFileOctets: Number(maxFileOctets) })
  const list = entries(Number(count), name)
  for (let at = 0; at < list.length; at += AT_ONCE) {
    for (const entry of list.slice(at, at + AT_ONCE)) journal.append({ ...entry, time: Date.now() })
    await journal.drain()
    fs.writeSync(STDOUT, `appended ${at}\n`)
    await log.flush()
  }
  await log.close()
  await journal.close()
}

void main()
