import { createHash } from 'node:crypto'

import type { RedisClient } from './connection'

/** The schema of what the script below writes; a store of a newer one is left alone. */
export const STORE_SCHEMA = '1'

/**
 * One write: version check, records, sequence and log entry, all or nothing. Whatever may fail is read first:
 * a script is not rolled back, so nothing may fail after the first change.
 *
 * KEYS: meta devices policies overrides notes history log
 * ARGV: the epoch this host knows ('' = none), an epoch for a new store, who writes, the octets the log may
 *       hold; then the operations, each a word with its arguments:
 *   d id record · f id · p body sha how ('', first, anew) · m mode · o key override · u key [kind,subject kind,id] ·
 *   s name note ('' = none)
 * Those of an order stand between `c n` (the history's newest entry it is based on, '' = any) and `y entry`; they are
 * left out ('!') when it is based on another one.
 * Gives: n, epoch, tip, and for each operation its outcome.
 */
export const WRITE_SCRIPT = script(`
local meta, devices, policies, overrides, notes, history, log = unpack(KEYS)

for i = 1, #KEYS do
  local type = redis.call('TYPE', KEYS[i]).ok
  if type ~= 'none' and type ~= (KEYS[i] == log and 'stream' or 'hash') then
    return redis.error_reply('DAMAGED ' .. KEYS[i] .. ' is a ' .. type)
  end
end
local head = redis.call('HMGET', meta, 'schema', 'epoch', 'n', 'tip', 'octets', 'lost', 'filling')
local epoch, n, tip, octets = head[2], tonumber(head[3]), head[4], tonumber(head[5])
if head[1] and head[1] ~= '${STORE_SCHEMA}' then return redis.error_reply('NEWERSTORE ' .. head[1]) end
if epoch and not (n and tip and octets) then return redis.error_reply('DAMAGED ' .. meta .. ' lacks n, tip or octets') end
if not epoch then
  if ARGV[1] ~= '' or head[6] or head[7] then
    return redis.error_reply('NOSTORE ' .. (head[7] and 'it is being filled' or head[6] or ''))
  end
  if redis.call('HLEN', devices) > 0 then return redis.error_reply('NOSTORE devices without meta') end
  epoch, n, tip, octets = ARGV[2], 0, '', 0
end

local function whole(number) return string.format('%.0f', number) end

-- The end of a record as the gate writes it; what is before it is all that a check-in leaves as it is.
local function parts(record)
  local head, at, source, version = record:match('^(.*),"evidence_at":"([^"]*)","source":(".*"),"version":(%d+)}$')
  if not head then return nil end
  local digits = at:gsub('%D', '')
  return { head = head, at = at, source = source, version = version,
    order = { tonumber(version), tonumber(digits:sub(1, 8)) or 0, tonumber(digits:sub(9)) or 0 } }
end

local function older(a, b)
  if a.source ~= b.source then return false end
  for i = 1, 3 do
    if a.order[i] ~= b.order[i] then return a.order[i] < b.order[i] end
  end
  return false
end

local ops, outcomes = {}, {}
local overtaken, opsBefore = false, 0
local function changed(op) ops[#ops + 1] = op end

local apply = {
  d = function(id, record)
    local stored = redis.call('HGET', devices, id)
    if stored == record then return '=' end
    local old = stored and parts(stored)
    local new = old and parts(record)
    if old and new and older(new, old) then return old.version .. ' ' .. old.at end
    redis.call('HSET', devices, id, record)
    if old and new and old.head == new.head and old.source == new.source then
      changed('["t",' .. cjson.encode(id) .. ',"' .. new.at .. '",' .. new.version .. ']')
    else
      changed('["d",' .. record .. ']')
    end
    return '+'
  end,
  f = function(id)
    if redis.call('HDEL', devices, id) == 0 then return '=' end
    changed('["f",' .. cjson.encode(id) .. ']')
    return '+'
  end,
  p = function(body, sha, how)
    local current = redis.call('HMGET', meta, 'policy', 'policySha')
    local version = tonumber(current[1] or '') or 0
    local applied = redis.call('HGET', policies, whole(version))
    if applied and (how == 'first' or (how == '' and current[2] == sha)) then return '=' .. applied end
    version = whole(version + 1)
    local policy = '{"version":' .. version .. ',' .. body
    redis.call('HSET', policies, version, policy)
    redis.call('HSET', meta, 'policy', version, 'policySha', sha)
    changed('["p",' .. policy .. ']')
    return '+' .. policy
  end,
  m = function(mode)
    if mode == '' then redis.call('HDEL', meta, 'mode') else redis.call('HSET', meta, 'mode', mode) end
    changed('["m",' .. (mode == '' and 'null' or mode) .. ']')
    return '+'
  end,
  o = function(key, override)
    redis.call('HSET', overrides, key, override)
    changed('["o",' .. override .. ']')
    return '+'
  end,
  u = function(key, subject)
    if redis.call('HDEL', overrides, key) == 0 then return '=' end
    changed('["u",' .. subject .. ']')
    return '+'
  end,
  s = function(name, note)
    local stored = redis.call('HGET', notes, name)
    if (stored or '') == note then return '=' end
    if note == '' then redis.call('HDEL', notes, name) else redis.call('HSET', notes, name, note) end
    changed('["s",' .. cjson.encode(name) .. ',' .. (note == '' and 'null' or note) .. ']')
    return '+'
  end,
  c = function(basedOn)
    overtaken = basedOn ~= '' and basedOn ~= (redis.call('HGET', meta, 'orders') or '0')
    opsBefore = #ops
    return ''
  end,
  y = function(body)
    if #ops == opsBefore then return '=' end
    local count = tonumber(redis.call('HGET', meta, 'orders') or '') or 0
    local before = redis.call('HGET', history, whole(count))
    local prev = before and before:match(',"hash":"(%x+)"}$') or ''
    local version = tonumber(redis.call('HGET', meta, 'policy') or '') or 0
    local content = '{"n":' .. whole(count + 1) .. ',"version":' .. whole(version) .. ',"prev":"' .. prev .. '",' .. body
    local entry = content:sub(1, -2) .. ',"hash":"' .. redis.sha1hex(content) .. '"}'
    redis.call('HSET', history, whole(count + 1), entry)
    redis.call('HSET', meta, 'orders', whole(count + 1))
    changed('["y",' .. entry .. ']')
    return '+' .. entry
  end,
}
local takes = { d = 2, f = 1, p = 3, m = 1, o = 2, u = 2, s = 2, c = 1, y = 1 }

local at = 5
while at <= #ARGV do
  local kind = ARGV[at]
  if overtaken and kind ~= 'c' then
    outcomes[#outcomes + 1] = '!'
    overtaken = kind ~= 'y'
  else
    outcomes[#outcomes + 1] = apply[kind](ARGV[at + 1], ARGV[at + 2], ARGV[at + 3])
  end
  at = at + 1 + takes[kind]
end

if #ops > 0 then
  n = n + 1
  local list = '[' .. table.concat(ops, ',') .. ']'
  local id, prev = whole(n) .. '-0', tip
  tip = redis.sha1hex(prev .. ' ' .. whole(n) .. ' ' .. list)
  octets = octets + #list
  local function add()
    return redis.pcall('XADD', log, id, 'epoch', epoch, 'prev', prev, 'tip', tip, 'by', ARGV[3],
      'octets', whole(octets), 'ops', list)
  end
  local added = add()
  if type(added) == 'table' and added.err then
    -- Somebody put an entry of his own behind ours: the log begins anew, hosts that lag take a snapshot.
    redis.call('DEL', log)
    add()
  end
  redis.call('HSET', meta, 'schema', '${STORE_SCHEMA}', 'epoch', epoch, 'n', whole(n), 'tip', tip, 'octets', whole(octets))
  for _ = 1, 8 do
    local oldest = redis.call('XRANGE', log, '-', '+', 'COUNT', 1)[1]
    local before
    for i = 1, #oldest[2], 2 do
      if oldest[2][i] == 'octets' then before = tonumber(oldest[2][i + 1]) end
    end
    if oldest[1] == id or (before and octets - before <= tonumber(ARGV[4])) then break end
    redis.call('XDEL', log, oldest[1])
  end
end

local reply = { whole(n), epoch, tip }
for i = 1, #outcomes do reply[i + 3] = outcomes[i] end
return reply
`)

