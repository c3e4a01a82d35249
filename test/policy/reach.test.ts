import assert from 'node:assert/strict'
import fc from 'fast-check'

import type { Stage } from '../../src/policy/policy'
import { deadlineOf, placeOf } from '../../src/policy/reach'
import { devices } from './arbitraries'
import { FRIDAY_MANDATE } from './situation'

const ids = (count: number): string[] => Array.from({ length: count }, (_, i) => `d-${i}`)
const share = (mandate: string, below: number, among: readonly string[]): number =>
  among.filter((id) => placeOf(mandate, id) < below).length / among.length

describe('whom a stage reaches', () => {
  it('does not change between versions of this program: a device that was blocked would be let in', () => {
    const places = ['anna-iphone', 'd-1', 'd-2', ''].map((id) => placeOf('tiktok-2020-07', id).toFixed(3))
    assert.deepEqual(places, ['45.179', '26.436', '12.279', '73.310'])
  })

  it('is the share that was asked for, also of ids that differ in their last digits alone', () => {
    const fleet = ids(20_000)
    for (const percent of [1, 10, 50, 99])
      assert.ok(Math.abs(share('m', percent, fleet) - percent / 100) < 0.01, `${percent} %`)
  })

  it('is another part of the devices in each mandate', () => {
    const first = ids(20_000).filter((id) => placeOf('one', id) < 10)
    assert.ok(Math.abs(share('two', 10, first) - 0.1) < 0.03)
  })

  it('holds for every device at 100 % and goes on to hold when a share grows', () => {
    fc.assert(
      fc.property(
        devices(fc.string()),
        fc.uniqueArray(fc.double({ min: 0.01, max: 100, noNaN: true }), { minLength: 1, maxLength: 5 }),
        (device, drawn) => {
          const percents = [...drawn.toSorted((a, b) => a - b), 100]
          const stages: Stage[] = percents.map((percent, i) => ({ percent, from: i }))
          const first = deadlineOf({ ...FRIDAY_MANDATE, stages }, device, {})
          assert.ok(first < percents.length)
          for (const [from, percent] of percents.entries())
            assert.equal(from >= first, placeOf(FRIDAY_MANDATE.id, device.id) < percent)
        },
      ),
    )
  })
})
