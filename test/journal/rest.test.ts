import assert from 'node:assert/strict'
import sinon from 'sinon'

import { rests } from '../../src/journal/rest'

describe('rests between slices of work', () => {
  let clock: sinon.SinonFakeTimers
  beforeEach(() => (clock = sinon.useFakeTimers()))
  afterEach(() => clock.restore())

  it('last twice as long as the slice took, so that the work takes a third of the time', async () => {
    const rest = rests()
    for (const { sliceMs, restMs } of [
      { sliceMs: 2, restMs: 4 },
      { sliceMs: 50, restMs: 100 },
      { sliceMs: 1, restMs: 2 },
    ]) {
      clock.tick(sliceMs)
      let isOver = false
      const resting = rest().then(() => (isOver = true))
      await clock.tickAsync(restMs - 1)
      assert.equal(isOver, false, `a rest of ${restMs} ms`)
      await clock.tickAsync(1)
      assert.equal(isOver, true)
      await resting
    }
  })
})
