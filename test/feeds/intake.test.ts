import assert from 'node:assert/strict'

import { FeedError } from '../../src/feeds/feed-error'
import { FeedDesk } from '../../src/feeds/feed-desk'
import { AT, BY, policy } from '../devices/samples'
import { tempDirs } from '../support/temp-dir'
import { definition, device, devices, FeedSite, MDM, pageOf } from './feed-site'

const HOUR_MS = 3_600_000
const CUT = new FeedError('unreachable', 'the source broke off')

describe('the intake of a feed', () => {
  const tempDir = tempDirs()
  let site: FeedSite
  beforeEach(() => {
    site = new FeedSite(tempDir())
  })
  afterEach(() => site.close())

  const held = (): number => site.database.asideCount(MDM)

  describe('orders what the source says', () => {
    it('takes the newest of several versions, in one page or in many, whatever their order', async () => {
      const versions = [3, 1, 4, 2].map((version) =>
        device('d-1', { version, state: version === 4 ? 'grace' : 'unknown' }),
      )
      await site.sweep([pageOf(versions.slice(0, 2)), pageOf(versions.slice(2)), pageOf(versions)])
      assert.deepEqual(site.replica().get('d-1'), versions[2])
    })

    it('knows a newer version also when it was not worth writing', async () => {
      await site.sweep([pageOf([device('d-1')])])
      await site.sweep([pageOf([device('d-1', { version: 3, evidenceAt: AT + 1000 })])])
      assert.equal(site.replica().get('d-1')?.version, 1)
      const change = { id: 'd-1', state: 'noncompliant', at: 2 } as const
      assert.deepEqual(await site.intake.take(MDM, [{ place: 'late', change }]), ['older'])
      assert.equal(site.replica().get('d-1')?.state, 'compliant')
    })

    it('knows how new news was after a crash too, though it changed nothing', async () => {
      await site.sweep([pageOf([device('d-1')])])
      const news = (state: 'compliant' | 'noncompliant', at: number) => [
        { place: 'event', change: { id: 'd-1', state, at } },
      ]
      assert.deepEqual(await site.intake.take(MDM, news('compliant', AT + 2)), ['applied'])
      site.restart()
      assert.deepEqual(await site.intake.take(MDM, news('noncompliant', AT + 1)), ['older'])
      assert.deepEqual(await site.intake.take(MDM, news('compliant', AT + 2)), ['unchanged'])
    })

    it('makes no device of news about one that nobody reported', async () => {
      const change = { id: 'd-9', state: 'noncompliant', at: AT } as const
      assert.deepEqual(await site.intake.take(MDM, [{ place: 'event', change }]), ['unknown'])
      assert.equal(site.replica().size, 0)
    })

    it('lets news change just the state, and the evidence of it', async () => {
      const before = device('d-1', { findings: ['os:outdated'] })
      await site.sweep([pageOf([before])])
      const change = { id: 'd-1', state: 'noncompliant', at: AT + 60_000 } as const
      assert.deepEqual(await site.intake.take(MDM, [{ place: 'event', change }]), ['applied'])
      const after = { ...before, state: 'noncompliant', version: AT + 60_000, evidenceAt: AT + 60_000 }
      assert.deepEqual(site.replica().get('d-1'), after)
    })

    it('does not believe news that is older than what another source saw', async () => {
      await site.store.putDevices([device('d-1', { source: 'import' })])
      const change = { id: 'd-1', state: 'noncompliant', at: AT - 1 } as const
      assert.deepEqual(await site.intake.take(MDM, [{ place: 'event', change }]), ['older'])
    })
  })

  describe('writes no more than it must', () => {
    it('writes nothing for a sweep that says the same again', async () => {
      await site.sweep([pageOf(devices(50))])
      const sequence = site.store.sequence()
      const fresher = devices(50, { version: 2, evidenceAt: AT + HOUR_MS })
      site.now = AT + HOUR_MS
      const { applied, unchanged } = await site.sweep([pageOf(fresher)])
      assert.deepEqual([applied, unchanged, site.store.sequence()], [0, 50, sequence])
    })

    it('writes fresher evidence before a tenth of the time is over after which it is stale', async () => {
      await site.store.applyPolicy(policy(), 'a policy', BY)
      await site.sweep([pageOf([device('d-1')])])
      for (const [hours, written] of [
        [16, 0],
        [17, 1],
      ] as const) {
        site.now = AT + hours * HOUR_MS
        const fresher = device('d-1', { version: 2 + hours, evidenceAt: site.now - 1 })
        assert.equal((await site.sweep([pageOf([fresher])])).applied, written, `after ${hours} h`)
      }
    })

    it('writes a change at once, however small', async () => {
      await site.sweep([pageOf([device('d-1')])])
      for (const change of [{ owners: [] }, { findings: ['app:x'] }, { platform: 'android' }] as const) {
        const { version } = site.replica().get('d-1')!
        assert.equal(
          (await site.sweep([pageOf([device('d-1', { ...change, version: version + 1 })])])).applied,
          1,
        )
      }
    })
  })

  describe('sees who is gone', () => {
    beforeEach(() => site.sweep([pageOf(devices(5))]))

    it('after a complete sweep: such a device becomes unknown, and keeps what was found on it', async () => {
      const { gone } = await site.sweep([pageOf(devices(3)), []])
      assert.equal(gone, 2)
      const { state, findings } = site.replica().get('d-4')!
      assert.deepEqual([state, findings], ['unknown', ['source:gone']])
      assert.equal((await site.sweep([pageOf(devices(3))])).gone, 0)
    })

    it('never after one that broke off', async () => {
      const { gone, error } = await site.sweep([pageOf(devices(3)), CUT])
      assert.deepEqual([gone, error], [0, CUT])
      assert.ok([...site.replica().values()].every(({ state }) => state === 'compliant'))
    })

    it('takes it as it was when it comes back, with the same version too', async () => {
      await site.sweep([pageOf(devices(4))])
      await site.sweep([pageOf(devices(5))])
      assert.deepEqual(site.replica().get('d-4'), device('d-4'))
    })

    for (const [gone, left] of [
      ['keep', 'compliant'],
      ['forget', undefined],
    ] as const)
      it(`or leaves it to the rule: ${gone}`, async () => {
        await site.sweep([pageOf(devices(4))], { gone })
        assert.equal(site.replica().get('d-4')?.state, left)
      })

    it('takes no device for gone whose record is bad, nor any when a bad record has no id', async () => {
      const bad = { place: 'line 5', problem: 'state: "fine" is none', id: 'd-4' }
      assert.equal((await site.sweep([[...pageOf(devices(4)), bad]])).gone, 0)
      const { gone, goneHeld } = await site.sweep([
        [...pageOf(devices(3)), { place: 'line 4', problem: 'not JSON' }],
      ])
      assert.equal(gone, 0)
      assert.match(goneHeld ?? '', /1 records without an id/)
    })

    it('does not believe a sweep that brings fewer than half of them, until somebody confirms it', async () => {
      const { gone, goneHeld } = await site.sweep([pageOf(devices(2))])
      assert.equal(gone, 0)
      assert.match(goneHeld ?? '', /2 of 5 devices/)
      assert.match(site.trips.join(), /brought 2 devices, the one before 5/)
      assert.ok(site.intake.isHeld())
      site.now += 1
      const desk = new FeedDesk(site.store)
      await desk.add(definition(), BY)
      await desk.release(MDM, { ...BY, at: site.now }, 3)
      await site.intake.settle()
      assert.ok(!site.intake.isHeld())
      assert.equal((await site.sweep([pageOf(devices(2))])).gone, 3)
    })

    it('takes the devices of others for none of its own', async () => {
      await site.store.putDevices([device('other', { source: 'import' })])
      await site.sweep([pageOf(devices(4))])
      assert.equal(site.replica().get('other')?.state, 'compliant')
    })
  })

  describe('has a breaker', () => {
    const turned = (count: number, version = 2) => devices(count, { state: 'noncompliant', version })
    const desk = (): FeedDesk => new FeedDesk(site.store)

    beforeEach(async () => {
      await site.close()
      site = new FeedSite(site.dir, { percent: 5, count: 50, windowS: 3600 })
      await desk().add(definition(), BY)
      await site.sweep([pageOf(devices(100))])
      assert.deepEqual(site.trips, [], 'the first sweep of a source turns nobody')
    })

    it('lets pass what is within the bound', async () => {
      assert.equal((await site.sweep([pageOf(turned(5).concat(devices(100).slice(5)))])).applied, 5)
      assert.deepEqual([site.trips, held()], [[], 0])
    })

    it('holds a page that turns more: nobody is turned, everything else is written', async () => {
      const page = [
        ...turned(6),
        ...devices(100).slice(6, 99),
        device('d-99', { version: 2, findings: ['app:x'] }),
      ]
      const report = await site.sweep([pageOf([...page, device('new', { state: 'noncompliant' })])])
      assert.deepEqual([report.held, report.applied], [6, 2])
      assert.match(site.trips.join(), /turn 6 of 100 devices, its breaker allows 5/)
      const replica = site.replica()
      for (let i = 0; i < 100; i += 1) assert.equal(replica.get(`d-${i}`)?.state, 'compliant', `d-${i}`)
      assert.deepEqual(replica.get('d-99')?.findings, ['app:x'])
      assert.equal(replica.get('new')?.state, 'noncompliant')
    })

    it('counts over pages and restarts, and forgets what is older than its window', async () => {
      const change = (id: number) => pageOf([device(`d-${id}`, { version: 2, state: 'noncompliant' })])
      for (let i = 0; i < 5; i += 1) {
        await site.intake.take(MDM, change(i))
        site.restart()
      }
      site.now += HOUR_MS + 60_000
      assert.deepEqual(await site.intake.take(MDM, change(5)), ['applied'])
      for (let i = 6; i < 10; i += 1) assert.deepEqual(await site.intake.take(MDM, change(i)), ['applied'])
      assert.deepEqual(await site.intake.take(MDM, change(10)), ['held'])
    })

    it('counts those that become compliant too, and those that come into the reach of a mandate', async () => {
      await site.store.applyPolicy(policy(), 'a policy', BY)
      const found = devices(6, { version: 2, findings: ['app:com.example.game'] })
      assert.equal((await site.sweep([pageOf([...found, ...devices(100).slice(6)])])).held, 6)
      assert.equal(site.trips.length, 1)
    })

    const mandates = [{ ...policy().mandates[0]!, finding: 'app:game', appIds: ['app:com.example.game'] }]
    for (const finding of ['app:com.example.game', 'unseen:app'])
      it(`counts those that gain ${finding}, where that turns them`, async () => {
        const gained = devices(6, { version: 2, findings: [finding] })
        await site.store.applyPolicy(policy({ mandates, unknown: 'block' }), 'a policy', BY)
        assert.equal((await site.sweep([pageOf([...gained, ...devices(100).slice(6)])])).held, 6)
      })

    it('counts nobody of whom a mandate could see no apps, where unknown devices are let in', async () => {
      await site.store.applyPolicy(policy({ mandates, unknown: 'allow' }), 'a policy', BY)
      const unseen = devices(6, { version: 2, findings: ['unseen:app'] })
      assert.equal((await site.sweep([pageOf([...unseen, ...devices(100).slice(6)])])).held, 0)
    })

    it('writes what was set aside when it is released with the figure, the newest of each device', async () => {
      await site.sweep([pageOf(turned(30)), pageOf(turned(30, 3)), pageOf(devices(100).slice(30))])
      assert.equal(held(), 30)
      site.now += 1
      await desk().release(MDM, { ...BY, at: site.now }, 30)
      await site.intake.settle()
      const replica = site.replica()
      for (let i = 0; i < 100; i += 1)
        assert.deepEqual(replica.get(`d-${i}`), i < 30 ? turned(30, 3)[i] : device(`d-${i}`))
      assert.deepEqual([held(), site.intake.isHeld()], [0, false])
      // The window starts anew.
      const back = device('d-0', { version: 4, state: 'compliant' })
      assert.deepEqual(await site.intake.take(MDM, pageOf([back])), ['applied'])
    })

    it('throws it away when it is dropped: the devices stay as they are', async () => {
      await site.sweep([pageOf(turned(30)), pageOf(devices(100).slice(30))])
      site.now += 1
      await desk().drop(MDM, { ...BY, at: site.now }, 30)
      await site.intake.settle()
      assert.deepEqual([held(), site.intake.isHeld()], [0, false])
      assert.ok([...site.replica().values()].every(({ state }) => state === 'compliant'))
    })

    it('sets nothing aside any more of a device of which the source says that it is as before', async () => {
      await site.sweep([pageOf(turned(30)), pageOf(devices(100).slice(30))])
      const asBefore = devices(100, { version: 3 })
      await site.sweep([pageOf(asBefore)])
      assert.equal(held(), 0)
      assert.ok(site.intake.isHeld(), 'a person looks at it all the same')
    })

    it('stays held over a restart, and holds events for the same source too', async () => {
      await site.sweep([pageOf(turned(30)), pageOf(devices(100).slice(30))])
      site.restart()
      const change = { id: 'd-50', state: 'noncompliant', at: AT + 5 } as const
      assert.deepEqual(await site.intake.take('events', [{ place: 'event', change }]), ['held'])
      assert.equal(site.replica().get('d-50')?.state, 'compliant')
    })

    it('is held by hand until it is released', async () => {
      await desk().hold(MDM, BY)
      assert.equal((await site.sweep([pageOf([...turned(1), ...devices(100).slice(1)])])).held, 1)
      await desk().release(MDM, { ...BY, at: AT + 1 }, 1)
      await site.intake.settle()
      assert.equal(site.replica().get('d-0')?.state, 'noncompliant')
    })
  })

  it('keeps nothing of a page that could not be written, and takes it when it comes again', async () => {
    const fail = site.store.putDevices.bind(site.store)
    site.store.putDevices = () => Promise.reject(new Error('the disk is full'))
    await assert.rejects(site.intake.take(MDM, pageOf(devices(2)), ['event-1']), /disk is full/)
    site.database.refresh()
    assert.ok(!site.database.isKnown(MDM, 'event-1', AT))
    site.store.putDevices = fail
    assert.deepEqual(await site.intake.take(MDM, pageOf(devices(2)), ['event-1']), ['applied', 'applied'])
    site.database.refresh()
    assert.ok(site.database.isKnown(MDM, 'event-1', AT))
  })
})
