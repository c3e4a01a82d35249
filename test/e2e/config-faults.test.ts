import assert from 'node:assert/strict'
import { once } from 'node:events'
import fs from 'node:fs'
import net from 'node:net'

import { deviceLine } from '../support/device-line'
import { eventually } from '../support/eventually'
import { HarakaSite, type HarakaSiteOptions } from '../support/haraka-site'
import { WorkerProbe } from '../support/worker-probe'

const USER = 'anna@example.com'
const PASSWORD = 'secret'
const BLOCKS = 'mode: enforce\nnoncompliant: block\n'
const WARNS = 'mode: enforce\nnoncompliant: warn\n'
/** Nothing listens there: these tests do not get that far. */
const NO_UPSTREAM = 9

const createSite = async (options: Partial<HarakaSiteOptions> = {}): Promise<HarakaSite> => {
  const users = { [USER]: PASSWORD }
  const site = await HarakaSite.create({ policy: BLOCKS, upstreamPort: NO_UPSTREAM, users, ...options })
  await site.run('tag', 'rotate')
  await site.run('device', 'put', deviceLine({ id: 'bad-phone', state: 'noncompliant' }))
  return site
}
const probesOf = async (site: HarakaSite): Promise<WorkerProbe[]> =>
  WorkerProbe.inEach(site, { user: await site.tag(USER, 'bad-phone'), pass: PASSWORD })
const untilReplies = (probes: readonly WorkerProbe[], reply: string): Promise<void> =>
  eventually(async () => {
    const replies = await Promise.all(probes.map((probe) => probe.mail()))
    assert.deepEqual(new Set(replies), new Set([reply]))
  })

interface Status {
  readonly policy_problems: readonly string[]
  readonly config_problems: readonly string[]
}
const statusOf = async (site: HarakaSite): Promise<Status> =>
  JSON.parse(await site.run('status', '--json')) as Status

/** What nobody can start with, nor edit a running gate to; `problem` is told with file, line and key. */
interface Mistake {
  readonly file: string
  readonly what: string
  readonly edit: (text: string) => string
  readonly told: keyof Status
  readonly problem: RegExp
}
const MISTAKES: readonly Mistake[] = [
  {
    file: 'device_gate_policy.yaml',
    what: 'a test that does not hold',
    edit: (text) =>
      `${text}tests:\n  - { device: { platform: ios, state: noncompliant }, at: 2026-01-01T00:00:00Z, expect: allow }\n`,
    told: 'policy_problems',
    problem: /device_gate_policy\.yaml:\d+:\d+ tests\S*0\S*: this test expects allow, the policy gives block/,
  },
  {
    file: 'device_gate.yaml',
    what: 'a wrong value',
    edit: (text) => text.replace('imap:', 'fail_mode: sideways\nimap:'),
    told: 'config_problems',
    problem: /device_gate\.yaml:\d+:\d+ fail_mode: /,
  },
]

describe('a mistake in a config file while the gate runs', () => {
  let site: HarakaSite
  let probes: WorkerProbe[]

  before(async () => {
    site = await createSite({ nodes: 2 })
    await site.start()
    probes = await probesOf(site)
  })
  after(async () => {
    for (const probe of probes) probe.close()
    await site.remove()
  })

  for (const { file, what, edit, told, problem } of MISTAKES) {
    it(`${file}: ${what} changes nothing, is told, and is over when it is mended`, async () => {
      const good = fs.readFileSync(site.file(file), 'utf8')
      site.writeFile(file, edit(good))
      await eventually(async () => assert.match(String((await statusOf(site))[told][0]), problem))
      await site.haraka.until(new RegExp(`(policy|config) not taken: .*${problem.source}`))
      await untilReplies(probes, '550')

      site.writeFile(file, good)
      await eventually(async () => assert.deepEqual((await statusOf(site))[told], []))
      await untilReplies(probes, '550')
    })
  }

  it('a policy file that goes away changes nothing, and its return is taken', async () => {
    const file = site.file('device_gate_policy.yaml')
    fs.rmSync(file)
    await site.haraka.until(/policy not taken: .*device_gate_policy\.yaml:1:1 does not exist/)
    await untilReplies(probes, '550')
    fs.writeFileSync(file, WARNS)
    await untilReplies(probes, '250')
    fs.writeFileSync(file, BLOCKS)
    await untilReplies(probes, '550')
  })

  it('a good version that follows a bad one is taken in every worker', async () => {
    site.writeFile('device_gate_policy.yaml', 'mode: [')
    await site.haraka.until(/policy not taken: .*device_gate_policy\.yaml:\d+:\d+ mode/)
    site.writeFile('device_gate_policy.yaml', WARNS)
    await untilReplies(probes, '250')
  })
})

for (const nodes of [0, 2]) {
  describe(`a mistake in a config file at the start, with nodes=${nodes}`, () => {
    let site: HarakaSite
    beforeEach(async () => {
      site = await createSite({ nodes })
    })
    afterEach(() => site.remove())

    for (const { file, what, edit, problem } of MISTAKES) {
      it(`${file}: ${what}: Haraka does not start`, async () => {
        site.editFile(file, edit)
        const haraka = site.spawn()
        assert.equal(await haraka.exited, 1)
        assert.match(haraka.output, problem)
        assert.ok(!haraka.output.includes('imap listening'))
      })
    }

    it('an IMAP address that somebody else has: Haraka does not start', async () => {
      const other = net.createServer().listen(site.imapPort, '127.0.0.1')
      const haraka = site.spawn()
      assert.notEqual(await haraka.exited, 0)
      assert.match(haraka.output, /device_gate\.yaml: imap\.listen: .*EADDRINUSE/)
      await once(other.close(), 'close')
    })

    it('a policy that is broken at a restart: the last good one is in force', async () => {
      const [{ edit, problem } = assert.fail()] = MISTAKES
      await site.start()
      await site.stop()
      site.editFile('device_gate_policy.yaml', edit)
      await site.start()
      const probes = await probesOf(site)
      await untilReplies(probes, '550')
      for (const probe of probes) probe.close()
      assert.match(site.haraka.output, problem)
      assert.match(String((await statusOf(site)).policy_problems[0]), problem)
    })
  })
}

describe('a worker that starts while the host’s config is broken', () => {
  it('goes on with the last good one', async () => {
    const site = await createSite({ nodes: 1 })
    try {
      await site.start()
      const [first = 0] = site.workers
      site.editFile('device_gate.yaml', (text) => `${text}nonsense: 1\n`)
      await site.haraka.until(/config not taken: /, 2)
      process.kill(first, 'SIGKILL')
      await site.haraka.until(/"imap listening"/, 2)
      const probes = await probesOf(site)
      await untilReplies(probes, '550')
      for (const probe of probes) probe.close()
    } finally {
      await site.remove()
    }
  })
})
