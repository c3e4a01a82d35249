import assert from 'node:assert/strict'

import type { Mandate } from '../../src/policy/policy'
import { validatePolicy } from '../../src/policy/validation'
import { FRIDAY_MANDATE, POLICY } from './situation'

const mandate = (change: Partial<Mandate>): Mandate => ({ ...FRIDAY_MANDATE, ...change })
const { deadline } = FRIDAY_MANDATE

describe('validating a policy', () => {
  const good: [name: string, mandates: Mandate[]][] = [
    ['no mandates', []],
    ['one mandate', [FRIDAY_MANDATE]],
    ['two mandates about the same finding', [FRIDAY_MANDATE, mandate({ id: 'tiktok-2021' })]],
    ['a deadline without a warning before it', [mandate({ warnFrom: deadline })]],
    ['an end after the deadline', [mandate({ until: deadline + 1 })]],
    [
      'groups and a growing share by turns',
      [
        mandate({
          stages: [
            { groups: ['pilot'], from: deadline },
            { percent: 10, from: deadline + 1 },
            { groups: ['it'], from: deadline + 2 },
            { percent: 100, from: deadline + 3 },
          ],
        }),
      ],
    ],
  ]
  for (const [name, mandates] of good) {
    it(`takes ${name}`, () =>
      assert.deepEqual(validatePolicy({ ...POLICY, groups: { pilot: ['d-1'], it: ['d-2'] }, mandates }), []))
  }

  it('refuses a mandate id that is used twice, at each later use', () => {
    const mandates = [FRIDAY_MANDATE, mandate({ id: 'other' }), FRIDAY_MANDATE, FRIDAY_MANDATE]
    const problem = '"tiktok-2020-07" is already the id of mandates[0]; give each its own'
    assert.deepEqual(validatePolicy({ mandates }), [
      { path: ['mandates', 2, 'id'], problem },
      { path: ['mandates', 3, 'id'], problem },
    ])
  })

  it('refuses a deadline before warn_from', () => {
    const mandates = [FRIDAY_MANDATE, mandate({ id: 'late', warnFrom: deadline + 1 })]
    assert.deepEqual(validatePolicy({ mandates }), [
      { path: ['mandates', 1, 'deadline'], problem: 'is before warn_from; nobody would be warned' },
    ])
  })

  it('tells all that is wrong at once', () => {
    const mandates = [FRIDAY_MANDATE, mandate({ warnFrom: deadline + 1 })]
    assert.deepEqual(
      validatePolicy({ mandates }).map(({ path }) => path),
      [
        ['mandates', 1, 'id'],
        ['mandates', 1, 'deadline'],
      ],
    )
  })
})
