import assert from 'node:assert/strict'

import fc from 'fast-check'

import { SortedRun, type StoredRecord } from '../../../src/devices/redis/sorted-run'

describe('a sorted run', () => {
  it('gives back all that was added, the same id twice too, in the order of ids', () => {
    const batches = fc.array(fc.array(fc.tuple(fc.string({ maxLength: 3 }), fc.string()), { maxLength: 20 }))
    fc.assert(
      fc.property(batches, fc.integer({ min: 1, max: 9 }), (added, size) => {
        const run = new SortedRun()
        for (const batch of added) run.add(batch)
        const taken = [...run.take(size)]
        const ids = taken.flat().map(([id]) => id)
        assert.deepEqual(ids, [...ids].sort())
        const text = (records: readonly StoredRecord[]): string[] =>
          records.map((one) => JSON.stringify(one)).sort()
        assert.deepEqual(text(taken.flat()), text(added.flat()))
        assert.ok(taken.slice(0, -1).every((some) => some.length === size))
        assert.deepEqual([...run.take(size)], [], 'it is empty afterwards')
      }),
    )
  })

  it('is full before it takes much memory', () => {
    const run = new SortedRun()
    const text = 'x'.repeat(1024 * 1024)
    let added = 0
    for (; !run.isFull; added += 1) run.add([[`d-${added}`, text]])
    assert.equal(added, 64)
    assert.equal([...run.take(10)].flat().length, 64)
    assert.equal(run.isFull, false)
  })
})
