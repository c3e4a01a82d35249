import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'

import { FleetJournal } from '../src/devices/redis/fleet-journal'
import { storeKeys } from '../src/devices/redis/keys'
import { RedisLink } from '../src/devices/redis/link'
import { JournalDuty } from '../src/journal-duty'
import { JournalStore } from '../src/journal/journal-store'
import type { Logger } from '../src/journal/logger'
import { redisTarget } from './devices/redis/fleet-host'
import { AT, entries } from './journal/samples'
import { eventually } from './support/eventually'
import { RedisServer } from './support/redis-server'
import { tempDirs } from './support/temp-dir'

const KEYS = storeKeys('dg:')

describe('the block log of a fleet', () => {
  const tempDir = tempDirs()
  let server: RedisServer
  let running: Forwarding[]

  /** A host whose journal is forwarded. */
  class Forwarding {
    readonly told: string[] = []
    readonly journal: JournalStore
    readonly duty: JournalDuty
    readonly #link: RedisLink

    constructor(
      readonly dir: string,
      name: string,
      maxEntries = 1_000_000,
    ) {
      this.#link = new RedisLink(redisTarget(server.url), name)
      this.journal = JournalStore.open(dir, {
        now: () => AT,
        onFault: assert.ifError,
        limits: () => ({ maxEntries, maxAgeMs: Infinity }),
      })
      const log = (_: unknown, text: string): unknown => this.told.push(text)
      const logger = { error: log, warn: log, info: log } as unknown as Logger
      this.duty = new JournalDuty(this.journal.spool, new FleetJournal(this.#link, KEYS, name), logger)
      running.push(this)
    }

    async append(count: number, name: string): Promise<void> {
      for (const one of entries(count, name)) this.journal.append(one)
      await this.journal.drain()
    }

    untilForwarded(): Promise<void> {
      return eventually(() => assert.equal(this.duty.standing().waiting, 0))
    }

    async stop(): Promise<void> {
      running = running.filter((one) => one !== this)
      this.#link.close()
      await this.duty.close()
      await this.journal.close()
    }
  }

  beforeEach(async () => {
    running = []
    server = await RedisServer.start()
  })
  afterEach(async () => {
    for (const host of [...running]) await host.stop()
    server.thaw()
    await server.remove()
  })

  const host = (name = 'mx1', dir = tempDir(), maxEntries?: number): Forwarding =>
    new Forwarding(dir, name, maxEntries)
  /** What the stream has: `host decision`, in its order. */
  async function forwarded(): Promise<string[]> {
    const rows = await server.client.xrange(KEYS.journal, '-', '+')
    return rows.map(
      ([, [, name, , text = '']]) => `${name} ${(JSON.parse(text) as { decision: string }).decision}`,
    )
  }
  const of = (count: number, name: string, by = 'mx1'): string[] =>
    entries(count, name).map(({ decision }) => `${by} ${decision}`)

  it('has the entries of all hosts, each once and in its order, over restarts', async () => {
    const [one, two] = [host('mx1'), host('mx2')]
    await Promise.all([one.append(450, 'a'), two.append(3, 'b')])
    for (const each of [one, two]) await each.untilForwarded()
    await one.stop()
    const again = host('mx1', one.dir)
    await again.append(2, 'c')
    await again.untilForwarded()
    const found = await forwarded()
    assert.deepEqual(
      found.filter((line) => line.startsWith('mx1')),
      [...of(450, 'a'), ...of(2, 'c')],
    )
    assert.deepEqual(
      found.filter((line) => line.startsWith('mx2')),
      of(3, 'b', 'mx2'),
    )
  })

  it('waits on the host’s disk while Redis is away, over a restart of the host too', async () => {
    const before = host()
    await before.append(2, 'a')
    await before.untilForwarded()
    await server.client.save()
    await server.kill()
    await before.append(300, 'b')
    await before.stop()
    const after = host('mx1', before.dir)
    await after.append(1, 'c')
    await server.start()
    await after.untilForwarded()
    assert.deepEqual(await forwarded(), [...of(2, 'a'), ...of(300, 'b'), ...of(1, 'c')])
    assert.deepEqual(after.told, [])
  })

  it('has an entry once whose answer was lost', async () => {
    const one = host()
    await one.untilForwarded()
    server.freeze()
    await one.append(5, 'a')
    await eventually(() => assert.equal(one.duty.standing().waiting, null, 'the link gave up'))
    server.thaw()
    await one.untilForwarded()
    assert.deepEqual(await forwarded(), of(5, 'a'))
  })

  it('has a batch once that reaches Redis twice, and says where it is', async () => {
    const link = new RedisLink(redisTarget(server.url), 'mx1')
    const journal = new FleetJournal(link, KEYS, 'mx1')
    const batch = {
      journalId: 'j',
      after: null,
      upTo: 2,
      lost: 7,
      texts: entries(2, 'a').map((one) => JSON.stringify(one)),
    }
    for (let i = 0; i < 2; i += 1) assert.deepEqual(await journal.append(batch), { number: 2, lost: 7 })
    assert.deepEqual(await forwarded(), of(2, 'a'))
    link.close()
  })

  it('gets back from the hosts what Redis lost', async () => {
    const one = host()
    await one.append(250, 'a')
    await one.untilForwarded()
    await server.client.flushall()
    // As those who follow the store tell it.
    one.duty.lookAgain()
    await one.append(1, 'b')
    await eventually(async () => assert.deepEqual(await forwarded(), [...of(250, 'a'), ...of(1, 'b')]))
  })

  it('counts and tells what the host forgot before Redis took it', async () => {
    const one = host('mx1', tempDir(), 50)
    await one.append(10, 'a')
    await one.untilForwarded()
    await server.client.save()
    await server.kill()
    for (const part of [0, 1, 2]) await one.append(40, `b${part}`)
    await server.start()
    await one.untilForwarded()
    assert.deepEqual(one.duty.standing(), { waiting: 0, lost: 70 })
    assert.equal(one.told.filter((line) => /this host forgot them while Redis was away/.test(line)).length, 1)
    assert.deepEqual(await forwarded(), [...of(10, 'a'), ...of(40, 'b1').slice(30), ...of(40, 'b2')])
    await one.stop()
    const again = host('mx1', one.dir, 50)
    await again.untilForwarded()
    assert.deepEqual([again.duty.standing().lost, again.told], [70, []], 'known, and told once')
  })

  it('takes a journal that came back from a backup for another one: its new entries are not the old', async () => {
    const one = host()
    await one.append(1, 'a')
    await one.untilForwarded()
    await one.stop()
    const backup = tempDir()
    fs.cpSync(path.join(one.dir, 'journal'), path.join(backup, 'journal'), { recursive: true })
    const later = host('mx1', one.dir)
    await later.append(5, 'b')
    await later.untilForwarded()
    await later.stop()
    const restored = host('mx1', backup)
    await restored.append(2, 'c')
    await eventually(async () => assert.deepEqual((await forwarded()).slice(-2), of(2, 'c')))
  })

  it('is told of as not forwarded when something else lies there, and goes on when that is moved away', async () => {
    await server.client.set(KEYS.journal, 'mine')
    const one = host()
    await one.append(1, 'a')
    await eventually(() => assert.match(one.told.join(), /not forwarded: .*dg:\{dg\}:journal is a string/))
    await server.client.del(KEYS.journal)
    await one.untilForwarded()
    assert.deepEqual(await forwarded(), of(1, 'a'))
    assert.equal(one.told.length, 1)
  })

  it('is bounded, and forgets what came more than 90 days ago', async () => {
    const one = host()
    await one.untilForwarded()
    const old = Date.now() - 91 * 86_400_000
    const pipeline = server.client.pipeline()
    for (let i = 0; i < 300; i += 1) pipeline.xadd(KEYS.journal, `${old + i}-0`, 'host', 'mx0', 'entry', '{}')
    await pipeline.exec()
    await one.append(1, 'a')
    await one.untilForwarded()
    // Whole nodes of the stream are taken away: what is left is less than one of them.
    assert.ok((await server.client.xlen(KEYS.journal)) <= 101)
  })
})
