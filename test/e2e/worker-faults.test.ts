import assert from 'node:assert/strict'

import { deviceLine } from '../support/device-line'
import { Dovecot } from '../support/dovecot'
import { eventually } from '../support/eventually'
import { HarakaSite } from '../support/haraka-site'
import { connectToEach, WorkerProbe } from '../support/worker-probe'

const USER = 'anna@example.com'
const PASSWORD = 'secret'

describe('when a worker is killed', () => {
  let dovecot: Dovecot
  let site: HarakaSite

  before(async () => {
    dovecot = await Dovecot.start({ users: { [USER]: PASSWORD } })
    site = await HarakaSite.create({
      nodes: 2,
      policy: 'mode: enforce\n',
      upstreamPort: dovecot.port,
      users: { [USER]: PASSWORD },
    })
    await site.run('tag', 'rotate')
    await site.run('device', 'put', deviceLine({ id: 'good-phone' }))
    await site.run('device', 'put', deviceLine({ id: 'bad-phone', state: 'noncompliant' }))
    await site.start()
  })
  after(async () => {
    await site.remove()
    await dovecot.remove()
  })

  for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
    it(`by ${signal}, the sessions of the other go on, and the master starts one that gates`, async () => {
      const before = site.workers
      const sessions = await connectToEach(site.imapPort, before)
      for (const session of sessions.values()) {
        await session.until(/^\* OK /)
        await session.ask(`a LOGIN ${await site.tag(USER, 'good-phone')} ${PASSWORD}`, /^a OK /)
      }
      const [killed = 0, other = 0] = before
      process.kill(killed, signal)
      await sessions.get(killed)?.ended()
      assert.match((await sessions.get(other)?.ask('b NOOP', /^b /)) ?? '', /^b OK /)

      const now = await eventually(() => {
        const alive = site.workers
        assert.equal(alive.length, 2)
        assert.ok(!alive.includes(killed))
        return alive
      })
      const login = { user: await site.tag(USER, 'bad-phone'), pass: PASSWORD }
      const probes = await WorkerProbe.inEach(site, login, now)
      for (const probe of probes) {
        assert.equal(await probe.mail(), '550')
        probe.close()
      }
      const doors = await connectToEach(site.imapPort, now)
      for (const door of doors.values()) {
        await door.until(/^\* OK /)
        assert.match(await door.ask(`a LOGIN ${login.user} ${PASSWORD}`, /^a /), /^a NO \[CONTACTADMIN\] /m)
        door.close()
      }
      sessions.get(other)?.close()
    })
  }
})
