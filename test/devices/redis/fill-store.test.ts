import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'

import { LmdbStore } from '../../../src/devices/lmdb-store'
import { Fleet } from '../../../src/devices/redis/fleet'
import { storeKeys } from '../../../src/devices/redis/keys'
import { formatDeviceRecord } from '../../../src/devices/record'
import type { DeviceRecord } from '../../../src/policy/device'
import { eventually } from '../../support/eventually'
import { RedisServer } from '../../support/redis-server'
import { attestation, BY, override, policy, record } from '../samples'
import { FleetHost, redisTarget } from './fleet-host'

const PREFIX = 'dg:'
const KEYS = storeKeys(PREFIX)
const COUNT = 2500
const QUIET = (): void => undefined

describe('filling an empty Redis', () => {
  let server: RedisServer
  let hosts: FleetHost[]
  let dir: string
  beforeEach(async () => {
    hosts = []
    dir = fs.mkdtempSync(path.join(os.tmpdir(), 'device-gate-fill-'))
    server = await RedisServer.start()
  })
  afterEach(async () => {
    for (const host of hosts) await host.remove()
    fs.rmSync(dir, { recursive: true, force: true })
    await server.remove()
  })

  const open = (name: string): FleetHost => {
    const host = FleetHost.open({ url: server.url, prefix: PREFIX, name })
    hosts.push(host)
    return host
  }
  const fleetOn = (stateDir: string): Fleet =>
    Fleet.open({
      stateDir,
      target: redisTarget(server.url),
      keyPrefix: PREFIX,
      leaseMs: 30_000,
      hostName: 'filler',
      now: Date.now,
      alone: true,
    })
  const records = (count: number): DeviceRecord[] =>
    Array.from({ length: count }, (_, i) => record({ id: `d-${String(i).padStart(5, '0')}` }))
  const writeAll = async (store: LmdbStore | FleetHost['store']): Promise<void> => {
    await store.putDevices(records(COUNT))
    await store.applyPolicy(policy(), 'one', BY)
    await store.applyPolicy(policy({ mode: 'monitor' }), 'two', BY)
    await store.setModeOverride('off', BY)
    await store.putOverride(override())
    const effects = [
      { kind: 'attestations', user: 'anna@example.com', attestations: [attestation()] },
    ] as const
    await store.order({ ...BY, kind: 'attest', change: 'a link', effects })
  }
  /** Redis holds just what the directory of a host holds. */
  const assertCopied = async (store: LmdbStore | FleetHost['store']): Promise<void> => {
    const expected = store.listDevices({ limit: 100_000 }).map((one) => {
      assert.ok('id' in one)
      return [one.id, JSON.stringify(formatDeviceRecord(one))]
    })
    assert.deepEqual(await server.client.hgetall(KEYS.devices), Object.fromEntries(expected))
    assert.deepEqual(
      Object.keys(await server.client.hgetall(KEYS.policies)),
      store
        .policyHistory(10)
        .map((one) => 'version' in one && String(one.version))
        .reverse(),
    )
    const { overrides, attesters } = store.counts()
    assert.equal(await server.client.hlen(KEYS.overrides), overrides + attesters)
    assert.deepEqual(
      JSON.parse((await server.client.hget(KEYS.meta, 'mode')) ?? 'null'),
      store.modeOverride() ?? null,
    )
  }

  it('brings back what Redis lost; hosts that hold it all need no snapshot, and writes go on', async () => {
    const [a, b] = [open('a'), open('b')]
    await writeAll(a.store)
    await eventually(() => assert.equal(b.store.counts().devices, COUNT))
    await server.client.flushall()
    for (const host of [a, b]) await host.untilTold(/store_lost/)
    const filled = await a.fleet.fill(QUIET)
    assert.deepEqual(
      { ...filled },
      { devices: COUNT, policies: 2, overrides: 1, unreadable: [], resumed: false },
    )
    await assertCopied(a.store)
    for (const host of [a, b]) await host.untilTold(/^well/)
    await b.store.putDevices([record({ id: 'new' })])
    await eventually(() => assert.deepEqual(a.store.device('new'), record({ id: 'new' })))
    for (const host of [a, b])
      assert.ok(!host.told.some((line) => line.startsWith('snapshot')), host.told.join('\n'))
    const c = open('c')
    await eventually(() => assert.equal(c.store.counts().devices, COUNT + 1))
    assert.equal(c.store.activePolicy()?.version, 2)
  })

  it('names what a host held that the restored store lacks', async () => {
    const [a, b] = [open('a'), open('b')]
    await writeAll(a.store)
    // What was written last.
    await eventually(() => assert.equal(b.store.counts().attesters, 1))
    await b.stopFollowing()
    await a.store.putDevices([record({ id: 'newer' })])
    await server.client.flushall()
    await b.fleet.fill(QUIET)
    await a.untilTold(/^lost: .*\(1 of a\)/)
    await eventually(() => assert.equal(a.store.device('newer'), undefined))
  })

  it('takes an embedded store into a fleet', async () => {
    const embedded = LmdbStore.open(dir)
    await writeAll(embedded)
    const fleet = fleetOn(dir)
    const seen: number[] = []
    await fleet.fill((done) => seen.push(done))
    assert.deepEqual(seen, [1000, 2000, 2500])
    await assertCopied(embedded)
    await fleet.close()
    await embedded.close()
    const host = open('a')
    await eventually(() => assert.equal(host.store.counts().devices, COUNT))
    assert.equal(host.store.activePolicy()?.modeOverride, 'off')
  })

  it('goes on where it was broken off, with what was written since', async () => {
    const embedded = LmdbStore.open(dir)
    await writeAll(embedded)
    const fleet = fleetOn(dir)
    await assert.rejects(
      fleet.fill((done) => {
        if (done >= 2000) throw new Error('broken off')
      }),
    )
    const other = open('other')
    await assert.rejects(other.store.putDevices([record()]), { kind: 'store_lost', message: /being filled/ })
    await embedded.putDevices([record({ id: 'd-00003', version: 2 }), record({ id: 'a-new' })])
    await embedded.forgetDevice('d-00004')
    await embedded.setModeOverride(null, BY)
    const seen: number[] = []
    const filled = await fleet.fill((done) => seen.push(done))
    assert.ok(filled.resumed)
    assert.ok((seen[0] ?? 0) > 2000)
    assert.equal(filled.devices, COUNT)
    await assertCopied(embedded)
    await fleet.close()
    await embedded.close()
  })

  it('changes nothing where there is a store', async () => {
    const a = open('a')
    await a.store.putDevices([record()])
    const embedded = LmdbStore.open(dir)
    await writeAll(embedded)
    const fleet = fleetOn(dir)
    await assert.rejects(fleet.fill(QUIET), /there is a store in dg:\{dg\}:meta already: nothing was changed/)
    assert.equal(await server.client.hlen(KEYS.devices), 1)
    await fleet.close()
    await embedded.close()
  })

  it('tells what this host cannot read itself', async () => {
    const a = open('a')
    await a.store.putDevices([record(), record({ id: 'bad' })])
    await server.client.hset(KEYS.devices, 'bad', '{"id":"bad"')
    await server.client.xtrim(KEYS.log, 'MAXLEN', 0)
    const b = open('b')
    await b.untilTold(/snapshot done/)
    await server.client.flushall()
    const { unreadable, devices } = await b.fleet.fill(QUIET)
    assert.equal(devices, 1)
    assert.match(unreadable[0] ?? '', /^devices\/bad: not readable as JSON/)
  })
})
