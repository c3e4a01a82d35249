import { createHash, randomBytes } from 'node:crypto'

import type { DeviceRecord } from '../../policy/device'
import type { Override } from '../../policy/override'
import { formatDeviceRecord } from '../record'
import { ATTESTATION, attestationsText } from '../stored-attestations'
import { CorruptRecordError, type Change, type ReadStore } from '../store'
import type { RedisClient } from './connection'
import type { Cursor } from './cursor'
import { overrideField, type StoreKeys } from './keys'
import { StoreProblem } from './problem'
import { runScript, script, STORE_SCHEMA, type Script } from './scripts'

/** What an empty Redis is filled with: this host's data. */
export interface FillSource {
  readonly store: ReadStore
  /** Where in a fleet's history the data is; undefined: it is not of a fleet. */
  readonly cursor: Cursor | undefined
  /** Names the data, so that a fill that was broken off goes on only with the same. */
  readonly name: string
}

export interface Filled {
  readonly devices: number
  readonly policies: number
  readonly overrides: number
  /** What this host cannot read itself: it was not copied. */
  readonly unreadable: readonly string[]
  /** An earlier fill was gone on with. */
  readonly resumed: boolean
}

const BATCH = 1000
const MAX_CHANGES = 100_000

/**
 * Marks an empty store as being filled, which is no store yet for any host; gives where to go on.
 *
 * KEYS: meta devices policies overrides notes history log. ARGV: whose data, the sequence it is at.
 */
const BEGIN_SCRIPT = script(`
local found = redis.call('HMGET', KEYS[1], 'epoch', 'filling', 'fillingFrom', 'filledTo')
if found[1] then return redis.error_reply('FULL there is a store') end
if found[2] == ARGV[1] then return { found[3], found[4] or '' } end
redis.call('DEL', unpack(KEYS, 2))
redis.call('HDEL', KEYS[1], 'filledTo')
redis.call('HSET', KEYS[1], 'filling', ARGV[1], 'fillingFrom', ARGV[2])
return { ARGV[2], '' }
`)

/**
 * Makes a store of what was filled in, all at once. The log is empty: hosts that are not there take a snapshot.
 *
 * KEYS: meta log. ARGV: whose data, epoch, n, tip, policy version, its sum, mode ('' = none), orders.
 */
const FINISH_SCRIPT = script(`
local meta = KEYS[1]
local found = redis.call('HMGET', meta, 'epoch', 'filling')
if found[1] or found[2] ~= ARGV[1] then return redis.error_reply('FULL there is a store') end
redis.call('DEL', KEYS[2])
redis.call('HDEL', meta, 'filling', 'fillingFrom', 'filledTo', 'lost', 'mode', 'policy', 'policySha', 'orders')
redis.call('HSET', meta, 'schema', '${STORE_SCHEMA}', 'epoch', ARGV[2], 'n', ARGV[3], 'tip', ARGV[4], 'octets', '0')
redis.call('HSET', meta, 'orders', ARGV[8])
if ARGV[5] ~= '0' then redis.call('HSET', meta, 'policy', ARGV[5], 'policySha', ARGV[6]) end
if ARGV[7] ~= '' then redis.call('HSET', meta, 'mode', ARGV[7]) end
return 'OK'
`)

/**
 * Copies all of a host's data into a Redis that has no store, and makes it one. Can be broken off at any time and run
 * again. Rejects with {@link StoreProblem} when there is a store already, and when the counts do not agree.
 */
export async function fillStore(
  client: RedisClient,
  keys: StoreKeys,
  source: FillSource,
  onProgress: (devices: number, of: number) => void,
): Promise<Filled> {
  const { meta, devices, policies, overrides, notes, history, log } = keys
  const [from = '', to = ''] = (await run(
    client,
    BEGIN_SCRIPT,
    [meta, devices, policies, overrides, notes, history, log],
    [source.name, source.store.sequence()],
  )) as string[]
  const unreadable: string[] = []
  const copy = new Copy(client, keys, source.store, unreadable)
  await copy.devicesAfter(to, onProgress)
  await copy.changesAfter(Number(from))
  await copy.orders()
  const filled = await counted(client, keys, source.store, unreadable)
  await finish(client, keys, source)
  return { ...filled, unreadable, resumed: to !== '' }
}

/** The copying itself: each part may be done again. */
class Copy {
  constructor(
    private readonly client: RedisClient,
    private readonly keys: StoreKeys,
    private readonly store: ReadStore,
    private readonly unreadable: string[],
  ) {}

