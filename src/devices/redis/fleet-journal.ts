import type { RedisClient } from './connection'
import type { StoreKeys } from './keys'
import type { RedisLink } from './link'
import { typed } from './reading'
import { runScript, script } from './scripts'

/** What the fleet's journal holds: about 100 MB of the server's memory. */
const MAX_ENTRIES = 250_000
/** Who was blocked when is personal data: it is not kept longer than an inquiry needs. */
const MAX_AGE_MS = 90 * 86_400_000

/**
 * Appends a host's entries just once: only when the last one that is here of this host's journal is the one
 * that the host believes. A host that is wrong (an answer was lost, or what was here was) is told, and goes on
 * from there.
 *
 * KEYS: journal, ends
 * ARGV: whose journal, the number of its last entry here ('' = none), that number after these, how many before
 *       these are lost, the host's name, entries to keep, how long to keep them (ms); then the entries
 * Gives: the number of its last entry here ('' = none), how many of it were lost in all.
 */
const APPEND_SCRIPT = script(`
local journal, ends = KEYS[1], KEYS[2]
for key, type in pairs({ [journal] = 'stream', [ends] = 'hash' }) do
  local found = redis.call('TYPE', key).ok
  if found ~= 'none' and found ~= type then return redis.error_reply('DAMAGED ' .. key .. ' is a ' .. found) end
end
local last, lost = ARGV[1], ARGV[1] .. '/lost'
local known = redis.call('HGET', ends, last) or ''
if known == ARGV[2] and ARGV[3] ~= ARGV[2] then
  for i = 8, #ARGV do
    redis.call('XADD', journal, 'MAXLEN', '~', ARGV[6], '*', 'host', ARGV[5], 'entry', ARGV[i])
  end
  redis.call('XTRIM', journal, 'MINID', '~', string.format('%.0f', redis.call('TIME')[1] * 1000 - ARGV[7]))
  if ARGV[4] ~= '0' then redis.call('HINCRBY', ends, lost, ARGV[4]) end
  known = ARGV[3]
  redis.call('HSET', ends, last, known)
end
return { known, redis.call('HGET', ends, lost) or '0' }
`)

/**
 * Looks back through rows for those whose text has all that is wanted of it and whose time lies between two moments: a
 * host need not fetch what it does not want. Blocks the server for some 2 ms a thousand rows.
 *
 * KEYS: journal
 * ARGV: where to begin, as XREVRANGE takes it, rows to look at, from when on and before when (epoch milliseconds); then
 *       the texts
 * Gives: how many rows it looked at, the id of the last ('' = none), those found.
 */
const FIND_SCRIPT = script(`
local from, till = tonumber(ARGV[3]), tonumber(ARGV[4])
local function isWanted(text)
  local time = tonumber(text:match('"time":(%d+)'))
  if not time or time < from or time >= till then return false end
  for i = 5, #ARGV do
    if not text:find(ARGV[i], 1, true) then return false end
  end
  return true
end
local rows, found = redis.call('XREVRANGE', KEYS[1], ARGV[1], '-', 'COUNT', ARGV[2]), {}
for i = 1, #rows do
  if isWanted(rows[i][2][4] or '') then found[#found + 1] = rows[i] end
end
return { #rows, #rows > 0 and rows[#rows][1] or '', found }
`)

/** Rows looked at in one call where all are. */
const ROWS_AT_ONCE = 1000

/** Entries of one host's journal, on their way to the fleet's. */
export interface HostEntries {
  /** Whose journal it is. */
  readonly journalId: string
  /** The number of its last entry that the fleet has, as far as the host knows; null: none. */
  readonly after: number | null
  /** The number of the last of these. */
  readonly upTo: number | null
  /** How many between `after` and these are gone. */
  readonly lost: number
  readonly texts: readonly string[]
}

/** Where the fleet is with one host's journal. */
export interface JournalPlace {
  /** The number of its last entry that the fleet has; null: none. */
  readonly number: number | null
  /** How many of it never came. */
  readonly lost: number
}