/**
 * A host's sign of life, and what the store is like. It is a write, so a server that takes none does not renew
 * a lease. A host that knows of a store where there is none leaves a note of it: no new one is begun unasked.
 *
 * KEYS: meta host hosts
 * ARGV: host id, what it says of itself, how long that holds (ms), the store it knows ('' = none)
 * Gives: schema, epoch, n, tip, lost.
 */
export const HEARTBEAT_SCRIPT = script(`
local meta, host, hosts = KEYS[1], KEYS[2], KEYS[3]
for key, type in pairs({ [meta] = 'hash', [hosts] = 'zset' }) do
  local found = redis.call('TYPE', key).ok
  if found ~= 'none' and found ~= type then return redis.error_reply('DAMAGED ' .. key .. ' is a ' .. found) end
end
if ARGV[4] ~= '' and redis.call('HEXISTS', meta, 'epoch') == 0 then
  redis.call('HSETNX', meta, 'lost', ARGV[4])
end
redis.call('SET', host, ARGV[2], 'PX', ARGV[3])
local now = tonumber(redis.call('TIME')[1])
redis.call('ZADD', hosts, now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', hosts, '-inf', now - 7 * 86400)
return redis.call('HMGET', meta, 'schema', 'epoch', 'n', 'tip', 'lost')
`)

/** A Lua script and the hash that Redis knows it by. */
export interface Script {
  readonly lua: string
  readonly sha: string
}

export function script(lua: string): Script {
  return { lua, sha: createHash('sha1').update(lua).digest('hex') }
}

/** Runs a script by its hash; one that the server does not (or no longer) know is sent whole. */
export async function runScript(
  client: RedisClient,
  { lua, sha }: Script,
  keys: readonly string[],
  args: readonly (string | number)[],
): Promise<unknown> {
  try {
    return await client.evalsha(sha, keys.length, ...keys, ...args)
  } catch (error) {
    if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error
    return client.eval(lua, keys.length, ...keys, ...args)
  }
}
