import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'

import { storeKeys } from '../../../src/devices/redis/keys'
import { formatDeviceRecord } from '../../../src/devices/record'
import { eventually } from '../../support/eventually'
import { WatchedProcess } from '../../support/process'
import { RedisServer } from '../../support/redis-server'
import { record } from '../samples'
import { FleetHost } from './fleet-host'
import { between, outageTable, shortOutageTable, shows, unproven } from './outage-rows'

const PREFIX = 'dg:'
const KEYS = storeKeys(PREFIX)
const COUNT = 6000

describe('a process that follows the store and is killed', () => {
  let server: RedisServer
  let writer: FleetHost
  let dir: string
  before(async () => {
    server = await RedisServer.start()
    writer = FleetHost.open({ url: server.url, prefix: PREFIX, name: 'writer' })
    dir = fs.mkdtempSync(path.join(os.tmpdir(), 'device-gate-killed-'))
    const records = Array.from({ length: COUNT }, (_, i) => record({ id: `d-${i}` }))
    await writer.store.putDevices(records)
    // Too old for the log: whoever comes takes a snapshot.
    await server.client.xtrim(KEYS.log, 'MAXLEN', 0)
  })
  after(async () => {
    await writer.remove()
    await server.remove()
    fs.rmSync(dir, { recursive: true, force: true })
  })

  const follow = (): WatchedProcess =>
    new WatchedProcess(process.execPath, [
      '--require',
      'tsx/cjs',
      path.join(__dirname, 'follow-process.ts'),
      dir,
      server.url,
      PREFIX,
    ])
  const killedAt = async (when: (child: WatchedProcess) => Promise<unknown>): Promise<void> => {
    const child = follow()
    await when(child)
    child.child.kill('SIGKILL')
    await child.exited
  }
  const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

  it(`${shows('killed')}: it begins the snapshot again, and then goes on from where it was`, async () => {
    for (const ms of [5, 40, 120]) {
      await killedAt(async (child) => {
        await child.until(/snapshot: /)
        await pause(ms)
      })
    }
    await killedAt((child) => child.until(/ready/))
    for (const ms of [1, 15, 60]) {
      await killedAt(async (child) => {
        await child.until(/ready/)
        void writer.store.putDevices(
          Array.from({ length: 400 }, (_, i) => record({ id: `d-${i}`, version: ms + i })),
        )
        await pause(ms)
      })
    }
    const host = FleetHost.open({ dir, url: server.url, prefix: PREFIX, name: 'killed' })
    try {
      await eventually(async () => {
        const held = host.store.listDevices({ limit: COUNT * 2 })
        assert.deepEqual(
          Object.fromEntries(
            held.map((one) => ('id' in one ? [one.id, JSON.stringify(formatDeviceRecord(one))] : [])),
          ),
          await server.client.hgetall(KEYS.devices),
        )
      })
      assert.ok(!host.told.some((line) => line.startsWith('snapshot')), 'it was whole before')
      assert.equal(host.store.deviceIdsOf('anna@example.com', COUNT * 2).length, COUNT)
    } finally {
      await host.close()
    }
  })
})

describe('the table of outages', () => {
  it('is in docs/fleet.md, word for word', () => assert.equal(between('docs/fleet.md'), outageTable()))
  it('is in the README in short', () => assert.equal(between('README.md'), shortOutageTable()))
  it('has a test for each row', () => assert.deepEqual(unproven(), []))
})
