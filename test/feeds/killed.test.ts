import assert from 'node:assert/strict'
import path from 'node:path'

import { formatDeviceRecord } from '../../src/devices/record'
import type { DeviceRecord } from '../../src/policy/device'
import { runScript } from '../support/script'
import { tempDirs } from '../support/temp-dir'
import { device, FeedSite, pageOf } from './feed-site'
import { LocalSource } from './local-source'

const SCRIPT = path.join(__dirname, 'sweep-process.ts')
const COUNT = 3000

describe('a process that sweeps and is killed', () => {
  const tempDir = tempDirs()

  it('leaves whole batches behind, nobody gone that is there, and the next sweep makes it true', async () => {
    const dir = tempDir()
    const truth = new Map<string, DeviceRecord>()
    let version = 0
    const change = (i: number, state: DeviceRecord['state']): void => {
      version += 1
      truth.set(`d-${i}`, device(`d-${i}`, { version, state }))
    }
    for (let i = 0; i < COUNT; i += 1) change(i, 'compliant')
    const source = await LocalSource.start(() => ({
      status: 200,
      body: [...truth.values()].map((one) => `${JSON.stringify(formatDeviceRecord(one))}\n`).join(''),
    }))
    for (const batches of [1, 2]) {
      const sweeper = runScript(SCRIPT, dir, `${source.url}/devices.ndjson`)
      try {
        await sweeper.until(/batch of \d+\n/, batches)
      } finally {
        await sweeper.stop('SIGKILL')
      }
      assert.doesNotMatch(sweeper.output, /held/)
      const site = new FeedSite(dir)
      for (const [id, { state, findings }] of site.replica()) {
        assert.ok(['compliant', 'noncompliant', 'grace'].includes(state), `${id} is ${state}`)
        assert.deepEqual(findings, [])
      }
      await site.close()
      // Everything changes, so that there is as much to write as before.
      const states = ['noncompliant', 'grace', 'compliant'] as const
      for (let i = 0; i < COUNT; i += 1) change(i, states[(i + version) % states.length] ?? 'grace')
    }
    await source.close()
    truth.delete('d-7')
    const site = new FeedSite(dir, { percent: 100, count: 1_000_000, windowS: 3600 })
    await site.sweep([pageOf([...truth.values()])])
    const replica = site.replica()
    // A version alone is not written.
    for (const [id, { state, findings }] of truth) {
      const found = replica.get(id)
      assert.deepEqual([found?.state, found?.findings], [state, findings], id)
    }
    assert.equal(replica.size, COUNT)
    assert.equal(replica.get('d-7')?.state, 'unknown')
    await site.close()
  })
})
