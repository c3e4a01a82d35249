import fs from 'node:fs'
import path from 'node:path'

export const DATA_FILE = 'data.mdb'

/** LMDB's format, as in the header of both meta pages: magic, version, page size, last page, transaction. */
const MAGIC = 0xbeefc0de
const FORMAT = 2
const OFFSET = { magic: 24, format: 28, pageOctets: 48, lastPage: 144, transaction: 152 } as const
const HEADER_OCTETS = 160
const SMALLEST_PAGE = 256
const LARGEST_PAGE = 65_536
/** Pages at the end that are free need not be in the file: a few may be missing, never many. */
const SLACK_PAGES = 16
/** What a new environment takes, with room to spare. */
const ROOM_OCTETS = 1024 * 1024

/**
 * Tells what keeps the environment in `dir` from being opened, else undefined. It looks at what LMDB trusts
 * without looking, and where it would end the process: a foreign, cut off or unreadable file, no room.
 */
export function problemOf(dir: string): string | undefined {
  const missing = [DATA_FILE, 'lock.mdb'].filter((name) => !isUsable(path.join(dir, name)))
  if (missing.length > 0) {
    const { bavail, bsize } = fs.statfsSync(dir)
    if (bavail * bsize < ROOM_OCTETS) return 'there is no room on the disk'
  }
  if (missing.includes(DATA_FILE)) return undefined
  const descriptor = fs.openSync(path.join(dir, DATA_FILE), 'a+')
  try {
    return problemOfData(descriptor)
  } finally {
    fs.closeSync(descriptor)
  }
}

/** Whether the file is there; throws when this process may not read and write it. An empty one is a new one. */
function isUsable(file: string): boolean {
  if (!fs.existsSync(file)) return false
  fs.accessSync(file, fs.constants.R_OK | fs.constants.W_OK)
  return fs.statSync(file).size > 0
}

function problemOfData(descriptor: number): string | undefined {
  const first = metaAt(descriptor, 0)
  if (!first) return 'data.mdb is not an LMDB file'
  const { pageOctets } = first
  if (first.format !== FORMAT || pageOctets < SMALLEST_PAGE || pageOctets > LARGEST_PAGE)
    return `data.mdb has format ${first.format}, not ${FORMAT}`
  const second = metaAt(descriptor, pageOctets)
  if (!second) return 'data.mdb is cut off'
  const newest = second.transaction > first.transaction ? second : first
  const octets = (newest.lastPage + 1) * pageOctets
  // Asked after the pages: another process may be making the file longer.
  const { size } = fs.fstatSync(descriptor)
  if (size + SLACK_PAGES * pageOctets < octets)
    return `data.mdb is cut off: ${size} of ${octets} octets are there`
  // Reading behind the end of a mapped file ends the process; an empty page there is an error that can be told.
  if (size < octets) fs.writeSync(descriptor, Buffer.alloc(octets - size))
  return undefined
}

interface Meta {
  readonly format: number
  readonly pageOctets: number
  readonly lastPage: number
  readonly transaction: number
}

function metaAt(descriptor: number, position: number): Meta | undefined {
  const header = Buffer.alloc(HEADER_OCTETS)
  const length = fs.readSync(descriptor, header, 0, HEADER_OCTETS, position)
  if (length < HEADER_OCTETS || header.readUInt32LE(OFFSET.magic) !== MAGIC) return undefined
  return {
    format: header.readUInt16LE(OFFSET.format),
    pageOctets: header.readUInt32LE(OFFSET.pageOctets),
    lastPage: Number(header.readBigUInt64LE(OFFSET.lastPage)),
    transaction: Number(header.readBigUInt64LE(OFFSET.transaction)),
  }
}

/** Which file lies in `dir`, so that one put there later can be told from it; undefined when there is none. */
export function identityOf(dir: string): string | undefined {
  try {
    const { dev, ino } = fs.statSync(path.join(dir, DATA_FILE))
    return `${dev}:${ino}`
  } catch {
    return undefined
  }
}
