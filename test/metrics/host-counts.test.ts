import assert from 'node:assert/strict'
import fc from 'fast-check'

import { HostCounts, type ProcessCount } from '../../src/metrics/host-counts'

describe('the counts of a host', () => {
  let told: Map<string, ProcessCount>
  let alive: Set<number>
  let removals: { readonly counts: readonly ProcessCount[]; readonly done: () => void }[]
  let faults: unknown[]
  let host: HostCounts

  beforeEach(() => {
    told = new Map()
    alive = new Set()
    removals = []
    faults = []
    host = new HostCounts({
      all: () => [...told.values()],
      remove: (counts) => new Promise((done) => removals.push({ counts, done })),
      isAlive: (pid) => alive.has(pid),
      onFault: (error) => faults.push(error),
    })
  })
  afterEach(() => assert.deepEqual(faults, []))

  const tell = (pid: number, logins: number, startedAt = 0): void => {
    alive.add(pid)
    told.set(`${pid} ${startedAt}`, { pid, startedAt, counted: { logins } })
  }
  /** Takes effect some time after it was asked for, as a write does. */
  const commitRemovals = async (): Promise<void> => {
    for (const { counts, done } of removals.splice(0)) {
      for (const { pid, startedAt } of counts) told.delete(`${pid} ${startedAt}`)
      done()
    }
    await Promise.resolve()
    await Promise.resolve()
  }
  const logins = (): number | undefined => host.sum()['logins']

  it('are the sum of what its processes told last', () => {
    tell(1, 10)
    tell(2, 5)
    assert.equal(logins(), 15)
    tell(1, 11)
    assert.equal(logins(), 16)
  })

  it('keep what a process counted that ended, once', async () => {
    tell(1, 10)
    tell(2, 5)
    alive.delete(1)
    assert.equal(logins(), 15)
    assert.equal(logins(), 15)
    await commitRemovals()
    assert.equal(told.size, 1)
    assert.equal(logins(), 15)
    tell(2, 6)
    assert.equal(logins(), 16)
  })

  it('tell a process from one before it with the same pid', async () => {
    tell(1, 10, 1000)
    alive.delete(1)
    assert.equal(logins(), 10)
    tell(1, 3, 2000)
    assert.equal(logins(), 13)
    await commitRemovals()
    assert.equal(logins(), 13)
  })

  it('have the last that a process told, also where it ends while they are read', () => {
    tell(1, 10)
    const racing = new HostCounts({
      all: () => {
        const counts = [...told.values()]
        // Between two reads: it tells its last, and ends.
        tell(1, 12)
        return counts
      },
      remove: () => Promise.resolve(),
      isAlive: (pid) => {
        alive.delete(pid)
        return alive.has(pid)
      },
      onFault: (error) => faults.push(error),
    })
    assert.equal(racing.sum()['logins'], 12)
  })

  it('never go down, whoever counts, ends and is removed when', async () => {
    const event = fc.oneof(
      fc.record({ kind: fc.constant('count' as const), pid: fc.integer({ min: 1, max: 3 }) }),
      fc.record({ kind: fc.constant('end' as const), pid: fc.integer({ min: 1, max: 3 }) }),
      fc.record({ kind: fc.constant('commit' as const), pid: fc.constant(0) }),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(event, { maxLength: 60 }), async (events) => {
        told.clear()
        alive.clear()
        removals.length = 0
        const fresh = new HostCounts({
          all: () => [...told.values()],
          remove: (counts) => new Promise((done) => removals.push({ counts, done })),
          isAlive: (pid) => alive.has(pid),
          onFault: (error) => faults.push(error),
        })
        let [total, starts] = [0, 0]
        const running = new Map<number, { startedAt: number; logins: number }>()
        for (const { kind, pid } of events) {
          if (kind === 'commit') await commitRemovals()
          else if (kind === 'end') {
            alive.delete(pid)
            running.delete(pid)
            // The control plane looks each second, and a pid is not given out again so soon.
            fresh.sum()
          } else {
            const one = running.get(pid) ?? { startedAt: (starts += 1), logins: 0 }
            one.logins += 1
            total += 1
            running.set(pid, one)
            tell(pid, one.logins, one.startedAt)
          }
          assert.equal(fresh.sum()['logins'] ?? 0, total)
        }
      }),
    )
  })
})