  async devicesAfter(id: string, onProgress: (devices: number, of: number) => void): Promise<void> {
    const { devices } = this.store.counts()
    let count = id === '' ? 0 : await this.client.hlen(this.keys.devices)
    let afterId = id
    for (;;) {
      const page = this.store.listDevices({ limit: BATCH, ...(afterId !== '' && { afterId }) })
      const records = page.filter((one): one is DeviceRecord => !this.#isUnreadable(one))
      await this.#put(records)
      count += records.length
      onProgress(count, devices)
      const last = page.at(-1)
      if (!last || page.length < BATCH) return
      afterId = last instanceof CorruptRecordError ? last.key : last.id
      await this.client.hset(this.keys.meta, 'filledTo', afterId)
    }
  }

  /** What was written on this host while it was copied. */
  async changesAfter(sequence: number): Promise<void> {
    let seen = sequence
    for (;;) {
      const changes: Change[] | null = this.store.changesAfter(seen, MAX_CHANGES)
      if (!changes)
        throw new StoreProblem(
          'unexpected',
          'more was written meanwhile than this host remembers: run it again',
        )
      const last = changes.at(-1)
      if (!last) return
      for (const change of changes) if (change.kind === 'device') await this.#again(change.deviceId)
      seen = last.sequence
    }
  }

  async #again(id: string): Promise<void> {
    const record = this.#readable(id)
    if (record) await this.#put([record])
    else await this.client.hdel(this.keys.devices, id)
  }

  #readable(id: string): DeviceRecord | undefined {
    try {
      return this.store.device(id)
    } catch (error) {
      if (error instanceof CorruptRecordError) return undefined
      throw error
    }
  }

  /** Policies, overrides, notes and the history: few, and copied anew each time. */
  async orders(): Promise<void> {
    const { policies, overrides, notes, history } = this.keys
    await this.client.del(policies, overrides, notes, history)
    for (const [name, value] of this.store.notes(''))
      await this.client.hset(notes, name, JSON.stringify(value))
    for (const { n, text } of this.store.historyTexts()) await this.client.hset(history, n, text)
    for (const version of this.store.policyHistory(Number.MAX_SAFE_INTEGER)) {
      if (!this.#isUnreadable(version))
        await this.client.hset(policies, version.version, JSON.stringify(version))
    }
    for (const override of this.store.listOverrides()) {
      if (!this.#isUnreadable(override))
        await this.client.hset(overrides, fieldOf(override), JSON.stringify(override))
    }
    for (const stated of this.store.listAttestations()) {
      const [first] = this.#isUnreadable(stated) ? [] : stated
      if (!first || stated instanceof CorruptRecordError) continue
      const field = overrideField(ATTESTATION, { kind: 'user', id: first.user })
      await this.client.hset(overrides, field, attestationsText(first.user, stated))
    }
  }

  async #put(records: readonly DeviceRecord[]): Promise<void> {
    if (records.length === 0) return
    const texts = records.flatMap((record) => [record.id, JSON.stringify(formatDeviceRecord(record))])
    await this.client.hset(this.keys.devices, ...texts)
  }

  #isUnreadable(one: object): one is CorruptRecordError {
    if (!(one instanceof CorruptRecordError)) return false
    this.unreadable.push(one.message)
    return true
  }
}

const fieldOf = ({ kind, subject }: Override): string => overrideField(kind, subject)

/** Both sides must hold as many of each. */
async function counted(
  client: RedisClient,
  keys: StoreKeys,
  store: ReadStore,
  unreadable: readonly string[],
): Promise<Pick<Filled, 'devices' | 'policies' | 'overrides'>> {
  const { attesters, ...counts } = store.counts()
  // In Redis they lie in one hash.
  const here = { ...counts, overrides: counts.overrides + attesters }
  const [devices, policies, overrides] = await Promise.all([
    client.hlen(keys.devices),
    client.hlen(keys.policies),
    client.hlen(keys.overrides),
  ])
  const missing = here.devices + here.policies + here.overrides - (devices + policies + overrides)
  if (missing !== unreadable.length)
    throw new StoreProblem(
      'unexpected',
      `the counts differ: ${here.devices} devices, ${here.policies} policies and ${here.overrides} overrides here, ` +
        `${devices}, ${policies} and ${overrides} in Redis; stop what writes to this host, and run it again`,
    )
  return { devices, policies, overrides: overrides - attesters }
}

async function finish(
  client: RedisClient,
  keys: StoreKeys,
  { store, cursor, name }: FillSource,
): Promise<void> {
  const active = store.activePolicy()
  const text = active && store.policyVersion(active.version)?.sourceText
  const mode = store.modeOverride()
  let orders = 0
  for (const { n } of store.historyTexts()) orders = n
  // Data of a fleet goes on in its history, so that hosts which are at the same place need no snapshot.
  const place = cursor ?? {
    epoch: randomBytes(8).toString('hex'),
    n: 1,
    tip: randomBytes(20).toString('hex'),
  }
  await run(
    client,
    FINISH_SCRIPT,
    [keys.meta, keys.log],
    [
      name,
      place.epoch,
      place.n,
      place.tip,
      active?.version ?? 0,
      sha1(text ?? ''),
      mode ? JSON.stringify(mode) : '',
      orders,
    ],
  )
}

const sha1 = (text: string): string => createHash('sha1').update(text).digest('hex')

async function run(
  client: RedisClient,
  which: Script,
  keys: readonly string[],
  args: readonly (string | number)[],
): Promise<unknown> {
  try {
    return await runScript(client, which, keys, args)
  } catch (error) {
    if (error instanceof Error && error.message.startsWith('FULL'))
      throw new StoreProblem(
        'unexpected',
        `there is a store in ${keys[0] ?? ''} already: nothing was changed`,
      )
    throw error
  }
}
