import assert from 'node:assert/strict'
import fc from 'fast-check'

import { DecisionCache } from '../../src/gate/decision-cache'
import type { Sources } from '../../src/gate/source-index'
import { anyDecision } from './samples'

const from = (user: string, ...deviceIds: string[]): Sources => ({ user, deviceIds })
const NOBODY = from('')

describe('the decision cache', () => {
  it('gives back the very decision', () => {
    const cache = new DecisionCache()
    const decision = anyDecision()
    const kept = cache.set('k', decision, 'A', 0, NOBODY)
    assert.equal(cache.get('k', 0), kept)
    assert.deepEqual({ ...kept, ...decision, id: 'A' }, kept)
    assert.equal(cache.get('other', 0), undefined)
  })

  it('gives a decision from the moment it was made until the moment that ends it', () => {
    const cache = new DecisionCache()
    cache.set('k', anyDecision(200), 'A', 100, NOBODY)
    const holds = [99, 100, 199, 200, 201].filter((now) => cache.get('k', now) !== undefined)
    assert.deepEqual(holds, [100, 199])
  })

  it('counts from wherever the clock is put, for as long as it runs', () => {
    const cache = new DecisionCache()
    const year = 365 * 86_400_000
    const start = Date.UTC(2026, 10, 20)
    for (const now of [start, start + 20_000, start + year, start + 30 * year, start, 0, -year]) {
      assert.equal(cache.get('k', now), undefined, `at ${new Date(now).toISOString()}`)
      cache.set('k', anyDecision(now + 10), 'A', now, NOBODY)
      const holds = [now - 1, now, now + 9, now + 10].filter((at) => cache.get('k', at))
      assert.deepEqual(holds, [now, now + 9])
    }
    cache.set('for ever', anyDecision(), 'B', 0, NOBODY)
    assert.ok(cache.get('for ever', 20 * 86_400_000))
  })

  it('drops what was decided from a source, and nothing else', () => {
    const cache = new DecisionCache()
    cache.set('phone', anyDecision(), 'A', 0, from('anna', 'phone'))
    cache.set('laptop', anyDecision(), 'B', 0, from('anna', 'laptop'))
    cache.set('bob', anyDecision(), 'C', 0, from('bob'))
    const left = (): string[] => ['phone', 'laptop', 'bob'].filter((key) => cache.get(key, 0))

    cache.dropDevice('unknown')
    assert.deepEqual(left(), ['phone', 'laptop', 'bob'])
    cache.dropDevice('phone')
    assert.deepEqual(left(), ['laptop', 'bob'])
    cache.dropUser('anna')
    assert.deepEqual(left(), ['bob'])
  })

  it('outdates everything at once, and takes new decisions after it', () => {
    const cache = new DecisionCache()
    cache.set('a', anyDecision(), 'A', 0, from('anna'))
    cache.set('b', anyDecision(), 'B', 0, NOBODY)
    cache.outdateAll()
    assert.deepEqual([cache.get('a', 0), cache.get('b', 0)], [undefined, undefined])
    cache.set('a', anyDecision(), 'C', 0, from('anna'))
    assert.equal(cache.get('a', 0)?.id, 'C')
  })

  it('keeps the ones used last when it is full', () => {
    const cache = new DecisionCache(2)
    cache.set('a', anyDecision(), 'A', 0, NOBODY)
    cache.set('b', anyDecision(), 'B', 0, NOBODY)
    cache.get('a', 0)
    cache.set('c', anyDecision(), 'C', 0, NOBODY)
    assert.deepEqual(
      ['a', 'b', 'c'].map((key) => cache.get(key, 0)?.id),
      ['A', undefined, 'C'],
    )
  })

  it('forgets the sources of a decision that was replaced or pushed out', () => {
    const cache = new DecisionCache(1)
    cache.set('a', anyDecision(), 'A', 0, from('anna', 'old'))
    cache.set('a', anyDecision(), 'B', 0, from('anna', 'new'))
    cache.dropDevice('old')
    assert.equal(cache.get('a', 0)?.id, 'B')
    cache.set('b', anyDecision(), 'C', 0, NOBODY)
    cache.set('a', anyDecision(), 'D', 0, NOBODY)
    cache.dropDevice('new')
    assert.equal(cache.get('a', 0)?.id, 'D')
  })

  it('agrees with a plain list, whatever is done to it', () => {
    const key = fc.constantFrom('a', 'b', 'c', 'd', 'e')
    const user = fc.constantFrom('anna', 'bob')
    const id = fc.constantFrom('phone', 'laptop')
    const sources = fc.record({ user, deviceIds: fc.uniqueArray(id) })
    const act = fc.oneof(
      { weight: 4, arbitrary: fc.record({ do: fc.constant('set'), key, sources }) },
      { weight: 4, arbitrary: fc.record({ do: fc.constant('get'), key }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('dropUser'), user }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('dropDevice'), id }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('outdateAll') }) },
    )
    fc.assert(
      fc.property(fc.array(act, { maxLength: 60 }), (acts) => {
        const cache = new DecisionCache(3)
        // Least recently used first.
        let model: { key: string; id: string; sources: Sources; outdated: boolean }[] = []
        const taken = (key: string) => {
          const found = model.find((entry) => entry.key === key)
          model = model.filter((entry) => entry !== found)
          return found
        }
        acts.forEach((act, index) => {
          if ('sources' in act) {
            cache.set(act.key, anyDecision(), String(index), 0, act.sources)
            taken(act.key)
            model = [...model.slice(-2), { ...act, id: String(index), outdated: false }]
          } else if ('key' in act) {
            const found = taken(act.key)
            if (found) model.push(found)
            assert.equal(cache.get(act.key, 0)?.id, found?.outdated ? undefined : found?.id)
          } else if ('user' in act) {
            cache.dropUser(act.user)
            model = model.filter(({ sources }) => sources.user !== act.user)
          } else if ('id' in act) {
            cache.dropDevice(act.id)
            model = model.filter(({ sources }) => !sources.deviceIds.includes(act.id))
          } else {
            cache.outdateAll()
            model = model.map((entry) => ({ ...entry, outdated: true }))
          }
        })
      }),
      { numRuns: 1000 },
    )
  })
})
