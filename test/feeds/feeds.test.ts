import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'

import { LmdbStore } from '../../src/devices/lmdb-store'
import { formatDeviceRecord } from '../../src/devices/record'
import { DEFAULT_BREAKER } from '../../src/feeds/breaker'
import type { FeedDefinition } from '../../src/feeds/definition'
import { FeedDesk } from '../../src/feeds/feed-desk'
import { Feeds, type FeedLeases } from '../../src/feeds/feeds'
import { FeedsDatabase } from '../../src/feeds/feeds-database'
import { holdOrder } from '../../src/feeds/hold'
import { feedStandings, type FeedStanding } from '../../src/feeds/standing'
import type { DeviceRecord } from '../../src/policy/device'
import { BY } from '../devices/samples'
import { eventually } from '../support/eventually'
import { tempDirs } from '../support/temp-dir'
import { AUDIENCE, Transmitter } from './caep/transmitter'
import { definition, device, devices, MDM } from './feed-site'

describe('the feeds of a host', () => {
  const tempDir = tempDirs()
  let dir: string
  let file: string
  let store: LmdbStore
  let database: FeedsDatabase
  let feeds: Feeds
  let told: string[]
  const desk = (): FeedDesk => new FeedDesk(store)
  const by = () => ({ ...BY, at: Date.now() })

  beforeEach(async () => {
    dir = tempDir()
    file = path.join(dir, 'devices.ndjson')
    store = LmdbStore.open(dir)
    database = FeedsDatabase.open(dir)
    told = []
    feeds = await start()
  })
  afterEach(async () => {
    await feeds.close()
    await database.close()
    await store.close()
  })

  async function start(leases?: FeedLeases): Promise<Feeds> {
    const started = new Feeds({
      store,
      database,
      leases,
      now: Date.now,
      random: () => 0,
      listener: {
        onSweep: () => undefined,
        onProblem: (name, message) => told.push(`${name}: ${message}`),
        onMended: (name) => told.push(`${name} is well`),
        onHeld: (name) => told.push(`${name} is held`),
        onReleased: (name, word) => told.push(`${name}: ${word}`),
        onRefused: (name, refusal, said) => told.push(`${name} refused: ${refusal}, ${said.slice(0, 3)}`),
        onFault: (error) => told.push(String(error)),
      },
    })
    await started.start()
    return started
  }

  /** Puts the file into place as exports should be. */
  function write(records: readonly DeviceRecord[]): void {
    fs.writeFileSync(
      `${file}.new`,
      records.map((one) => `${JSON.stringify(formatDeviceRecord(one))}\n`).join(''),
    )
    fs.renameSync(`${file}.new`, file)
  }
  const add = (change: Partial<FeedDefinition> = {}): Promise<void> =>
    desk().add(definition({ kind: 'file', settings: { path: file }, ...change }), by())
  const standing = (): FeedStanding => feedStandings(store, database)[0]!
  const untilStates = (...states: (string | undefined)[]): Promise<void> =>
    eventually(() => {
      store.sequence()
      assert.deepEqual(
        states.map((_, i) => store.device(`d-${i}`)?.state),
        states,
      )
    })

  it('runs a feed as soon as it is added, and again when its file changes', async () => {
    write(devices(3))
    await add()
    await untilStates('compliant', 'compliant', 'compliant')
    write([...devices(2), device('d-2', { version: 2, state: 'grace' })])
    await untilStates('compliant', 'compliant', 'grace')
    await eventually(() => assert.equal(standing().devices, 3))
    assert.ok(standing().nextAt! > Date.now())
    const [figures] = feeds.figures()
    assert.deepEqual(
      [figures?.definition.name, figures?.run.lastSweepAt, figures?.isHeld],
      [MDM, standing().lastGoodAt, false],
    )
    const none = { older: 0, held: 0, unknown: 0, bad: 0 }
    assert.deepEqual(figures?.records, { applied: 4, unchanged: 2, ...none })
  })

  it('says what is wrong with one, once, and when it is well again', async () => {
    await add()
    await eventually(() => assert.equal(standing().problem?.kind, 'unreachable'))
    write(devices(1))
    await untilStates('compliant')
    await eventually(() => assert.equal(standing().problem, null))
    assert.match(told.join('\n'), /^mdm: .*devices\.ndjson cannot be read: ENOENT.*\nmdm is well$/s)
  })

  it('ends one that is removed, and leaves its devices as they are', async () => {
    write(devices(1))
    await add()
    await untilStates('compliant')
    await desk().remove(MDM, by())
    await eventually(() => assert.equal(database.state(MDM, 'run'), undefined))
    assert.equal(store.device('d-0')?.state, 'compliant')
  })

  it('tells the store that one is held, and goes on when the order to release it comes', async () => {
    write(devices(100))
    await add()
    await untilStates('compliant')
    await eventually(() => assert.equal(standing().devices, 100))
    write(devices(100, { version: 2, state: 'noncompliant' }))
    await eventually(() =>
      assert.deepEqual([holdOrder(store, MDM)?.word, standing().held?.count], ['hold', 100]),
    )
    assert.deepEqual(
      feeds.figures().map(({ isHeld, records }) => [isHeld, records.held]),
      [[true, 100]],
    )
    assert.match(standing().held?.why ?? '', /turn 100 of 100 devices, its breaker allows 5/)
    await desk().release(MDM, by(), 100)
    await untilStates('noncompliant', 'noncompliant')
    await eventually(() => assert.equal(standing().held, null))
    await eventually(() => assert.deepEqual(told, ['mdm is held', 'mdm: release']))
    const kinds = store.history(10).map((entry) => 'kind' in entry && entry.kind)
    assert.deepEqual(kinds, ['feed', 'feed', 'feed'])
  })

  it('runs only those whose lease it has', async () => {
    await feeds.close()
    let isMine = false
    feeds = await start({ renew: () => Promise.resolve(isMine), release: () => Promise.resolve() })
    write(devices(1))
    await add()
    await eventually(() => assert.equal(feedStandings(store, database).length, 1))
    assert.equal(standing().lastTriedAt, null)
    assert.deepEqual(feeds.figures(), [])
    isMine = true
    await untilStates('compliant')
  })

  describe('that take in events', () => {
    let transmitter: Transmitter
    beforeEach(async () => {
      transmitter = await Transmitter.start()
      await store.putDevices(devices(2))
      await add({ everyS: 3600, breaker: { ...DEFAULT_BREAKER, percent: 100 } })
      const settings = { issuer: transmitter.issuer, audience: AUDIENCE }
      await add({ name: 'caep', kind: 'caep-push', everyS: 0, settings, of: MDM })
      await eventually(async () => assert.ok(await feeds.receive('caep', request(''))))
    })
    afterEach(() => transmitter.source.close())

    const request = (set: string) => ({
      method: 'POST',
      headers: { 'content-type': 'application/secevent+jwt' },
      body: Buffer.from(set),
    })
    const push = async (set: string): Promise<number | undefined> =>
      (await feeds.receive('caep', request(set)))?.status

    it('answer when it is durable, as the source that the events are about', async () => {
      assert.equal(await push(await transmitter.change('d-1', 'not-compliant')), 202)
      const { state, source } = store.device('d-1') ?? {}
      assert.deepEqual([state, source], ['noncompliant', MDM])
    })

    it('apply an event once, also when it comes again after a restart', async () => {
      const set = await transmitter.change('d-1', 'not-compliant')
      assert.equal(await push(set), 202)
      await store.putDevices([device('d-1', { version: Date.now() + 1000 })])
      await feeds.close()
      feeds = await start()
      const sequence = store.sequence()
      assert.deepEqual([await push(set), store.sequence()], [202, sequence])
    })

    it('count what they refuse', async () => {
      assert.equal(await push('hello'), 400)
      await eventually(() => {
        const caep = feedStandings(store, database).find(({ name }) => name === 'caep')
        assert.ok(caep!.refusedEvents >= 1)
      })
      assert.ok(told.includes('caep refused: invalid_request, 400'))
      const caep = feeds.figures().find((one) => one.definition.name === 'caep')
      assert.ok(caep!.refused.invalid_request >= 1)
      assert.equal(caep!.refused.other, 0)
    })

    for (const [name, jwks, problem] of [
      [
        'ten thousand keys',
        { keys: Array.from({ length: 10_000 }, () => ({ kty: 'EC' })) },
        "the issuer's key set has 10000 keys, more than 100",
      ],
      ['no list of keys', { keys: 'k1' }, "the issuer's key set has no list of keys"],
    ] as const)
      it(`are put off while the issuer has ${name}, which is told once, until it is well again`, async () => {
        const good = transmitter.jwks
        transmitter.jwks = jwks
        const settings = { issuer: transmitter.issuer, audience: AUDIENCE }
        await add({ name: 'late', kind: 'caep-push', everyS: 0, settings, of: MDM })
        const late = () => feeds.figures().find((one) => one.definition.name === 'late')
        await eventually(() => assert.ok(late()))
        const set = request(await transmitter.change('d-1', 'not-compliant'))
        for (let i = 0; i < 3; i += 1)
          await assert.rejects(feeds.receive('late', set), { code: 'ERR_FEED', kind: 'answer' })
        assert.deepEqual(
          told.filter((line) => line.startsWith('late')),
          [`late: ${problem}`],
        )
        assert.equal(late()?.run.problem?.message, problem)
        transmitter.jwks = good
        assert.equal((await feeds.receive('late', set))?.status, 202)
        assert.deepEqual([late()?.run.problem, store.device('d-1')?.state], [null, 'noncompliant'])
        assert.ok(told.includes('late is well'))
      })

    it('know no other feed, and take nothing for one that takes no events', async () => {
      assert.equal(await feeds.receive('nobody', request('')), undefined)
      assert.equal((await feeds.receive(MDM, request('')))?.status, 404)
    })
  })
})
