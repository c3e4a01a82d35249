import fs from 'node:fs'
import path from 'node:path'

import { FeedError } from '../feed-error'
import type { FeedContext, FeedKind } from '../kind'
import { FORMATS, formatOf, pagesOfRows } from './rows'

const READ_OCTETS = 256 * 1024
const LOOK_MS = 1000

interface FileSettings {
  readonly path: string
  readonly format?: string
}

const settingsOf = ({ settings }: FeedContext): FileSettings => settings as unknown as FileSettings

/** A file that something else writes: an export, best put into place whole, by renaming it. */
export const fileKind: FeedKind = {
  kind: 'file',
  description: 'device records in an NDJSON or CSV file, read again whenever it changes',
  settingsSchema: {
    type: 'object',
    additionalProperties: false,
    required: ['path'],
    properties: {
      path: { type: 'string', pattern: '^/', title: 'the absolute path of a file' },
      format: { enum: FORMATS, description: 'default: by the name of the file' },
    },
  },
  secrets: [],
  everyS: 3600,
  test: (context) => {
    const { size, mtime } = statOf(settingsOf(context).path)
    return Promise.resolve({ facts: [`${size} octets, written ${mtime.toISOString()}`] })
  },
  sweep: async function* (context) {
    const { path: file, format } = settingsOf(context)
    const before = stampOf(file)
    const chunks = fs.createReadStream(file, { highWaterMark: READ_OCTETS, signal: context.signal })
    try {
      yield* pagesOfRows(context.name, path.basename(file), formatOf(file, format), chunks)
    } catch (error) {
      throw error instanceof FeedError ? error : unreadable(file, error)
    }
    if (stampOf(file) !== before)
      throw new FeedError('answer', `${file} was written while it was read: it is read again`)
    return undefined
  },
  watch: (context, onChange) => {
    const { path: file } = settingsOf(context)
    let taken = quietStamp(file)
    let last = taken
    const timer = setInterval(() => {
      const stamp = quietStamp(file)
      // One that still changes is being written.
      if (stamp !== taken && stamp === last && stamp !== '') {
        taken = stamp
        onChange()
      }
      last = stamp
    }, LOOK_MS)
    timer.unref()
    return () => clearInterval(timer)
  },
}

function statOf(file: string): fs.Stats {
  try {
    const stat = fs.statSync(file)
    if (stat.isFile()) return stat
  } catch (error) {
    throw unreadable(file, error)
  }
  throw new FeedError('settings', `${file} is no regular file`)
}

const unreadable = (file: string, error: unknown): FeedError =>
  new FeedError('unreachable', `${file} cannot be read: ${(error as Error).message}`)

/** Another one: another file lies there, or it was written to. */
function stampOf(file: string): string {
  const { ino, size, mtimeMs } = statOf(file)
  return `${ino}:${size}:${mtimeMs}`
}

function quietStamp(file: string): string {
  try {
    return stampOf(file)
  } catch {
    return ''
  }
}
