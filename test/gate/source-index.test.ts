import assert from 'node:assert/strict'

import { SourceIndex } from '../../src/gate/source-index'

const from = (user: string, ...deviceIds: string[]) => ({ user, deviceIds })

describe('the index of sources', () => {
  it('finds each item by its user and by each of its devices', () => {
    const index = new SourceIndex<string>()
    index.add(from('anna', 'phone', 'laptop'), 'A')
    index.add(from('anna', 'phone'), 'B')
    index.add(from('bob', 'tablet'), 'C')
    assert.deepEqual(index.ofUser('anna'), ['A', 'B'])
    assert.deepEqual(index.ofUser('bob'), ['C'])
    assert.deepEqual(index.ofDevice('phone'), ['A', 'B'])
    assert.deepEqual(index.ofDevice('laptop'), ['A'])
    assert.deepEqual([index.ofUser('phone'), index.ofDevice('anna')], [[], []])
  })

  it('has each item once, however often it is added', () => {
    const index = new SourceIndex<string>()
    for (const item of ['A', 'A', 'B', 'A']) index.add(from('anna'), item)
    assert.deepEqual(index.ofUser('anna'), ['A', 'B'])
  })

  it('forgets what is removed, from the sources it is removed from', () => {
    const index = new SourceIndex<string>()
    for (const item of ['A', 'B', 'C']) index.add(from('anna', 'phone'), item)
    index.remove(from('bob'), 'A')
    index.remove(from('anna'), 'A')
    assert.deepEqual(
      [index.ofUser('anna'), index.ofDevice('phone')],
      [
        ['B', 'C'],
        ['A', 'B', 'C'],
      ],
    )
    for (const item of ['B', 'C', 'C']) index.remove(from('anna', 'phone'), item)
    assert.deepEqual([index.ofUser('anna'), index.ofDevice('phone')], [[], ['A']])
    index.remove(from('', 'phone'), 'A')
    assert.deepEqual(index.ofDevice('phone'), [])
  })
})
