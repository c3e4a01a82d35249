import assert from 'node:assert/strict'

import { RedisServer } from '../support/redis-server'
import { CliSite, cliSites, record } from './site'

const POLICY = 'mode: enforce\n'

/** Haraka runs on none of these hosts: each command keeps its own host's copy true to the store. */
describe('device-gate in a fleet', () => {
  let redis: RedisServer
  let others: CliSite[]
  const site = cliSites()

  const configText = (kind: string, source: string): string =>
    `store: { kind: ${kind}, redis: { url: "${redis.url}" } }\npolicy: { source: ${source} }\n`
  const asFleet = (one: CliSite): CliSite => {
    one.write('config/device_gate.yaml', configText('redis', 'fleet'))
    one.write('draft.yaml', POLICY)
    return one
  }
  const another = (): CliSite => {
    const one = asFleet(new CliSite())
    others.push(one)
    return one
  }

  beforeEach(async () => {
    others = []
    redis = await RedisServer.start()
    asFleet(site())
  })
  afterEach(async () => {
    for (const one of others) one.remove()
    await redis.remove()
  })

  it('writes from one host, reads on another', async () => {
    const other = another()
    assert.match(
      await site().out('policy', 'apply', site().file('draft.yaml'), '--reason', 'first'),
      /version: +1/,
    )
    await site().out('device', 'put', record())
    assert.match(await other.out('device', 'get', 'anna-phone'), /noncompliant/)
    assert.match(await other.out('why', 'anna-phone'), /block/)
    await other.out('mode', 'monitor', '--reason', 'a test')
    await other.out('exempt', 'add', '--device', 'anna-phone', '--for', '1h', '--reason', 'on loan')
    assert.match(await site().out('mode'), /mode in force here: +monitor/)
    assert.match(await site().out('exempt', 'list'), /anna-phone/)
    assert.match(await site().out('policy', 'history'), /first/)
    await other.out('device', 'forget', 'anna-phone')
    assert.equal((await site().run('device', 'get', 'anna-phone')).code, 1)
  })

  it('imports into the fleet, and refuses what is older there', async () => {
    const lines = Array.from({ length: 900 }, (_, i) => record({ id: `d-${i}` })).join('\n')
    assert.deepEqual(await site().json('device', 'import', site().write('devices.ndjson', lines)), {
      ...((await site().json('device', 'import', site().write('none.ndjson', ''))) as object),
      lines: 900,
      applied: 900,
    })
    const other = another()
    const again = other.write(
      'again.ndjson',
      `${record({ id: 'd-1', version: 6 })}\n${record({ id: 'd-2' })}\n`,
    )
    const { applied, unchanged, refused } = (await other.json('device', 'import', again)) as Record<
      string,
      number
    >
    assert.deepEqual({ applied, unchanged, refused }, { applied: 0, unchanged: 1, refused: 1 })
  })

  it('tells, when Redis is away, how old what it reads is, and why it does not write', async () => {
    await site().out('device', 'put', record())
    await redis.kill()
    const { code, out, err } = await site().run('device', 'get', 'anna-phone')
    assert.equal(code, 0)
    assert.match(out, /noncompliant/)
    assert.match(
      err,
      /^note: Redis at 127\.0\.0\.1:\d+ cannot be reached: .*; what is read here is as of \d{4}-/,
    )
    const refused = await site().run('device', 'put', record({ version: 8 }))
    assert.equal(refused.code, 1)
    assert.match(refused.err, /cannot be reached.*; nothing was written$/m)
    const status = (await site().json('status')) as { fleet: { problem: string } }
    assert.match(status.fleet.problem, /cannot be reached/)
    assert.equal((await site().run('policy', 'check', site().file('draft.yaml'))).err, '', 'needs no store')
  })

  it('never prints the password', async () => {
    await redis.client.config('SET', 'requirepass', 'another')
    const url = `redis://:canary@127.0.0.1:${redis.port}`
    site().write('config/device_gate.yaml', configText('redis', 'fleet').replace(redis.url, url))
    for (const argv of [
      ['status'],
      ['status', '--json'],
      ['mode', 'off', '--reason', 'x'],
      ['store', 'restore'],
    ]) {
      const { out, err } = await site().run(...argv)
      assert.match(`${out}${err}`, /WRONGPASS/)
      assert.ok(!`${out}${err}`.includes('canary'), argv.join(' '))
    }
  })

  describe('store migrate', () => {
    beforeEach(async () => {
      site().write('config/device_gate.yaml', configText('embedded', 'file'))
      await site().applyPolicy(POLICY)
      await site().out('device', 'put', record())
    })

    it('takes an embedded store into Redis, once, and back', async () => {
      const moved = await site().out('store', 'migrate', '--to', 'redis')
      assert.match(moved, /devices: +1, as many as here/)
      assert.match(moved, /now set store\.kind: redis and policy\.source: fleet in device_gate\.yaml/)
      const twice = await site().run('store', 'migrate', '--to', 'redis')
      assert.equal(twice.code, 1)
      assert.match(twice.err, /there is a store in dg:\{dg\}:meta already: nothing was changed/)
      asFleet(site())
      assert.match(await another().out('why', 'anna-phone'), /block/)
      await site().out('device', 'put', record({ id: 'ben-phone' }))
      assert.match(
        await site().out('store', 'migrate', '--to', 'embedded'),
        /devices: +2, as many as in Redis/,
      )
      site().write('config/device_gate.yaml', configText('embedded', 'file'))
      await redis.kill()
      assert.equal((await site().lines('device', 'list')).length, 2)
      assert.match(await site().out('why', 'ben-phone'), /block/)
    })

    it('says what does not fit', async () => {
      const refusals: [argv: string[], why: RegExp][] = [
        [['migrate', '--to', 'embedded'], /store\.kind is embedded already/],
        [['restore'], /store\.kind is embedded: there is no Redis/],
      ]
      for (const [argv, why] of refusals) {
        const { code, err } = await site().run('store', ...argv)
        assert.equal(code, 1)
        assert.match(err, why)
      }
      assert.equal((await site().run('store', 'migrate', '--to', 'paper')).code, 2)
      asFleet(site())
      assert.match(
        (await site().run('store', 'migrate', '--to', 'redis')).err,
        /store\.kind is redis already/,
      )
    })
  })

  it('store restore brings back what Redis lost, from a host that has it', async () => {
    await site().out('policy', 'apply', site().file('draft.yaml'), '--reason', 'first')
    await site().out('device', 'put', record())
    const other = another()
    await other.out('device', 'get', 'anna-phone')
    await redis.client.flushall()
    const { err } = await other.run('device', 'get', 'anna-phone')
    assert.match(err, /^note: dg:\{dg\}:meta is gone: .*device-gate store restore/)
    assert.match((await other.run('mode', 'off', '--reason', 'x')).err, /nothing was written/)
    const fresh = another()
    assert.match((await fresh.run('store', 'restore')).err, /this host holds no data to bring back/)
    assert.match(await other.out('store', 'restore'), /devices: +1, as many as here/)
    assert.match(await fresh.out('why', 'anna-phone'), /block/)
    await site().out('mode', 'off', '--reason', 'x')
    assert.match(await fresh.out('mode'), /mode in force here: +off/)
  })
})
