import assert from 'node:assert/strict'
import path from 'node:path'

import { LmdbStore } from '../../src/devices/lmdb-store'
import { Pusher } from '../feeds/caep/pusher'
import { CaepSite, PASSWORD, USER } from '../support/caep-site'
import { eventually } from '../support/eventually'
import { WorkerProbe } from '../support/worker-probe'

const EVENTS = 600
const PHONES = Array.from({ length: 50 }, (_, i) => `phone-${i}`)

describe('events from a transmitter, to real Haraka', function () {
  this.timeout(180_000)
  let site: CaepSite
  let pusher: Pusher
  before(async () => {
    site = await CaepSite.start(PHONES, 1_000_000)
    pusher = new Pusher(() => site.url, 20)
  })
  after(async () => {
    pusher.close()
    await site.remove()
  })

  it('decide in every worker, at once', async () => {
    const login = { user: await site.haraka.tag(USER, 'phone-0'), pass: PASSWORD }
    const probes = await WorkerProbe.inEach(site.haraka, login)
    assert.deepEqual(await Promise.all(probes.map((probe) => probe.mail())), ['250', '250'])
    await pusher.push(await site.transmitter.change('phone-0', 'not-compliant'))
    for (const probe of probes) await eventually(async () => assert.equal(await probe.mail(), '550'))
    await pusher.push(await site.transmitter.change('phone-0', 'compliant'))
    for (const probe of probes) await eventually(async () => assert.equal(await probe.mail(), '250'))
    for (const probe of probes) probe.close()
  })

  it('are all there though the master is killed while they come', async () => {
    const start = Date.now()
    const expected = new Map<string, string>()
    const sets: string[] = []
    for (let i = 0; i < EVENTS; i += 1) {
      const id = PHONES[i % PHONES.length]!
      const isGood = Math.floor(i / PHONES.length) % 2 === 1
      const events = {
        'https://schemas.openid.net/secevent/caep/event-type/device-compliance-change': {
          previous_status: isGood ? 'not-compliant' : 'compliant',
          current_status: isGood ? 'compliant' : 'not-compliant',
          event_timestamp: (start + i) / 1000,
        },
      }
      sets.push(await site.transmitter.change(id, isGood ? 'compliant' : 'not-compliant', { events }))
      expected.set(id, isGood ? 'compliant' : 'noncompliant')
    }
    let taken = 0
    let killed: Promise<void> | undefined
    const pushed = sets.map(async (set) => {
      const done = await pusher.push(set)
      taken += 1
      if (taken === EVENTS / 3) killed = site.killMaster().then(() => site.startHaraka())
      return done
    })
    const tries = (await Promise.all(pushed)).filter((done) => done.tries > 1).length
    await killed
    assert.ok(tries > 0, 'none of them met the kill')
    await site.haraka.stop()
    const store = LmdbStore.open(path.join(site.haraka.dir, 'var'))
    for (const [id, state] of expected) assert.equal(store.device(id)?.state, state, id)
    await store.close()
  })
})