/** An entry of the fleet's journal. */
export interface JournalRow {
  readonly id: string
  readonly host: string
  /** Empty for one that no gate wrote. */
  readonly text: string
}

/** What is wanted of an entry, as far as the server can tell. */
export interface WantedRows {
  /** All of which its text has in it. */
  readonly texts: readonly string[]
  /** Epoch milliseconds. */
  readonly sinceMs?: number | undefined
  readonly untilMs?: number | undefined
}

/** What of some rows was wanted. */
export interface FoundRows {
  readonly rows: readonly JournalRow[]
  /** How many were looked at: fewer than asked for at the journal's beginning. */
  readonly looked: number
  /** The oldest that was looked at; null: there was none. */
  readonly last: string | null
}

/** The journal of all hosts, a capped stream in the order of arrival. Rejects with StoreProblem. */
export class FleetJournal {
  constructor(
    private readonly link: RedisLink,
    private readonly keys: StoreKeys,
    private readonly hostName: string,
  ) {}

  /** Appends them where `after` is right, and says where the fleet is now. */
  async append({ journalId, after, upTo, lost, texts }: HostEntries): Promise<JournalPlace> {
    const { journal, journalEnds } = this.keys
    const reply = await this.link.run((client) =>
      runScript(
        client,
        APPEND_SCRIPT,
        [journal, journalEnds],
        [journalId, after ?? '', upTo ?? '', lost, this.hostName, MAX_ENTRIES, MAX_AGE_MS, ...texts],
      ),
    )
    const [number = '', lostInAll] = reply as string[]
    return { number: number === '' ? null : Number(number), lost: Number(lostInAll) }
  }

  /** The id of the newest entry; one before all others when there is none. */
  async newest(): Promise<string> {
    const [newest] = await this.#read((client) => client.xrevrange(this.keys.journal, '+', '-', 'COUNT', 1))
    return newest?.id ?? '0-0'
  }

  /** Looks through so many entries that came before the one of `id` (null: all); what is wanted of them, the newest first. */
  async findBack(
    id: string | null,
    count: number,
    { texts, sinceMs, untilMs }: WantedRows,
  ): Promise<FoundRows> {
    const { journal } = this.keys
    const from = id === null ? '+' : `(${id}`
    const args = [from, count, sinceMs ?? 0, untilMs ?? Number.MAX_SAFE_INTEGER, ...texts]
    const reply = await this.link.run((client) =>
      typed(journal, () => runScript(client, FIND_SCRIPT, [journal], args)),
    )
    const [looked, last, rows] = reply as [number, string, StreamRow[]]
    return { rows: rows.map(rowOf), looked, last: last === '' ? null : last }
  }

  /** Takes out the entries whose text is gone; gives how many they were. */
  async erase(isGone: (text: string) => boolean): Promise<number> {
    let erased = 0
    for (let from = '0-0'; ;) {
      const rows = await this.after(from, ROWS_AT_ONCE)
      const last = rows.at(-1)
      if (!last) return erased
      const ids = rows.filter(({ text }) => isGone(text)).map(({ id }) => id)
      if (ids.length > 0) erased += await this.link.run((client) => client.xdel(this.keys.journal, ...ids))
      from = last.id
    }
  }

  after(id: string, limit: number): Promise<JournalRow[]> {
    return this.#read((client) => client.xrange(this.keys.journal, `(${id}`, '+', 'COUNT', limit))
  }

  async #read(ask: (client: RedisClient) => Promise<StreamRow[]>): Promise<JournalRow[]> {
    const rows = await this.link.run((client) => typed(this.keys.journal, () => ask(client)))
    return rows.map(rowOf)
  }
}

type StreamRow = [id: string, fields: string[]]

function rowOf([id, fields]: StreamRow): JournalRow {
  const [hostWord, host = '', entryWord, text = ''] = fields
  return hostWord === 'host' && entryWord === 'entry' ? { id, host, text } : { id, host: '', text: '' }
}

/** When an entry came, by the server's clock. */
export const arrivedAt = (id: JournalRow['id']): number => Number(id.split('-')[0])
