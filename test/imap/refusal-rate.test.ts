import assert from 'node:assert/strict'

import { RefusalRate } from '../../src/imap/refusal-rate'

describe('the rate of refusals', () => {
  const refuse = (rate: RefusalRate, subject: string, count: number, now: number): boolean[] =>
    Array.from({ length: count }, () => rate.exceeds(subject, now))

  it('lets a subject be refused ten times a minute at once, then no more', () => {
    const rate = new RefusalRate()
    assert.deepEqual(refuse(rate, 'anna', 12, 0), [...Array<boolean>(10).fill(false), true, true])
    assert.equal(rate.exceeds('anna', 59_999), true)
    assert.equal(rate.exceeds('anna', 60_000), false)
  })

  it('counts each subject by itself', () => {
    const rate = new RefusalRate()
    refuse(rate, 'anna', 20, 0)
    assert.equal(rate.exceeds('bob', 0), false)
  })

  it('remembers the newest ten thousand subjects', () => {
    const rate = new RefusalRate()
    refuse(rate, 'first', 20, 0)
    for (let i = 0; i < 9999; i += 1) rate.exceeds(`other ${i}`, 0)
    assert.equal(rate.exceeds('first', 0), true)
    rate.exceeds('one more', 0)
    assert.equal(rate.exceeds('first', 0), false)
  })
})
