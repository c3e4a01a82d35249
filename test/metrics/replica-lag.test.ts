import assert from 'node:assert/strict'

import { ReplicaLag } from '../../src/metrics/replica-lag'

const PIDS = [1, 2]

/** At each moment: where the replica is, where each worker is (null: it has not begun), and the lag then. */
type Look = readonly [at: number, sequence: number, workers: readonly (number | null)[], lag: number]

const stories: Readonly<Record<string, readonly Look[]>> = {
  'is 0 where all have taken in everything': [
    [0, 5, [5, 5], 0],
    [1000, 9, [9, 9], 0],
  ],
  'is the time since the first change that the slowest has not taken in': [
    [0, 5, [5, 5], 0],
    [1000, 6, [5, 6], 0],
    [2000, 6, [5, 6], 1000],
    [3000, 7, [5, 7], 2000],
    [4000, 7, [6, 7], 1000],
    [5000, 7, [7, 7], 0],
  ],
  'stays small under a stream of changes that are taken in a moment later': [
    [0, 10, [10, 10], 0],
    [1000, 20, [18, 20], 0],
    [2000, 30, [28, 29], 0],
    [3000, 40, [35, 39], 0],
  ],
  'counts from when a worker is first seen until it begins to decide': [
    [0, 5, [5, null], 0],
    [1000, 5, [5, null], 1000],
    [2000, 5, [5, 5], 0],
  ],
  'begins anew where the replica was put back': [
    [0, 5, [5, 5], 0],
    [1000, 9, [5, 9], 0],
    [2000, 3, [3, 3], 0],
    [3000, 4, [3, 4], 0],
    [4000, 4, [3, 4], 1000],
  ],
}

describe('how far the slowest worker is behind', () => {
  for (const [title, looks] of Object.entries(stories)) {
    it(title, () => {
      const lag = new ReplicaLag()
      for (const [at, sequence, workers, expected] of looks) {
        const progress = PIDS.flatMap((pid, index) => {
          const its = workers[index]
          return typeof its === 'number' ? { pid, sequence: its } : []
        })
        assert.equal(lag.look(at, sequence, PIDS, progress), expected, `at ${at}`)
      }
    })
  }

  it('is no longer that of a worker that is gone', () => {
    const lag = new ReplicaLag()
    const slow = { pid: 1, sequence: 5 }
    lag.look(0, 6, PIDS, [slow, { pid: 2, sequence: 6 }])
    assert.equal(lag.look(9000, 6, PIDS, [slow, { pid: 2, sequence: 6 }]), 9000)
    assert.equal(lag.look(10_000, 6, [2], [{ pid: 2, sequence: 6 }]), 0)
    // Another process under its pid has a time of its own.
    assert.equal(lag.look(11_000, 6, PIDS, [{ pid: 2, sequence: 6 }]), 0)
    assert.equal(lag.look(13_000, 6, PIDS, [{ pid: 2, sequence: 6 }]), 2000)
  })

  it('is known for as long as it lasts, however often the replica changes meanwhile', () => {
    const lag = new ReplicaLag()
    const progress = [{ pid: 1, sequence: 1 }]
    for (let second = 0; second < 3000; second += 1)
      assert.equal(lag.look(second * 1000, second + 2, [1], progress), second * 1000)
  })
})
