import assert from 'node:assert/strict'
import fs from 'node:fs'

import { storeKeys } from '../../../src/devices/redis/keys'
import { eventually } from '../../support/eventually'
import { RedisWithSentinel } from '../../support/redis-sentinel'
import { record } from '../samples'
import { storeContract, type StoreHome } from '../store-contract'
import { FleetHost } from './fleet-host'
import { shows } from './outage-rows'

const PREFIX = 'dg:'
const KEYS = storeKeys(PREFIX)

describe('a failover by Sentinel', () => {
  let redis: RedisWithSentinel
  let hosts: FleetHost[]
  beforeEach(async () => {
    hosts = []
    redis = await RedisWithSentinel.start()
  })
  afterEach(async () => {
    for (const host of hosts) await host.remove()
    await redis.remove()
  })
  const open = (name: string): FleetHost => {
    const host = FleetHost.open({ url: redis.url, prefix: PREFIX, name, leaseMs: 30_000 })
    hosts.push(host)
    return host
  }
  const put = (host: FleetHost, id: string): Promise<unknown> => host.store.putDevices([record({ id })])
  const heldBy = (host: FleetHost): string[] =>
    host.store.listDevices({ limit: 100_000 }).flatMap((one) => ('id' in one ? [one.id] : []))
  const assertSame = (host: FleetHost): Promise<void> =>
    eventually(async () => {
      const { client } = await redis.master()
      assert.deepEqual(heldBy(host), (await client.hkeys(KEYS.devices)).sort())
      assert.equal(String(host.store.cursor()?.n), await client.hget(KEYS.meta, 'n'))
    })

  it(`${shows('failover')}: writes wait; nothing is lost that the replica had`, async () => {
    const [a, b] = [open('a'), open('b')]
    const acknowledged: string[] = []
    const replica = await redis.replica()
    await put(a, 'd-0')
    const stop = new AbortController()
    const writing = (async () => {
      for (let i = 0; !stop.signal.aborted; i += 1) {
        await put(a, `w-${i}`)
        // Only what the replica has too may be counted on: Redis replicates behind the acknowledgement.
        if (await replica.client.hexists(KEYS.devices, `w-${i}`)) acknowledged.push(`w-${i}`)
      }
    })()
    await eventually(() => assert.ok(acknowledged.length > 20))
    await redis.killMaster()
    const after = acknowledged.length
    await eventually(() => {
      const held = heldBy(a)
      assert.ok(held.length > after + 5)
    }, 30_000)
    stop.abort()
    await writing
    for (const host of [a, b]) {
      await assertSame(host)
      const held = new Set(heldBy(host))
      assert.deepEqual(
        acknowledged.filter((id) => !held.has(id)),
        [],
      )
      // One link may have what it needs while the other is still looking for the new primary.
      await eventually(() => assert.equal(host.problem, undefined))
    }
  })

  it(`${shows('lostTail')}: it is noticed, and named on each host`, async () => {
    const [a, b] = [open('a'), open('b')]
    await put(a, 'kept')
    for (const host of [a, b]) await assertSame(host)
    const replica = await redis.replica()
    await eventually(async () => assert.equal(await replica.client.hget(KEYS.meta, 'n'), '1'))
    await redis.shutReplicaOut()
    for (const id of ['lost-1', 'lost-2']) await put(a, id)
    await put(b, 'lost-3')
    for (const host of [a, b]) await assertSame(host)
    await redis.killMaster()
    for (const host of [a, b]) {
      assert.match(
        await host.untilTold(/^lost/),
        /a failover or a restored backup lost acknowledged changes: entries 2 to 4 \(2 of a, 1 of b\)/,
      )
      await assertSame(host)
      assert.deepEqual(heldBy(host), ['kept'])
    }
  })

  it('that loses changes is noticed by a host that comes to the new master late', async () => {
    const [a, b] = [open('a'), open('b')]
    await put(a, 'kept')
    await eventually(async () => assert.equal(await (await redis.replica()).client.hget(KEYS.meta, 'n'), '1'))
    await redis.shutReplicaOut()
    await put(a, 'lost-1')
    await assertSame(b)
    await b.close()
    hosts = hosts.filter((host) => host !== b)
    await redis.killMaster()
    await a.untilTold(/^lost/)
    for (const id of ['new-1', 'new-2', 'new-3']) await put(a, id)
    const again = FleetHost.open({ url: redis.url, prefix: PREFIX, name: 'b', dir: b.dir })
    hosts.push(again)
    assert.match(await again.untilTold(/^lost/), /entries 2 to 2 \(1 of a\)/)
    await assertSame(again)
  })
})

describe('with a change of masters between uses', () => {
  let redis: RedisWithSentinel
  let homes = 0
  before(async () => {
    redis = await RedisWithSentinel.start()
  })
  after(() => redis.remove())

  storeContract('FleetStore behind a Sentinel', async (): Promise<StoreHome> => {
    homes += 1
    if (homes % 15 === 2) await redis.failOver()
    const prefix = `home-${homes}:`
    const closed: string[] = []
    return {
      open: async () => {
        const dir = closed.pop()
        const name = `host-${closed.length}`
        const host = FleetHost.open({ url: redis.url, prefix, name, ...(dir !== undefined && { dir }) })
        await host.ready()
        const closing = host.store.close.bind(host.store)
        host.store.close = async () => {
          host.store.close = closing
          await host.close()
          closed.push(host.dir)
        }
        return host.store
      },
      remove: async () => {
        for (const dir of closed) await fs.promises.rm(dir, { recursive: true })
      },
    }
  })
})
