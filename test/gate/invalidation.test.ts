import assert from 'node:assert/strict'
import sinon from 'sinon'

import { DecisionCache } from '../../src/gate/decision-cache'
import { Invalidation } from '../../src/gate/invalidation'
import { override, policy, record } from '../devices/samples'
import { FakeReplica } from './fake-replica'
import { anyDecision } from './samples'

const ANNA = 'anna@example.com'
const BOB = 'bob@example.com'
const POLL_MS = 50
const GATHER_MS = 2

/** One cached decision a source, so that what is left tells what was dropped. */
const SOURCES = [ANNA, BOB, 'd-1', 'd-2']
const without = (...dropped: string[]): string[] => SOURCES.filter((source) => !dropped.includes(source))

describe('invalidation', () => {
  let clock: sinon.SinonFakeTimers
  let replica: FakeReplica
  let cache: DecisionCache
  let faults: unknown[]
  let policyChanges: number
  let takenIn: number[]
  let invalidation: Invalidation

  const fill = (): void => {
    for (const user of [ANNA, BOB]) cache.set(user, anyDecision(), user, 0, { user, deviceIds: [] })
    for (const id of ['d-1', 'd-2']) cache.set(id, anyDecision(), id, 0, { user: '', deviceIds: [id] })
  }
  const left = (): string[] => SOURCES.filter((key) => cache.get(key, 0))

  beforeEach(() => {
    clock = sinon.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'setTimeout', 'clearTimeout'] })
    replica = new FakeReplica()
    replica.putDevice(record({ id: 'd-1', owners: [ANNA] }))
    cache = new DecisionCache()
    faults = []
    policyChanges = 0
    takenIn = []
    const decided = {
      dropUser: (user: string) => cache.dropUser(user),
      dropDevice: (id: string) => cache.dropDevice(id),
      outdateAll: () => {
        cache.outdateAll()
        policyChanges += 1
      },
    }
    invalidation = new Invalidation(replica, decided, {
      onTakenIn: (sequence) => takenIn.push(sequence),
      onFault: (error) => faults.push(error),
    })
    fill()
  })
  afterEach(() => {
    invalidation.close()
    clock.restore()
  })

  const changes: [name: string, change: () => void, left: string[]][] = [
    ['nothing', () => undefined, SOURCES],
    [
      'a device: its decisions and its owners’',
      () => replica.putDevice(record({ id: 'd-1', owners: [ANNA], version: 2 })),
      without('d-1', ANNA),
    ],
    [
      'a device that goes to another owner: both owners’',
      () => replica.putDevice(record({ id: 'd-1', owners: [BOB] })),
      without('d-1', ANNA, BOB),
    ],
    ['a new device', () => replica.putDevice(record({ id: 'd-2', owners: [BOB] })), without('d-2', BOB)],
    ['a forgotten device', () => replica.forgetDevice('d-1'), without('d-1', ANNA)],
    [
      'an override on a device',
      () => replica.putOverride(override({ subject: { kind: 'device', id: 'd-2' } })),
      without('d-2'),
    ],
    [
      'an override on a user',
      () => replica.putOverride(override({ kind: 'lock', subject: { kind: 'user', id: BOB } })),
      without(BOB),
    ],
    [
      'several at once: each',
      () => {
        replica.putOverride(override({ subject: { kind: 'user', id: ANNA } }))
        replica.removeOverride('exemption', { kind: 'user', id: ANNA })
        replica.putDevice(record({ id: 'd-2', owners: [] }))
      },
      without(ANNA, 'd-2'),
    ],
    ['a policy: everything', () => replica.applyPolicy(policy()), []],
    ['a mode override: everything', () => replica.setModeOverride('off'), []],
    [
      'a log that does not reach back: everything',
      () => {
        replica.forgetDevice('d-1')
        replica.cutLog()
      },
      [],
    ],
    ['a sequence that went back, as after a restore: everything', () => replica.restoreOlder(), []],
  ]
  for (const [name, change, expected] of changes) {
    it(`drops for ${name}`, () => {
      change()
      assert.deepEqual(left(), SOURCES, 'nothing is dropped before the poll')
      clock.tick(POLL_MS)
      assert.deepEqual(left(), expected)
      assert.equal(policyChanges, expected.length === 0 ? 1 : 0)
      fill()
      clock.tick(10 * POLL_MS)
      assert.deepEqual(left(), SOURCES, 'a change is taken in once')
      assert.deepEqual(faults, [])
    })
  }

  it('looks at once when it is told of a change, and once for several', () => {
    replica.forgetDevice('d-1')
    const read = sinon.spy(replica, 'sequence')
    for (let i = 0; i < 3; i += 1) replica.tellOfChange?.()
    assert.deepEqual(left(), SOURCES)
    clock.tick(GATHER_MS)
    assert.deepEqual(left(), without('d-1', ANNA))
    assert.equal(read.callCount, 1)
    replica.tellOfChange?.()
    clock.tick(GATHER_MS)
    assert.equal(read.callCount, 2)
  })

  it('goes on looking by itself, and says so, where the system can watch no more files', () => {
    invalidation.close()
    assert.equal(replica.tellOfChange, undefined)
    const failure = new Error('ENOSPC: System limit for number of file watchers reached')
    sinon.stub(replica, 'onChange').throws(failure)
    const decided = {
      dropUser: () => undefined,
      dropDevice: (id: string) => cache.dropDevice(id),
      outdateAll: () => undefined,
    }
    invalidation = new Invalidation(replica, decided, {
      onTakenIn: () => undefined,
      onFault: (error) => faults.push(error),
    })
    assert.deepEqual(faults, [failure])
    replica.forgetDevice('d-1')
    clock.tick(POLL_MS)
    assert.deepEqual(left(), without('d-1'))
  })

  it('drops everything when the lease of the store runs out, and again when it is renewed', () => {
    for (const lease of [false, true]) {
      replica.lease = lease
      clock.tick(POLL_MS)
      assert.deepEqual(left(), [])
      fill()
      clock.tick(10 * POLL_MS)
      assert.deepEqual(left(), SOURCES, 'once')
    }
    assert.equal(policyChanges, 2)
  })

  it('tells at once what it has taken in of what people ordered, of devices once a second', () => {
    const put = (version: number): void => replica.putDevice(record({ version }))
    const changes: [change: () => void, told: boolean][] = [
      [() => put(2), true],
      [() => put(3), false],
      [() => replica.applyPolicy(policy()), true],
      [() => replica.setModeOverride('off'), true],
      [() => replica.putOverride(override()), true],
      [() => put(4), false],
      [() => replica.restoreOlder(), true],
      [() => put(5), false],
    ]
    for (const [change, told] of changes) {
      takenIn = []
      change()
      clock.tick(POLL_MS)
      assert.deepEqual(takenIn, told ? [replica.sequence()] : [])
    }
    clock.tick(1000)
    assert.deepEqual(takenIn, [replica.sequence()], 'the last one too')
    clock.tick(5000)
    assert.equal(takenIn.length, 1)
  })

  it('takes 5000 changes in one by one, and outdates everything when there are more', () => {
    const many = (count: number): void => {
      for (let i = 0; i < count; i += 1) replica.putDevice(record({ id: 'd-2', owners: [], version: i }))
    }
    many(5000)
    clock.tick(POLL_MS)
    assert.deepEqual(left(), without('d-2'))
    fill()
    many(5001)
    clock.tick(POLL_MS)
    assert.deepEqual(left(), [])
    fill()
    replica.forgetDevice('d-1')
    clock.tick(POLL_MS)
    assert.deepEqual(left(), without('d-1', ANNA))
  })

  it('misses nothing and takes nothing twice when there are commits while it reads', () => {
    const commit = (id: string): void => replica.putOverride(override({ subject: { kind: 'user', id } }))
    commit('eve@example.com')
    const read = sinon.stub(replica, 'changesAfter').callsFake((after, limit) => {
      read.restore()
      commit(ANNA)
      const changes = replica.changesAfter(after, limit)
      commit(BOB)
      return changes
    })
    clock.tick(POLL_MS)
    assert.deepEqual(left(), without(ANNA))
    fill()
    clock.tick(POLL_MS)
    assert.deepEqual(left(), without(BOB))
  })

  for (const read of ['sequence', 'changesAfter'] as const) {
    it(`keeps everything while ${read} cannot be read, says so, and catches up`, () => {
      replica.forgetDevice('d-1')
      const failure = new Error('the disk is gone')
      const broken = sinon.stub(replica, read).throws(failure)
      clock.tick(2 * POLL_MS)
      assert.deepEqual(left(), SOURCES)
      assert.deepEqual(faults, [failure, failure])

      broken.restore()
      clock.tick(POLL_MS)
      assert.deepEqual(left(), without('d-1', ANNA))
    })
  }

  it('ends with close', () => {
    invalidation.close()
    replica.applyPolicy(policy())
    clock.tick(10 * POLL_MS)
    assert.deepEqual(left(), SOURCES)
  })
})
