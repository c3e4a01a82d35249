import assert from 'node:assert/strict'

import sinon from 'sinon'

import { storeKeys } from '../../../src/devices/redis/keys'
import { EnvironmentError } from '../../../src/lmdb/environment'
import { eventually } from '../../support/eventually'
import { CuttableWay } from '../../support/cuttable-way'
import { FakeRedis } from '../../support/fake-redis'
import { freePorts } from '../../support/ports'
import { RedisServer } from '../../support/redis-server'
import { BY, policy, record } from '../samples'
import { FleetHost, type FleetHostOptions } from './fleet-host'
import { shows, type Outage } from './outage-rows'

const PREFIX = 'dg:'
const KEYS = storeKeys(PREFIX)
/** Short, so that a test sees it run out. */
const LEASE_MS = 1600

describe('the fleet store in an outage', () => {
  let server: RedisServer
  let hosts: FleetHost[]
  beforeEach(async () => {
    hosts = []
    server = await RedisServer.start()
  })
  afterEach(async () => {
    for (const host of hosts) await host.remove()
    server.thaw()
    await server.remove()
  })

  const open = (options: Partial<FleetHostOptions> = {}): FleetHost => {
    const host = FleetHost.open({ url: server.url, prefix: PREFIX, leaseMs: LEASE_MS, ...options })
    hosts.push(host)
    return host
  }
  const put = (host: FleetHost, id: string): Promise<unknown> => host.store.putDevices([record({ id })])
  const leaseValid = (host: FleetHost): boolean => host.store.leaseValid(Date.now())
  /** Waits until it is well with the host: its replica is the store's, and its lease is renewed. */
  const untilWell = (host: FleetHost): Promise<void> =>
    eventually(async () => {
      assert.equal(host.problem, undefined)
      assert.equal(String(host.store.cursor()?.n), await server.client.hget(KEYS.meta, 'n'))
      assert.ok(leaseValid(host))
    })

  const reportOf = async (host: FleetHost): Promise<string | null> =>
    server.client.get(KEYS.host(await host.store.hostId('host-a')))

  interface Fault {
    readonly outage: Outage
    readonly begin: () => unknown
    readonly end: () => unknown
    /** What the host says of it. */
    readonly problem: RegExp
    /** What a write is refused with; undefined: it waits and is done. */
    readonly refusal?: RegExp
  }
  const faults: Fault[] = [
    {
      outage: 'down',
      begin: () => server.kill(),
      end: () => server.start(),
      problem: /^problem: unreachable: Redis at 127\.0\.0\.1:\d+ cannot be reached/,
    },
    {
      outage: 'hangs',
      begin: () => server.freeze(),
      end: () => server.thaw(),
      problem: /^problem: unreachable: .*(Socket timeout|Connection is closed)/,
    },
    {
      outage: 'password',
      begin: async () => {
        await server.client.config('SET', 'requirepass', 'other')
        await server.client.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
      },
      end: () => server.client.config('SET', 'requirepass', ''),
      problem: /^problem: refused: .*NOAUTH.*check user and password of store\.redis\.url/,
      refusal: /NOAUTH/,
    },
    {
      outage: 'readOnly',
      begin: () => server.client.replicaof('127.0.0.1', 1),
      end: () => server.client.replicaof('NO', 'ONE'),
      problem: /^problem: read_only: .*name the primary, or its Sentinels/,
    },
    {
      outage: 'memory',
      begin: () => server.client.config('SET', 'maxmemory', '1'),
      end: () => server.client.config('SET', 'maxmemory', '0'),
      problem: /^problem: out_of_memory: .*raise maxmemory/,
      refusal: /OOM.*nothing was written/,
    },
    {
      outage: 'noWrites',
      begin: () => server.client.config('SET', 'min-replicas-to-write', '1'),
      end: () => server.client.config('SET', 'min-replicas-to-write', '0'),
      problem: /^problem: no_writes: .*NOREPLICAS/,
      refusal: /NOREPLICAS.*nothing was written/,
    },
  ]

  for (const { outage, begin, end, problem, refusal } of faults) {
    it(`${shows(outage)}: says so, goes on with what it holds until the lease runs out, and heals`, async () => {
      const host = open()
      await host.store.applyPolicy(policy(), 'one', BY)
      await put(host, 'd-1')
      await untilWell(host)
      await server.client.config('SET', 'save', '')
      await server.client.save()
      await begin()
      await host.untilTold(problem)
      assert.deepEqual(host.store.device('d-1'), record())
      assert.equal(host.store.activePolicy()?.version, 1)
      if (refusal) await assert.rejects(put(host, 'd-2'), { message: refusal })
      await eventually(() => assert.equal(leaseValid(host), false))
      await end()
      await untilWell(host)
      await put(host, 'd-3')
      assert.deepEqual(host.store.device('d-3'), record({ id: 'd-3' }))
    })
  }

  it(`${shows('slow')}: a write waits, and is done once`, async () => {
    const host = open()
    await put(host, 'd-1')
    await server.client.call('CLIENT', 'PAUSE', 1500, 'ALL')
    await put(host, 'd-2')
    assert.equal(await server.client.hget(KEYS.meta, 'n'), '2')
    await untilWell(host)
  })

  it(`${shows('split')}: it goes on until its lease runs out, the other does not notice, and it catches up`, async () => {
    const way = await CuttableWay.to(server.port)
    const near = open({ name: 'near' })
    const far = open({ name: 'far', url: `redis://127.0.0.1:${way.port}` })
    try {
      await put(near, 'd-1')
      for (const host of [near, far]) await untilWell(host)
      for (const cut of ['block', 'close'] as const) {
        way[cut]()
        await put(near, `after-${cut}`)
        await far.untilTold(/^problem: unreachable/)
        await eventually(() => assert.equal(leaseValid(far), false))
        assert.deepEqual(far.store.device('d-1'), record())
        assert.equal(far.store.device(`after-${cut}`), undefined)
        assert.equal(near.problem, undefined)
        assert.ok(leaseValid(near))
        far.told.length = 0
        way.open()
        await untilWell(far)
        assert.deepEqual(far.store.device(`after-${cut}`), record({ id: `after-${cut}` }))
        assert.ok(!far.told.some((line) => line.startsWith('snapshot')))
      }
    } finally {
      way.end()
    }
  })

  it(`${shows('disk')}: it keeps what it holds, the other goes on, and it catches up`, async () => {
    const [full, other] = [open({ name: 'full' }), open({ name: 'other' })]
    await put(other, 'd-1')
    for (const host of [full, other]) await untilWell(host)
    const write = sinon
      .stub(full.store, 'apply')
      .rejects(new EnvironmentError('/var/replica cannot be written'))
    const renew = sinon
      .stub(full.store, 'renewLease')
      .rejects(new EnvironmentError('/var/replica cannot be written'))
    await put(other, 'd-2')
    await full.untilTold(/^problem: replica: .*\/var\/replica cannot be written/)
    await eventually(() => assert.equal(leaseValid(full), false))
    assert.deepEqual(full.store.device('d-1'), record())
    assert.ok(leaseValid(other))
    write.restore()
    renew.restore()
    await untilWell(full)
    assert.deepEqual(full.store.device('d-2'), record({ id: 'd-2' }))
  })

  it('by a Redis that comes back within the patience of a write: the write is done', async () => {
    const host = open()
    await put(host, 'd-1')
    await server.client.save()
    await server.kill()
    const writing = put(host, 'd-2')
    await host.untilTold(/unreachable/)
    await server.start()
    await writing
    await untilWell(host)
  })

  it('refuses a write at the end of its patience, and says what became of it', async () => {
    const host = open()
    await put(host, 'd-1')
    await server.kill()
    await host.untilTold(/unreachable/)
    await assert.rejects(put(host, 'd-2'), { kind: 'unreachable', message: /nothing was written$/ })
    assert.equal(host.store.device('d-2'), undefined)
  })

  it('says of a write without an answer that it may have been done', async () => {
    const host = open()
    await put(host, 'd-1')
    server.freeze()
    await assert.rejects(put(host, 'd-2'), {
      kind: 'unreachable',
      message: /may have been done all the same/,
    })
  })

  describe('at its start', () => {
    it(`${shows('startWithReplica')}: has what the replica holds`, async () => {
      const before = open()
      await before.store.applyPolicy(policy(), 'one', BY)
      await put(before, 'd-1')
      await untilWell(before)
      await server.client.save()
      await before.close()
      hosts = []
      await server.kill()
      const host = open({ dir: before.dir })
      await host.untilTold(/^problem: unreachable/)
      assert.deepEqual(host.store.device('d-1'), record())
      assert.equal(host.store.activePolicy()?.version, 1)
      await eventually(() => assert.equal(leaseValid(host), false))
      await server.start()
      await untilWell(host)
      assert.ok(!host.told.some((line) => line.startsWith('snapshot')))
    })

    it(`${shows('startWithout')}: is empty, and takes the store when it comes`, async () => {
      const other = open({ name: 'other' })
      await put(other, 'd-1')
      await server.client.save()
      await server.kill()
      const host = open({ name: 'new' })
      await host.untilTold(/^problem: unreachable/)
      assert.equal(host.store.counts().devices, 0)
      assert.equal(leaseValid(host), false)
      await server.start()
      await untilWell(host)
      assert.deepEqual(host.store.device('d-1'), record())
    })

    it(`${shows('tooOld')}: says which version it needs`, async () => {
      const old = await FakeRedis.start('6.0.16')
      try {
        const host = open({ url: old.url })
        await host.untilTold(/^problem: too_old: .*is version 6\.0\.16; the gate needs 6\.2 or newer/)
        await assert.rejects(put(host, 'd-1'), { kind: 'too_old', message: /nothing was written/ })
      } finally {
        old.close()
      }
    })

    it('with a name that nobody has, or a port that nobody listens on: says which', async () => {
      const [port] = await freePorts(1)
      const host = open({ url: `redis://user:canary-password@127.0.0.1:${port}` })
      const told = await host.untilTold(/^problem: unreachable/)
      assert.match(told, new RegExp(`127\\.0\\.0\\.1:${port}.*ECONNREFUSED`))
      assert.ok(!told.includes('canary'))
    })
  })

  describe('the lease', () => {
    it('is no lease of a clock that was set', async () => {
      const host = open({ leaseMs: 30_000 })
      await put(host, 'd-1')
      await untilWell(host)
      const from = host.store.leaseFrom() ?? 0
      const cases: [number, boolean][] = [
        [0, true],
        [29_999, true],
        [30_000, false],
        [-1999, true],
        [-2001, false],
        [-3_600_000, false],
        [3_600_000, false],
      ]
      for (const [offset, valid] of cases)
        assert.equal(host.store.leaseValid(from + offset), valid, `${offset}`)
    })

    it(`${shows('clock')}: the lease is renewed within a second`, async () => {
      let offset = 0
      const now = (): number => Date.now() + offset
      const host = open({ leaseMs: 30_000, now })
      await put(host, 'd-1')
      for (const jump of [3_600_000, -7_200_000]) {
        await eventually(() => assert.ok(host.store.leaseValid(now())))
        offset += jump
        assert.ok(!host.store.leaseValid(now()))
      }
      await eventually(() => assert.ok(host.store.leaseValid(now())))
    })

    it('runs out while the host is not where the store is, though Redis takes its reports', async () => {
      const host = open()
      await put(host, 'd-1')
      await untilWell(host)
      // An entry that the log lacks: the replica cannot follow, and no snapshot can be made of it either.
      await server.client.hset(KEYS.meta, 'n', 99)
      await eventually(() => assert.equal(leaseValid(host), false))
      await eventually(async () => assert.match((await reportOf(host)) ?? '', /"leaseValid":false/))
      await server.client.hset(KEYS.meta, 'n', 1)
      await untilWell(host)
    })
  })
})
