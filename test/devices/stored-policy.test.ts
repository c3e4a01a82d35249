import assert from 'node:assert/strict'

import { readPolicyVersion } from '../../src/devices/stored'
import { CorruptRecordError } from '../../src/devices/store'
import { policy } from './samples'

const [mandate] = policy().mandates
const stored = (change: object = {}, groups?: unknown): string =>
  JSON.stringify({
    version: 1,
    author: 'ann',
    reason: 'an order',
    at: 0,
    sourceText: 'mode: enforce',
    policy: { ...policy(), groups, mandates: [{ ...mandate, ...change }] },
  })

describe('a stored policy', () => {
  const good: readonly (readonly [what: string, text: string])[] = [
    ['of before there was a ladder', stored()],
    [
      'with a ladder',
      stored(
        {
          mode: 'warn',
          groups: ['pilot'],
          until: 9,
          stages: [
            { from: 1, percent: 10 },
            { from: 2, groups: ['it'] },
          ],
        },
        { pilot: ['d-1'], it: ['anna@example.com'] },
      ),
    ],
  ]
  for (const [what, text] of good)
    it(`${what} is read`, () => assert.equal(readPolicyVersion(1, text).version, 1))

  const damaged: readonly (readonly [what: string, text: string])[] = [
    ['a mode that is none', stored({ mode: 'slient' })],
    ['an end that is no moment', stored({ until: 'never' })],
    ['stages that are no list', stored({ stages: { from: 1, percent: 10 } })],
    ['a stage without a moment', stored({ stages: [{ percent: 10 }] })],
    ['a stage without a share or groups', stored({ stages: [{ from: 1 }] })],
    ['groups of a mandate that are no list', stored({ groups: 'pilot' })],
    ['a group that is no list', stored({}, { pilot: 'anna@example.com' })],
  ]
  for (const [what, text] of damaged)
    it(`with ${what} is damaged, never an allow`, () =>
      assert.throws(() => readPolicyVersion(1, text), CorruptRecordError))
})
