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

  /** Entries that came before the one of `id` (null: all), the newest first. */
  backFrom(id: string | null, limit: number): Promise<JournalRow[]> {
    const end = id === null ? '+' : `(${id}`
    return this.#read((client) => client.xrevrange(this.keys.journal, end, '-', 'COUNT', limit))
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

  async #read(
    ask: (client: RedisClient) => Promise<[id: string, fields: string[]][]>,
  ): Promise<JournalRow[]> {
    const rows = await this.link.run((client) => typed(this.keys.journal, () => ask(client)))
    return rows.map(([id, fields]) => {
      const [hostWord, host = '', entryWord, text = ''] = fields
      return hostWord === 'host' && entryWord === 'entry' ? { id, host, text } : { id, host: '', text: '' }
    })
  }
}

/** When an entry came, by the server's clock. */
export const arrivedAt = (id: JournalRow['id']): number => Number(id.split('-')[0])
