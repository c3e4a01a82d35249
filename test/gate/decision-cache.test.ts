import assert from 'node:assert/strict'
import fc from 'fast-check'

import { DecisionCache } from '../../src/gate/decision-cache'
import { finished } from './samples'

describe('the decision cache', () => {
  it('gives back the very decision', () => {
    const cache = new DecisionCache()
    const decision = finished('A')
    cache.set('k', decision, 0, [])
    assert.equal(cache.get('k', 0), decision)
    assert.equal(cache.get('other', 0), undefined)
  })

  it('gives a decision from the moment it was made until the moment that ends it', () => {
    const cache = new DecisionCache()
    cache.set('k', finished('A', 200), 100, [])
    const holds = [99, 100, 199, 200, 201].filter((now) => cache.get('k', now) !== undefined)
    assert.deepEqual(holds, [100, 199])
  })

  it('drops what was decided from a source, and nothing else', () => {
    const cache = new DecisionCache()
    cache.set('phone', finished('A'), 0, ['u:anna', 'd:phone'])
    cache.set('laptop', finished('B'), 0, ['u:anna', 'd:laptop'])
    cache.set('bob', finished('C'), 0, ['u:bob'])
    const left = (): string[] => ['phone', 'laptop', 'bob'].filter((key) => cache.get(key, 0))

    cache.drop('d:unknown')
    assert.deepEqual(left(), ['phone', 'laptop', 'bob'])
    cache.drop('d:phone')
    assert.deepEqual(left(), ['laptop', 'bob'])
    cache.drop('u:anna')
    assert.deepEqual(left(), ['bob'])
  })

  it('outdates everything at once, and takes new decisions after it', () => {
    const cache = new DecisionCache()
    cache.set('a', finished('A'), 0, ['u:anna'])
    cache.set('b', finished('B'), 0, [])
    cache.outdateAll()
    assert.deepEqual([cache.get('a', 0), cache.get('b', 0)], [undefined, undefined])
    cache.set('a', finished('C'), 0, ['u:anna'])
    assert.equal(cache.get('a', 0)?.id, 'C')
  })

  it('keeps the ones used last when it is full', () => {
    const cache = new DecisionCache(2)
    cache.set('a', finished('A'), 0, [])
    cache.set('b', finished('B'), 0, [])
    cache.get('a', 0)
    cache.set('c', finished('C'), 0, [])
    assert.deepEqual(
      ['a', 'b', 'c'].map((key) => cache.get(key, 0)?.id),
      ['A', undefined, 'C'],
    )
  })

  it('forgets the sources of a decision that was replaced or pushed out', () => {
    const cache = new DecisionCache(1)
    cache.set('a', finished('A'), 0, ['d:old'])
    cache.set('a', finished('B'), 0, ['d:new'])
    cache.drop('d:old')
    assert.equal(cache.get('a', 0)?.id, 'B')
    cache.set('b', finished('C'), 0, [])
    cache.set('a', finished('D'), 0, [])
    cache.drop('d:new')
    assert.equal(cache.get('a', 0)?.id, 'D')
  })

  it('agrees with a plain list, whatever is done to it', () => {
    const key = fc.constantFrom('a', 'b', 'c', 'd', 'e')
    const source = fc.constantFrom('u:1', 'u:2', 'd:1', 'd:2')
    const act = fc.oneof(
      { weight: 4, arbitrary: fc.record({ do: fc.constant('set'), key, sources: fc.array(source) }) },
      { weight: 4, arbitrary: fc.record({ do: fc.constant('get'), key }) },
      { weight: 2, arbitrary: fc.record({ do: fc.constant('drop'), source }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('outdateAll') }) },
    )
    fc.assert(
      fc.property(fc.array(act, { maxLength: 60 }), (acts) => {
        const cache = new DecisionCache(3)
        // Least recently used first.
        let model: { key: string; id: string; sources: readonly string[]; outdated: boolean }[] = []
        const taken = (key: string) => {
          const found = model.find((entry) => entry.key === key)
          model = model.filter((entry) => entry !== found)
          return found
        }
        acts.forEach((act, index) => {
          if ('sources' in act) {
            cache.set(act.key, finished(String(index)), 0, act.sources)
            taken(act.key)
            model = [...model.slice(-2), { ...act, id: String(index), outdated: false }]
          } else if ('key' in act) {
            const found = taken(act.key)
            if (found) model.push(found)
            assert.equal(cache.get(act.key, 0)?.id, found?.outdated ? undefined : found?.id)
          } else if ('source' in act) {
            cache.drop(act.source)
            model = model.filter(({ sources }) => !sources.includes(act.source))
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
