import assert from 'node:assert/strict'

import { deviceLine } from '../support/device-line'
import { Dialogue } from '../support/dialogue'
import { eventually } from '../support/eventually'
import { HarakaSite } from '../support/haraka-site'
import { isAlive } from '../support/process'
import { connectToEach, WorkerProbe } from '../support/worker-probe'

const USER = 'anna@example.com'
const PASSWORD = 'secret'
const PHONE = 'anna-phone'
/** Nothing listens there: a tagged phone is refused before the upstream is dialled. */
const NO_UPSTREAM = 9

/** How many decisions the lines stand for. */
const decisions = (lines: readonly Readonly<Record<string, unknown>>[]): number =>
  lines.reduce((sum, { repeats }) => sum + Math.max(1, Number(repeats)), 0)

for (const nodes of [0, 2]) {
  describe(`Haraka with nodes=${nodes} ends`, () => {
    let site: HarakaSite
    let probes: WorkerProbe[]

    beforeEach(async () => {
      site = await HarakaSite.create({
        nodes,
        policy: 'mode: enforce\n',
        upstreamPort: NO_UPSTREAM,
        users: { [USER]: PASSWORD },
      })
      await site.run('tag', 'rotate')
      await site.run('device', 'put', deviceLine({ id: PHONE, state: 'noncompliant' }))
      await site.start()
      probes = await WorkerProbe.inEach(site, { user: await site.tag(USER, PHONE), pass: PASSWORD })
    })
    afterEach(async () => {
      for (const probe of probes) probe.close()
      await site.remove()
    })

    const blockMany = async (count: number): Promise<void> => {
      for (let i = 0; i < count; i += 1) for (const probe of probes) assert.equal(await probe.mail(), '550')
    }
    const untilAllGone = (pids: readonly number[]): Promise<void> =>
      eventually(() => assert.deepEqual(pids.filter(isAlive), []))
    const journal = async (): Promise<Record<string, unknown>[]> =>
      (await site.run('blocks', '--json'))
        .split('\n')
        .map((line) => JSON.parse(line) as Record<string, unknown>)

    it('by SIGTERM: every process goes, and the block log is complete', async () => {
      const pids = site.workers
      await blockMany(7)
      await site.haraka.stop('SIGTERM')
      // As without the gate: the service manager sees the signal it sent.
      assert.equal(site.haraka.child.signalCode, 'SIGTERM')
      await untilAllGone(pids)
      assert.equal(decisions(await journal()), 7 * probes.length)
      assert.equal(decisions(site.blockLog()), 7 * probes.length)
    })

    it('by SIGTERM to all its processes at once, as a service manager sends it', async () => {
      const pids = site.workers
      await blockMany(7)
      for (const pid of new Set([site.haraka.child.pid ?? 0, ...pids])) process.kill(pid, 'SIGTERM')
      await site.haraka.exited
      assert.equal(site.haraka.child.signalCode, 'SIGTERM')
      await untilAllGone(pids)
      assert.equal(decisions(site.blockLog()), 7 * probes.length)
    })

    it('by SIGINT: every process goes, and the next start completes the block log', async () => {
      const pids = site.workers
      await blockMany(7)
      assert.equal(await site.haraka.stop('SIGINT'), 0)
      await untilAllGone(pids)
      assert.equal(decisions(await journal()), 7 * probes.length)
      await site.start()
      await eventually(() => assert.equal(decisions(site.blockLog()), 7 * probes.length))
    })

    it('by SIGKILL: no process goes on alone, and the next start gates as before', async () => {
      const pids = site.workers
      await site.haraka.stop('SIGKILL')
      await untilAllGone(pids)
      for (const port of [site.smtpPort, site.imapPort])
        await assert.rejects(Dialogue.connect(port), { code: 'ECONNREFUSED' })
      await site.start()
      probes = await WorkerProbe.inEach(site, { user: await site.tag(USER, PHONE), pass: PASSWORD })
      await blockMany(1)
    })
  })
}

describe('Haraka replaces its workers (haraka --graceful)', () => {
  it('the old ones let nothing more through, the new ones gate, and no block is lost', async () => {
    const site = await HarakaSite.create({
      nodes: 2,
      policy: 'mode: enforce\n',
      upstreamPort: NO_UPSTREAM,
      users: { [USER]: PASSWORD },
    })
    try {
      await site.run('tag', 'rotate')
      await site.run('device', 'put', deviceLine({ id: PHONE, state: 'noncompliant' }))
      await site.start()
      const login = { user: await site.tag(USER, PHONE), pass: PASSWORD }
      const old = site.workers
      const probes = await WorkerProbe.inEach(site, login)
      for (const probe of probes) assert.equal(await probe.mail(), '550')
      const imap = await connectToEach(site.imapPort, old)

      assert.equal(await site.graceful(), 0)
      for (const session of imap.values())
        assert.match(await session.ended(), /\* BYE \[UNAVAILABLE\] Server shutting down\r\n$/)
      for (const probe of probes) assert.equal(await probe.mail(), '451')
      for (const probe of probes) probe.close()
      await eventually(() => assert.deepEqual(old.filter(isAlive), []))

      await site.haraka.until(/"imap listening"/, 4)
      for (const probe of await WorkerProbe.inEach(site, login)) {
        assert.equal(await probe.mail(), '550')
        probe.close()
      }
      await eventually(() => assert.equal(decisions(site.blockLog()), 4))
    } finally {
      await site.remove()
    }
  })
})
