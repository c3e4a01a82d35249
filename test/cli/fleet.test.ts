import assert from 'node:assert/strict'

import { FleetJournal } from '../../src/devices/redis/fleet-journal'
import { storeKeys } from '../../src/devices/redis/keys'
import { RedisLink } from '../../src/devices/redis/link'
import type { JournalEntry } from '../../src/journal/journal'
import { redisTarget } from '../devices/redis/fleet-host'
import { RedisServer } from '../support/redis-server'
import { blockEntry, CliSite, cliSites, record } from './site'

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

  describe('recall', () => {
    const REASON = ['--reason', 'sent in error']
    const apply = (text: string): Promise<string> =>
      site().out('policy', 'apply', site().write('draft.yaml', text), ...REASON)
    const decided = async (one: CliSite): Promise<string | undefined> =>
      ((await one.json('why', 'anna-phone')) as { cases: { outcome: string }[] }).cases[0]?.outcome

    beforeEach(async () => {
      await apply('mode: enforce\nnoncompliant: allow\nstale: { after: 9000d }\n')
      await apply('mode: enforce\nnoncompliant: block\nstale: { after: 9000d }\n')
      await site().out('device', 'put', record())
    })

    it('goes back on all hosts, and keeps one history for all', async () => {
      const other = another()
      assert.equal(await decided(other), 'block')
      const {
        recalled,
        to,
        this_host_only: hereOnly,
      } = (await site().json('recall', ...REASON)) as {
        recalled: number
        to: number
        this_host_only: boolean
      }
      assert.deepEqual([recalled, to, hereOnly], [2, 1, false])
      assert.deepEqual([await decided(site()), await decided(other)], ['allow', 'allow'])
      assert.match(await other.out('audit', 'verify'), /^the history is whole: 3 entries/)
    })

    it('goes back on this host alone while Redis is away, says so, and holds until there is a newer policy', async () => {
      const other = another()
      assert.equal(await decided(other), 'block')
      await redis.client.save()
      await redis.kill()
      const { code, out, err } = await site().run('recall', ...REASON)
      assert.equal(code, 0)
      assert.match(out, /ON THIS HOST ONLY: the store does not answer/)
      assert.match(err, /the recall is in force on this host alone/)
      assert.deepEqual([await decided(site()), await decided(other)], ['allow', 'block'])
      await redis.start()
      assert.equal(await decided(site()), 'allow', 'the store still says what was recalled')
      await apply('mode: enforce\nnoncompliant: warn\nstale: { after: 9000d }\n')
      assert.deepEqual([await decided(site()), await decided(other)], ['warn', 'warn'])
    })
  })

  describe('blocks', () => {
    const MINUTE = 60_000
    /** What the control plane of a host forwards. */
    const forward = async (host: string, ...blocks: readonly JournalEntry[]): Promise<void> => {
      const link = new RedisLink(redisTarget(redis.url), host)
      const texts = blocks.map((block) => JSON.stringify(block))
      const batch = { journalId: host, after: null, upTo: texts.length, lost: 0, texts }
      await new FleetJournal(link, storeKeys('dg:'), host).append(batch)
      link.close()
    }
    const shown = async (...argv: string[]): Promise<string[]> =>
      (await site().lines('blocks', ...argv)).map((line) => {
        const { host, decision } = line as { host: string; decision: string }
        return `${host} ${decision}`
      })
    beforeEach(async () => {
      const now = Date.now()
      await forward(
        'mx1',
        blockEntry({ time: now - 5 * MINUTE, decision: 'A' }),
        blockEntry({ time: now - MINUTE, decision: 'B', user: 'ben@example.com', device: 'ben-phone' }),
      )
      // Cut off for a while: what it forwards now is older than what came before.
      await forward(
        'mx2',
        blockEntry({ time: now - 9 * MINUTE, decision: 'C' }),
        blockEntry({ time: now - 3 * MINUTE, decision: 'D' }),
      )
    })

    const cases: [what: string, argv: string[], blocks: string[]][] = [
      ['are those of all hosts, newest last', [], ['mx2 C', 'mx1 A', 'mx2 D', 'mx1 B']],
      ['of a time', ['--since', '4m'], ['mx2 D', 'mx1 B']],
      ['at most so many: the newest, however late they came', ['--limit', '2'], ['mx2 D', 'mx1 B']],
      ['of a user', ['--user', 'BEN@example.com'], ['mx1 B']],
      ['of a device', ['--device', 'anna-phone'], ['mx2 C', 'mx1 A', 'mx2 D']],
    ]
    for (const [what, argv, blocks] of cases)
      it(what, async () => assert.deepEqual(await shown(...argv), blocks))

    it('say to people which host it was', async () => {
      assert.match(await site().out('blocks'), /repeats +evidence +host\n[^]* 60s +mx1\n$/)
    })

    it('pass over what no gate wrote there', async () => {
      await redis.client.xadd(storeKeys('dg:').journal, '*', 'host', 'x', 'entry', '{"time":')
      await redis.client.xadd(storeKeys('dg:').journal, '*', 'greeting', 'hello')
      assert.equal((await shown()).length, 4)
    })

    it('are found by their decision id wherever it was shown', async () => {
      await site().out('policy', 'apply', site().file('draft.yaml'), '--reason', 'first')
      assert.match(
        await site().out('why', 'D'),
        /anna@example\.com, device anna-phone, as it is now[^]*recent\n.*decision D/,
      )
      assert.match((await site().run('why', 'F')).err, /no device, user or decision is known as F/)
    })

    it('are this host’s own, with a note, when Redis is away', async () => {
      await site().journal(blockEntry({ decision: 'OWN' }))
      await redis.kill()
      const { code, out, err } = await site().run('blocks', '--json')
      assert.equal(code, 0)
      assert.match(out, /^\{.*"decision":"OWN".*"host":"[^"]+"\}\n$/)
      assert.match(
        err,
        /^note: Redis at .* cannot be reached: .*; these are the blocks of this host alone\n$/,
      )
    })

    it('--follow goes on when Redis comes back, with what came meanwhile', async () => {
      const following = site().start('blocks', '--follow', '--json')
      await following.until(/"decision":"B"/)
      await redis.client.save()
      await redis.kill()
      await following.until(/note: Redis at .*shown when it answers again/)
      await redis.start()
      await forward('mx3', blockEntry({ decision: 'NEW' }))
      await following.until(/"decision":"NEW".*"host":"mx3"/)
      assert.equal(await following.stop('SIGINT'), 0)
      assert.equal(following.stdout.match(/"decision"/g)?.length, 5, 'each once')
    })
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
