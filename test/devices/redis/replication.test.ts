import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'

import fc from 'fast-check'

import { LmdbStore } from '../../../src/devices/lmdb-store'
import { storeKeys } from '../../../src/devices/redis/keys'
import { RedisLink } from '../../../src/devices/redis/link'
import { StoreWriter } from '../../../src/devices/redis/writer'
import { formatDeviceRecord } from '../../../src/devices/record'
import { CorruptRecordError } from '../../../src/devices/store'
import { eventually } from '../../support/eventually'
import { RedisServer } from '../../support/redis-server'
import type { Attestation } from '../../../src/policy/attestation'
import { AT, attestation, BY, override, policy, record } from '../samples'
import { FleetHost, redisTarget, type FleetHostOptions } from './fleet-host'
import { shows } from './outage-rows'

const PREFIX = 'dg:'
const KEYS = storeKeys(PREFIX)
const ids = (count: number, from = 0): string[] => Array.from({ length: count }, (_, i) => `d-${from + i}`)
const json = (change: Parameters<typeof record>[0]): string =>
  JSON.stringify(formatDeviceRecord(record(change)))

describe('replication of the fleet store', () => {
  let server: RedisServer
  let hosts: FleetHost[]

  beforeEach(async () => {
    hosts = []
    server = await RedisServer.start()
  })
  afterEach(async () => {
    for (const host of hosts) await host.remove()
    await server.remove()
  })

  const open = (name: string, options: Partial<FleetHostOptions> = {}): FleetHost => {
    const host = FleetHost.open({ url: server.url, prefix: PREFIX, name, ...options })
    hosts.push(host)
    return host
  }
  const reopen = async (host: FleetHost, name: string): Promise<FleetHost> => {
    hosts = hosts.filter((other) => other !== host)
    await host.close()
    return open(name, { dir: host.dir })
  }
  const put = (host: FleetHost, ...which: string[]): Promise<unknown> =>
    host.store.putDevices(which.map((id) => record({ id })))

  /** What Redis has now, to go back to it: what is written until then is lost. */
  async function backup(): Promise<() => Promise<unknown>> {
    const keys = [KEYS.meta, KEYS.devices, KEYS.log]
    const dumps = await Promise.all(keys.map((key) => server.client.dumpBuffer(key)))
    const restoring = server.client.multi()
    keys.forEach((key, i) => restoring.restore(key, 0, dumps[i] as Buffer, 'REPLACE'))
    return () => restoring.exec()
  }

  /** The replica is just what Redis holds. */
  const assertSame = (host: FleetHost): Promise<void> =>
    eventually(async () => {
      const stored = await server.client.hgetall(KEYS.devices)
      const held = host.store.listDevices({ limit: 100_000 })
      assert.deepEqual(
        Object.fromEntries(
          held.map((one) =>
            one instanceof CorruptRecordError
              ? [one.place, one.problem]
              : [one.id, JSON.stringify(formatDeviceRecord(one))],
          ),
        ),
        stored,
      )
      assert.deepEqual(
        host.store.policyHistory(100).map((one) => 'version' in one && String(one.version)),
        Object.keys(await server.client.hgetall(KEYS.policies)).reverse(),
      )
      const { overrides, attesters } = host.store.counts()
      const beside = await server.client.hgetall(KEYS.overrides)
      assert.equal(overrides + attesters, Object.keys(beside).length)
      const stated = Object.entries(beside)
        .filter(([field]) => field.startsWith('attestation/'))
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([, text]) => (JSON.parse(text) as { attestations: unknown }).attestations)
      assert.deepEqual(host.store.listAttestations(), stated)
      const mode = await server.client.hget(KEYS.meta, 'mode')
      assert.deepEqual(host.store.modeOverride() ?? null, mode === null ? null : JSON.parse(mode))
      assert.equal(String(host.store.cursor()?.n), await server.client.hget(KEYS.meta, 'n'))
    })

  const attest = (host: FleetHost, user: string, attestations: readonly Attestation[]): Promise<unknown> =>
    host.store.order({
      ...BY,
      kind: 'attest',
      change: 'a statement',
      effects: [{ kind: 'attestations', user, attestations }],
    })

  describe('from host to host', () => {
    it('brings everything that one host writes to the other', async () => {
      const [a, b] = [open('a'), open('b')]
      await a.store.putDevices([record(), record({ id: 'd-2', owners: ['ben@example.com'] })])
      await a.store.applyPolicy(policy(), 'one', BY)
      await b.store.setModeOverride('off', BY)
      await a.store.putOverride(override())
      await b.store.putOverride(override({ kind: 'lock', expiresAt: null }))
      await a.store.removeOverride('exemption', override().subject, BY)
      const stated = attestation({ stated: { at: AT, expiresAt: AT + 1, remote: '192.0.2.1' } })
      for (const one of [stated, { ...stated, user: 'ben@example.com' }]) await attest(a, one.user, [one])
      await attest(b, 'ben@example.com', [])
      await a.store.forgetDevice('d-2')
      for (const host of [a, b]) await assertSame(host)
      assert.equal(b.store.activePolicy()?.modeOverride, 'off')
      assert.deepEqual(
        b.store.overridesOn(override().subject).map(({ kind }) => kind),
        ['lock'],
      )
      assert.deepEqual(b.store.deviceIdsOf('ben@example.com', 10), [])
      assert.deepEqual(b.store.listAttestations(), [[stated]])
    })

    it('sends a check-in that changes nothing but the evidence as a few octets', async () => {
      const [a, b] = [open('a'), open('b')]
      await put(a, 'd-1')
      await a.store.putDevices([record({ evidenceAt: record().evidenceAt + 60_000, version: 2 })])
      const [, [, fields]] = (await server.client.xrange(KEYS.log, '-', '+')) as [string, string[]][] as [
        unknown,
        [string, string[]],
      ]
      assert.equal(fields.at(-1), '[["t","d-1","2026-11-20T08:01:00.000Z",2]]')
      await assertSame(b)
      assert.equal(b.store.device('d-1')?.version, 2)
    })

    it('makes few entries of many single writes', async () => {
      const host = open('a')
      await Promise.all(ids(500).map((id) => put(host, id)))
      assert.equal(await server.client.hlen(KEYS.devices), 500)
      assert.ok((await server.client.xlen(KEYS.log)) <= 10)
      await assertSame(host)
    })

    it('takes in what was written while the host was away, without a snapshot', async () => {
      const a = open('a')
      await put(a, 'd-1')
      let b = open('b')
      await assertSame(b)
      await b.stopFollowing()
      await put(a, ...ids(50))
      b = await reopen(b, 'b')
      await assertSame(b)
      assert.deepEqual(b.told, [])
    })

    it('lets a new host begin with the copy of another, without a snapshot and under its own name', async () => {
      const a = open('a')
      await put(a, ...ids(50))
      const first = await reopen(a, 'a')
      await assertSame(first)
      const firstId = await first.store.hostId('a')
      hosts = []
      await first.close()
      const copy = fs.mkdtempSync(`${first.dir}-copy-`)
      fs.cpSync(first.dir, copy, { recursive: true })
      const [again, b] = [open('a', { dir: first.dir }), open('b', { dir: copy })]
      await put(again, 'd-after')
      for (const host of [again, b]) await assertSame(host)
      assert.deepEqual(b.told, [])
      assert.equal(await again.store.hostId('a'), firstId)
      assert.match(await b.store.hostId('b'), /^b-[0-9a-f]{6}$/)
      await eventually(async () => assert.equal((await b.fleet.hosts()).length, 2))
    })

    it('writes by the hash of its script, and again when the server forgot it', async () => {
      const host = open('a')
      await put(host, 'd-1')
      await server.client.script('FLUSH')
      await put(host, 'd-2')
      await assertSame(host)
    })
  })

  describe('takes a new snapshot, beside what it has,', () => {
    /** Looks at the replica all the time: it must have either all of the old or all of the new. */
    const watch = (host: FleetHost): { stop: () => void } => {
      const problems: string[] = []
      const timer = setInterval(() => {
        if (!hosts.includes(host)) clearInterval(timer)
        const count = host.store.counts().devices
        if (count !== 300 && count !== 301) problems.push(`${count} devices`)
        if (host.store.device('d-0') === undefined) problems.push('d-0 is gone')
      }, 0)
      return {
        stop: () => {
          clearInterval(timer)
          assert.deepEqual(problems, [])
        },
      }
    }

    it('when the log was cut while it was away', async () => {
      const a = open('a')
      await put(a, ...ids(300))
      let b = open('b')
      await assertSame(b)
      b = await reopen(b, 'b').then(async (host) => {
        await host.stopFollowing()
        return host
      })
      await put(a, 'd-300')
      await put(a, 'd-0')
      await server.client.xtrim(KEYS.log, 'MAXLEN', 0)
      b = await reopen(b, 'b')
      const watching = watch(b)
      await b.untilTold(/snapshot done/)
      await assertSame(b)
      watching.stop()
      assert.match(b.told[0] ?? '', /snapshot: entries 3 to 3 are no longer in the log/)
    })

    it(`when ${shows('anew')}`, async () => {
      const a = open('a')
      await put(a, ...ids(300))
      let b = open('b')
      await assertSame(b)
      await b.stopFollowing()
      await a.stopFollowing()
      await server.client.flushall()
      const c = open('c')
      await put(c, ...ids(301))
      b = await reopen(b, 'b')
      const watching = watch(b)
      await b.untilTold(/snapshot: the store was begun anew/)
      await assertSame(b)
      watching.stop()
    })

    it('when it held data of its own before', async () => {
      const a = open('a')
      await put(a, ...ids(3))
      const b = open('b')
      await assertSame(b)
      await b.stopFollowing()
      hosts = hosts.filter((host) => host !== b)
      await b.close()
      const alone = LmdbStore.open(b.dir)
      await alone.putDevices([record({ id: 'mine' })])
      await alone.close()
      const again = open('b', { dir: b.dir })
      await assertSame(again)
      assert.equal(again.store.device('mine'), undefined)
    })

    for (const [what, more] of [
      ['restored from a backup', 0],
      ['restored from a backup and written to, further than the host was', 5],
    ] as const) {
      it(`when Redis was ${what}; what was lost is named`, async () => {
        const a = open('a')
        await put(a, ...ids(300))
        let b = open('b')
        await assertSame(b)
        await server.client.save()
        const backup = fs.readFileSync(path.join(server.dir, 'dump.rdb'))
        await put(a, 'lost-1')
        await a.store.setModeOverride('enforce', BY)
        await assertSame(b)
        await b.stopFollowing()
        await server.kill()
        fs.writeFileSync(path.join(server.dir, 'dump.rdb'), backup)
        await server.start()
        await a.untilTold(/^lost/)
        for (let i = 0; i < more; i += 1) await put(a, `new-${i}`)
        b = await reopen(b, 'b')
        await assertSame(b)
        for (const host of [a, b]) {
          const lost = await host.untilTold(/^lost/)
          assert.match(lost, /lost acknowledged changes: entries 3 to 4 \(2 of a\)/)
        }
        assert.equal(b.store.device('lost-1'), undefined)
        assert.equal(b.store.modeOverride(), undefined)
        assert.ok(!a.told.some((line) => line.startsWith('snapshot')), 'it asks for what was lost only')
      })
    }
  })

  it('does a write again that a failover lost before any host had it', async () => {
    const [a, b] = [open('a'), open('b')]
    await put(a, 'kept')
    for (const host of [a, b]) await assertSame(host)
    await a.stopFollowing()
    await b.stopFollowing()
    const goBack = await backup()
    const writing = put(a, 'lost')
    await eventually(async () => assert.equal(await server.client.hget(KEYS.meta, 'n'), '2'))
    await goBack()
    const other = open('c')
    await put(other, 'other')
    await writing
    assert.deepEqual((await server.client.hkeys(KEYS.devices)).sort(), ['kept', 'lost', 'other'])
  })

  it('says of a write that Redis lost with all its data, before the host had it, that it may be lost', async () => {
    const a = open('a')
    await put(a, 'kept')
    await assertSame(a)
    await a.stopFollowing()
    const writing = put(a, 'gone')
    await eventually(async () => assert.equal(await server.client.hget(KEYS.meta, 'n'), '2'))
    await server.client.flushall()
    await assert.rejects(writing, { kind: 'store_lost', maybeDone: true, message: /may be lost with it/ })
  })

  it('does no write again that the host does not hold yet since it is in a history that is over', async () => {
    const [a, c] = [open('a'), open('c')]
    await put(a, 'kept')
    await assertSame(c)
    const goBack = await backup()
    await put(a, 'gone-1')
    await put(a, 'gone-2')
    await a.stopFollowing()
    await goBack()
    await put(a, 'new')
    await assertSame(c)
    assert.equal(await server.client.hget(KEYS.meta, 'n'), '2', 'written once')
    assert.deepEqual((await server.client.hkeys(KEYS.devices)).sort(), ['kept', 'new'])
  })

  it('ends up as the store is, whatever was written before a restored backup, lost, and written after it', async () => {
    const id = fc.constantFrom('d-1', 'd-2', 'd-3')
    const version = fc.nat({ max: 3 })
    const subject = id.map((name) => ({ kind: 'device' as const, id: name }))
    const write = fc.oneof(
      fc
        .record({ id, version, state: fc.constantFrom('compliant' as const, 'grace' as const) })
        .map((change) => (host: FleetHost) => host.store.putDevices([record(change)])),
      fc
        .record({ id, version, evidenceAt: fc.constantFrom(AT, AT + 1000) })
        .map((change) => (host: FleetHost) => host.store.putDevices([record(change)])),
      id.map((name) => (host: FleetHost) => host.store.forgetDevice(name)),
      fc
        .constantFrom('one', 'two')
        .map((text) => (host: FleetHost) => host.store.applyPolicy(policy(), text, BY)),
      fc
        .constantFrom('off' as const, null)
        .map((mode) => (host: FleetHost) => host.store.setModeOverride(mode, BY)),
      subject.map((on) => (host: FleetHost) => host.store.putOverride(override({ subject: on }))),
      subject.map((on) => (host: FleetHost) => host.store.removeOverride('exemption', on, BY)),
      fc.tuple(fc.constantFrom('anna@example.com', 'ben@example.com'), fc.array(id, { maxLength: 2 })).map(
        ([user, deviceIds]) =>
          (host: FleetHost) =>
            attest(
              host,
              user,
              deviceIds.map((deviceId) => attestation({ user, deviceId })),
            ),
      ),
    )
    const some = fc.array(write, { maxLength: 6 })
    await fc.assert(
      fc.asyncProperty(some, some, some, async (before, lost, after) => {
        await server.client.flushall()
        const [a, b] = [open('a'), open('b')]
        await put(a, 'd-0')
        for (const one of before) await one(a)
        await server.client.save()
        const backup = fs.readFileSync(path.join(server.dir, 'dump.rdb'))
        for (const one of lost) await one(a)
        for (const host of [a, b]) await assertSame(host)
        await server.kill()
        fs.writeFileSync(path.join(server.dir, 'dump.rdb'), backup)
        await server.start()
        for (const one of after) await one(b)
        for (const host of [a, b]) await assertSame(host)
        for (const host of [a, b]) {
          assert.ok(!host.told.some((line) => line.startsWith('snapshot')), host.told.join('\n'))
          await host.remove()
        }
        hosts = []
      }),
      { numRuns: 12 },
    )
  })

  describe('a Redis that was emptied', () => {
    it(`${shows('emptied')}: hosts keep what they hold, and say what to do`, async () => {
      const [a, b] = [open('a'), open('b')]
      await put(a, ...ids(20))
      await assertSame(b)
      await server.client.flushall()
      for (const host of [a, b]) {
        await host.untilTold(/problem: store_lost: .*device-gate store restore/)
        assert.equal(host.store.counts().devices, 20)
      }
    })

    it('takes no write, from a host that knew it or from a new one', async () => {
      const a = open('a')
      await put(a, 'd-1')
      await server.client.flushall()
      await a.untilTold(/store_lost/)
      await eventually(async () => assert.ok(await server.client.hget(KEYS.meta, 'lost')))
      await assert.rejects(put(a, 'd-2'), { kind: 'store_lost', message: /nothing was written/ })
      const fresh = open('fresh')
      await assert.rejects(put(fresh, 'd-2'), { kind: 'store_lost', message: /says a/ })
      assert.deepEqual(await server.client.hgetall(KEYS.devices), {})
    })
  })

  describe('what is in the store and cannot be used', () => {
    it(`${shows('foreign')}: it is left out of the log, and told`, async () => {
      const [a, b] = [open('a'), open('b')]
      await put(a, 'd-1')
      await server.client.xadd(KEYS.log, '1-5', 'what', 'is this')
      await put(a, 'd-2')
      await server.client.xadd(KEYS.log, '*', 'epoch', 'x', 'ops', '[]')
      await b.untilTold(/foreign: dg:\{dg\}:log has an entry 1-5 /)
      await put(a, 'd-3')
      await put(b, 'd-4')
      for (const host of [a, b]) await assertSame(host)
    })

    it('does not stay in the way of the log when it lies behind all of ours', async () => {
      const a = open('a')
      await put(a, 'd-1')
      await server.client.xadd(KEYS.log, '18446744073709551615-18446744073709551615', 'a', 'b')
      await put(a, 'd-2')
      await assertSame(a)
      assert.deepEqual(
        (await server.client.xrange(KEYS.log, '-', '+')).map(([id]) => id),
        ['2-0'],
      )
    })

    const records: [what: string, id: string, text: string, problem: RegExp][] = [
      ['no JSON', 'bad', '{"id":', /not readable as JSON/],
      ['of a newer version', 'bad', json({ id: 'bad' }).replace('{', '{"risk":7,'), /unknown field "risk"/],
      ['of another device', 'bad', json({ id: 'other' }), /holds the record of another device/],
      ['too large', 'bad', JSON.stringify({ id: 'bad', x: 'y'.repeat(600_000) }), /too_large/],
    ]
    for (const [what, id, text, problem] of records) {
      it(`${shows('unreadable')}: one that is ${what} is set aside in a snapshot; the rest goes on`, async () => {
        const a = open('a')
        await put(a, ...ids(20))
        await server.client.hset(KEYS.devices, id, text)
        await server.client.xtrim(KEYS.log, 'MAXLEN', 0)
        const b = open('b')
        await b.untilTold(/snapshot done/)
        assert.throws(() => b.store.device(id), problem)
        assert.equal(b.store.counts().devices, 21)
        assert.equal(b.store.setAside().count, 1)
        assert.match(b.store.setAside().examples[0] ?? '', /^devices\/bad: /)
        await b.store.putDevices([record({ id: 'bad', version: 9 })])
        assert.equal(b.store.device('bad')?.version, 9, 'writing it again mends it')
      })
    }

    it('one record of a newer version is set aside as it comes; the same entry goes on', async () => {
      const [a, b] = [open('a'), open('b')]
      await put(a, 'd-1', 'd-2')
      await assertSame(b)
      const newer = json({ id: 'd-1', version: 2, state: 'noncompliant' }).replace('{', '{"risk":7,')
      // As a host of a newer version would write it.
      const link = new RedisLink(redisTarget(server.url), 'newer')
      const writer = new StoreWriter(link, KEYS, 'newer', () => a.store.cursor()?.epoch)
      await writer.write([
        ['d', 'd-1', newer],
        ['d', 'd-2', json({ id: 'd-2', version: 2 })],
      ])
      link.close()
      await eventually(() => assert.equal(b.store.device('d-2')?.version, 2))
      assert.throws(() => b.store.device('d-1'), /unknown field "risk"/)
      assert.deepEqual(b.store.deviceIdsOf('anna@example.com', 10), ['d-1', 'd-2'])
      assert.equal(b.store.setAside().count, 1)
    })

    it('a key of the wrong type is named, and nothing is changed', async () => {
      const a = open('a')
      await put(a, 'd-1')
      await server.client.set(KEYS.overrides, 'mine')
      await assert.rejects(put(a, 'd-2'), { kind: 'damaged', message: /dg:\{dg\}:overrides/ })
      assert.equal(await server.client.hget(KEYS.meta, 'n'), '1')
      await server.client.del(KEYS.overrides)
      await put(a, 'd-2')
      await assertSame(a)
    })

    it('a damaged head is named; the host goes on with what it holds', async () => {
      const a = open('a')
      await put(a, 'd-1')
      await server.client.hset(KEYS.meta, 'n', 'seven')
      await a.untilTold(/problem: damaged: dg:\{dg\}:meta: n or tip is damaged/)
      await assert.rejects(put(a, 'd-2'), { kind: 'damaged' })
      assert.equal(a.store.counts().devices, 1)
      await server.client.hset(KEYS.meta, 'n', '1')
      await a.untilTold(/^well/)
    })

    it(`${shows('newer')}: it is left alone`, async () => {
      const a = open('a')
      await put(a, 'd-1')
      await server.client.hset(KEYS.meta, 'schema', '2')
      await a.untilTold(/problem: newer_store: .*schema 2.*update this host/)
      await assert.rejects(put(a, 'd-2'), { kind: 'newer_store' })
      assert.equal(a.store.counts().devices, 1)
    })
  })
})
