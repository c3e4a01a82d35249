import assert from 'node:assert/strict'

import { shows } from '../devices/redis/outage-rows'
import { deviceLine } from '../support/device-line'
import { eventually } from '../support/eventually'
import { HarakaSite } from '../support/haraka-site'
import { RedisServer } from '../support/redis-server'
import { WorkerProbe } from '../support/worker-probe'

const USER = 'anna@example.com'
const PASSWORD = 'secret'
const PHONE = 'anna-phone'
const POLICY = 'mode: enforce\nnoncompliant: block\nstale: { after: 7d, action: block }\n'
const LEASE_S = 5

interface Host {
  readonly site: HarakaSite
  probes: WorkerProbe[]
}

interface Status {
  readonly mode: string
  readonly policy_version: number
  readonly fleet: {
    readonly problem: string | null
    readonly hosts: readonly { readonly standing: string; readonly workers: number; readonly lag: number }[]
  }
}

describe('a fleet of two hosts on one Redis', () => {
  let redis: RedisServer
  let hosts: [Host, Host]

  const create = async (policy: string): Promise<Host> => {
    const site = await HarakaSite.create({
      nodes: 2,
      policy,
      upstreamPort: 1,
      users: { [USER]: PASSWORD },
      hostConfig: `store: { kind: redis, redis: { url: "${redis.url}" }, lease_s: ${LEASE_S} }\npolicy: { source: fleet }`,
    })
    await site.run('tag', 'rotate')
    return { site, probes: [] }
  }
  const probe = async (host: Host): Promise<void> => {
    host.probes = await WorkerProbe.inEach(host.site, {
      user: await host.site.tag(USER, PHONE),
      pass: PASSWORD,
    })
  }
  const replies = async (): Promise<string[]> =>
    (await Promise.all(hosts.map(({ probes }) => Promise.all(probes.map((one) => one.mail()))))).flat()
  const untilAllReply = (code: string): Promise<void> =>
    eventually(async () => assert.deepEqual(await replies(), [code, code, code, code]))
  const put = (host: Host, state: string, version: number): Promise<unknown> =>
    host.site.run('device', 'put', deviceLine({ id: PHONE, state, version }))
  const status = async (host: Host): Promise<Status> =>
    JSON.parse(await host.site.run('status', '--json')) as Status
  const untilWell = (host: Host): Promise<void> =>
    eventually(async () => {
      const { fleet } = await status(host)
      assert.equal(fleet.problem, null)
      assert.deepEqual(
        fleet.hosts.map(({ standing, workers }) => [standing, workers]),
        [
          ['well', 2],
          ['well', 2],
        ],
      )
    })

  before(async () => {
    redis = await RedisServer.start()
    hosts = [await create(POLICY), await create('mode: off\n')]
    // One after the other: the first brings the policy, the second finds it.
    for (const host of hosts) await host.site.start()
    for (const host of hosts) await probe(host)
  })
  after(async () => {
    for (const { site, probes } of hosts) {
      for (const one of probes) one.close()
      await site.remove()
    }
    await redis.remove()
  })

  it('has the policy that the first host brought, on both', async () => {
    for (const host of hosts) {
      await untilWell(host)
      const { mode, policy_version: version } = await status(host)
      assert.deepEqual([mode, version], ['enforce', 1])
    }
  })

  it('has two connections a host to Redis, and none from a worker', async () => {
    const list = String(await redis.client.client('LIST'))
    const names = [...list.matchAll(/name=(device-gate\S*)/g)].map(([, name]) => name?.split(':')[0])
    assert.deepEqual(names.sort(), [
      'device-gate',
      'device-gate',
      'device-gate-replica',
      'device-gate-replica',
    ])
  })

  it('blocks on both hosts what one host was told, and takes it back on both', async () => {
    await put(hosts[0], 'noncompliant', 1)
    await untilAllReply('550')
    await put(hosts[1], 'compliant', 2)
    await untilAllReply('250')
  })

  it('shows on each host who was blocked on any', async () => {
    await put(hosts[0], 'noncompliant', 3)
    await untilAllReply('550')
    const blocks = async (host: Host): Promise<string[]> => {
      const lines = (await host.site.run('blocks', '--json')).split('\n')
      return lines.map((line) => (JSON.parse(line) as { decision: string }).decision).sort()
    }
    await eventually(async () => {
      const [here, there] = await Promise.all(hosts.map(blocks))
      // One line at least for each of the four workers.
      assert.ok(here && here.length >= 4)
      assert.deepEqual(here, there)
    })
    await put(hosts[0], 'compliant', 4)
    await untilAllReply('250')
  })

  it('waits with an order until it is in force in all workers, and says how long each host took', async () => {
    await put(hosts[0], 'noncompliant', 5)
    await untilAllReply('550')
    const said = await hosts[0].site.run('mode', 'off', '--reason', 'sent in error', '--json')
    // No waiting here: the command came back when all workers had it.
    assert.deepEqual(await replies(), ['250', '250', '250', '250'])
    const { hosts: took } = JSON.parse(said) as { hosts: { host: string; ms: number | null }[] }
    assert.equal(took.length, 2)
    for (const { ms } of took) assert.ok(ms !== null && ms < 10_000)
    assert.match(
      await hosts[1].site.run('mode', 'policy', '--reason', 'over'),
      /in force on \S+: +after \d+ ms/,
    )
    assert.deepEqual(await replies(), ['550', '550', '550', '550'])
  })

  it('takes a new policy from one host for all', async () => {
    hosts[1].site.writeFile('draft.yaml', POLICY.replace('noncompliant: block', 'noncompliant: warn'))
    const applied = await hosts[1].site.run(
      'policy',
      'apply',
      hosts[1].site.file('draft.yaml'),
      '--reason',
      'softer',
    )
    assert.match(applied, /policy version: +2/)
    assert.deepEqual(await replies(), ['250', '250', '250', '250'])
    hosts[1].site.writeFile('draft.yaml', POLICY)
    await hosts[1].site.run('policy', 'apply', hosts[1].site.file('draft.yaml'), '--reason', 'back')
    assert.deepEqual(await replies(), ['550', '550', '550', '550'])
    hosts[1].site.writeFile('draft.yaml', 'mode: sometimes\n')
    const refused = await hosts[1].site.cli(
      'policy',
      'apply',
      hosts[1].site.file('draft.yaml'),
      '--reason',
      'x',
    )
    assert.equal(refused.code, 1)
    assert.match(refused.output, /mode: must be one of/)
  })

  it('recalls from one host for all, with the time of each worker, and tells who syncs again on the other', async () => {
    const apply = async (text: string): Promise<void> => {
      hosts[0].site.writeFile('draft.yaml', text)
      await hosts[0].site.run('policy', 'apply', hosts[0].site.file('draft.yaml'), '--reason', 'an order')
    }
    await apply(POLICY.replace('noncompliant: block', 'noncompliant: allow'))
    await apply(`${POLICY}grace: block\n`)
    assert.deepEqual(await replies(), ['550', '550', '550', '550'])
    const { policy_version: version } = await status(hosts[0])
    await eventually(async () =>
      assert.match(await hosts[0].site.run('blocks', '--json'), new RegExp(`"policy":${version},`)),
    )
    const before = Date.now()
    const recall = hosts[0].site.startCli('recall', '--reason', 'sent in error', '--follow', '--json')
    await recall.until(/\n/)
    const proof = JSON.parse(recall.stdout) as {
      hosts: { workers: { pid: number; at: string }[] }[]
      affected: { device: string; synced_at: string | null }[]
    }
    const acknowledged = proof.hosts.flatMap(({ workers }) => workers)
    assert.deepEqual(
      new Set(acknowledged.map(({ pid }) => pid)),
      new Set(hosts.flatMap(({ site }) => site.workers)),
    )
    for (const { at } of acknowledged)
      assert.ok(Date.parse(at) >= before && Date.parse(at) <= Date.now(), `${at} is not of this recall`)
    assert.deepEqual(
      proof.affected.map(({ device, synced_at }) => [device, synced_at]),
      [[PHONE, null]],
    )
    assert.equal(await hosts[1].probes[0]?.mail(), '250')
    await recall.until(/"device":"anna-phone","policy":\d+,"now":"served"/)
    await recall.stop('SIGINT')
    await apply(POLICY)
  })

  it('decides without a single command to Redis', async () => {
    await put(hosts[0], 'compliant', 6)
    await untilAllReply('250')
    const calls = async (): Promise<number> => {
      const info = await redis.client.info('commandstats')
      const counted = [...info.matchAll(/^cmdstat_(hget|hmget|get|hgetall|mget):calls=(\d+)/gm)]
      return counted.reduce((sum, [, name, count]) => sum + (name === 'hmget' ? 0 : Number(count)), 0)
    }
    const before = await calls()
    for (let i = 0; i < 25; i += 1) await replies()
    assert.equal(await calls(), before)
  })

  it(`${shows('worker')}: the next one decides as it did`, async () => {
    await put(hosts[0], 'noncompliant', 7)
    await untilAllReply('550')
    const [victim] = hosts[0].site.workers
    if (victim === undefined) throw new Error('there is no worker')
    process.kill(victim, 'SIGKILL')
    const [first, second] = hosts[0].probes
    const left = first?.pid === victim ? second : first
    assert.equal(await left?.mail(), '550')
    await eventually(() => {
      assert.ok(!hosts[0].site.workers.includes(victim))
      assert.equal(hosts[0].site.workers.length, 2)
    })
    for (const one of hosts[0].probes) one.close()
    await probe(hosts[0])
    assert.deepEqual(await replies(), ['550', '550', '550', '550'])
    await untilWell(hosts[0])
  })

  describe('when Redis is away', () => {
    before(async () => {
      await put(hosts[0], 'compliant', 8)
      await untilAllReply('250')
      for (const host of hosts) await untilWell(host)
      await redis.client.save()
      await redis.kill()
    })

    it('goes on deciding; "compliant" is stale once the lease has run out', async () => {
      assert.deepEqual(await replies(), ['250', '250', '250', '250'])
      await untilAllReply('550')
    })

    it('lets people read, with a note, and refuses to write, with the reason', async () => {
      const read = await hosts[0].site.cli('device', 'get', PHONE)
      assert.equal(read.code, 0)
      assert.match(
        read.output,
        /note: Redis at 127\.0\.0\.1:\d+ cannot be reached.*; what is read here is as of \d{4}-/,
      )
      assert.match(read.output, /state: +compliant/)
      const write = await hosts[0].site.cli('mode', 'off', '--reason', 'x')
      assert.equal(write.code, 1)
      assert.match(write.output, /cannot be reached.*nothing was written/)
      const { fleet } = await status(hosts[0])
      assert.match(fleet.problem ?? '', /cannot be reached/)
    })

    it('loosens one host by its own file', async () => {
      hosts[1].site.editFile('device_gate.yaml', (text) => text.replace('imap:', 'enforcement: off\nimap:'))
      await eventually(async () => assert.deepEqual(await replies(), ['550', '550', '250', '250']))
      hosts[1].site.editFile('device_gate.yaml', (text) => text.replace('enforcement: off\n', ''))
      await untilAllReply('550')
    })

    it('starts without it, and decides from its own copy', async () => {
      for (const one of hosts[1].probes) one.close()
      await hosts[1].site.stop()
      await hosts[1].site.start()
      await probe(hosts[1])
      await untilAllReply('550')
    })

    it('is well again when Redis is back', async () => {
      await redis.start()
      await untilAllReply('250')
      for (const host of hosts) await untilWell(host)
    })
  })

  describe('when Haraka is down on a host', () => {
    before(async () => {
      for (const one of hosts[1].probes) one.close()
      hosts[1].probes = []
      await hosts[1].site.stop()
    })

    it('shows and changes the fleet from there all the same', async () => {
      await put(hosts[1], 'noncompliant', 9)
      await eventually(async () => assert.deepEqual(await replies(), ['550', '550']))
      await put(hosts[0], 'compliant', 10)
      assert.match(await hosts[1].site.run('device', 'get', PHONE), /version 10/)
      assert.match(await hosts[1].site.run('why', PHONE), /compliant/)
    })

    it('says which host is silent', async () => {
      await eventually(async () => {
        const { fleet } = await status(hosts[0])
        assert.deepEqual(fleet.hosts.map(({ standing }) => standing).sort(), ['silent', 'well'])
      })
      assert.match(await hosts[0].site.run('status'), /fleet: +127\.0\.0\.1:\d+: 2 hosts, \S+ is silent/)
    })
  })
})
