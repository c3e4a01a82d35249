import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'

import { openEnvironment } from '../../src/lmdb/environment'
import { deviceLine } from '../support/device-line'
import { Dialogue } from '../support/dialogue'
import { eventually } from '../support/eventually'
import { HarakaSite, type HarakaSiteOptions } from '../support/haraka-site'
import { RedisServer } from '../support/redis-server'

interface Checks {
  readonly status: number
  readonly ok: boolean
  readonly failed: readonly string[]
}

const WELL: Checks = { status: 200, ok: true, failed: [] }
const failing = (...failed: string[]): Checks => ({ status: 503, ok: false, failed })

describe('/readyz', () => {
  let site: HarakaSite

  const start = async (options: Partial<HarakaSiteOptions> = {}): Promise<void> => {
    site = await HarakaSite.create({
      policy: 'mode: enforce\n',
      upstreamPort: 1,
      admin: '{ listen: "127.0.0.1:0" }',
      ...options,
    })
    await site.start()
    await eventually(async () => assert.deepEqual(await ask(), WELL))
  }
  afterEach(() => site.remove())

  const ask = async (what = 'readyz'): Promise<Checks> => {
    const response = await fetch(`${site.adminUrl}/${what}`)
    return { status: response.status, ...((await response.json()) as Omit<Checks, 'status'>) }
  }
  const comesTo = (checks: Checks): Promise<void> =>
    eventually(async () => assert.deepEqual(await ask(), checks))
  const comesToFail = (check: string): Promise<void> =>
    eventually(async () => {
      const { status, failed } = await ask()
      assert.deepEqual([status, failed.includes(check)], [503, true])
    })

  it('is where status says', async () => {
    await start()
    const { admin } = JSON.parse(await site.run('status', '--json')) as { readonly admin: object }
    assert.deepEqual(admin, { address: site.adminUrl, problem: null })
  })

  it('fails while no worker decides, and is well when the next one does', async () => {
    await start({ nodes: 1 })
    const [killed = 0] = site.workers
    process.kill(killed, 'SIGKILL')
    await comesToFail('workers')
    assert.deepEqual((await ask('healthz')).failed, [])
    await comesTo(WELL)
    assert.notDeepEqual(site.workers, [killed])
  })

  it('fails while a worker does not take in what was changed, and is well when it does', async () => {
    await start({ nodes: 2 })
    const [stopped = 0] = site.workers
    process.kill(stopped, 'SIGSTOP')
    try {
      await site.run('device', 'put', deviceLine({}))
      await comesToFail('workers')
    } finally {
      process.kill(stopped, 'SIGCONT')
    }
    await comesTo(WELL)
  })

  it('fails while clients are turned away, and is well when they are not', async () => {
    await start({ imapConfig: '  limits: { connections: 1 }' })
    // The check that all is well has a connection of its own, for a moment.
    const client = await eventually(async () => {
      const one = await Dialogue.connect(site.imapPort)
      await one.until(/^\* OK /)
      return one
    })
    await comesTo(failing('imap'))
    client.close()
    await comesTo(WELL)
  })

  it('fails while the policy in force cannot be read, and is well when it is written again', async () => {
    await start()
    const environment = openEnvironment(path.join(site.dir, 'var', 'replica'), { schema: 1 })
    const policies = environment.database('policies')
    await environment.write(() => void policies.put(1, '{"version":1,"pol'))
    await environment.close()
    await comesTo(failing('policy'))
    assert.deepEqual(await ask('healthz'), WELL)
    site.writeFile('device_gate_policy.yaml', 'mode: enforce\nnoncompliant: warn\n')
    await comesTo(WELL)
  })

  it('fails where the replica was taken away, though the gate goes on with what it held', async () => {
    await start()
    fs.rmSync(path.join(site.dir, 'var'), { recursive: true })
    await comesTo(failing('replica'))
    assert.deepEqual(await ask('healthz'), WELL)
  })

  it('fails when the lease of the fleet runs out, and is well when its store is there again', async () => {
    const redis = await RedisServer.start({ config: ['appendonly yes', 'appendfsync always'] })
    try {
      await start({
        nodes: 1,
        hostConfig: `store: { kind: redis, redis: { url: "${redis.url}" }, lease_s: 5 }\npolicy: { source: fleet }`,
      })
      await redis.kill()
      await comesTo(failing('lease'))
      await redis.start()
      await comesTo(WELL)
    } finally {
      await redis.remove()
    }
  })
})
