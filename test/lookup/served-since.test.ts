import assert from 'node:assert/strict'

import { visitorKey } from '../../src/lookup/affected'
import type { Block } from '../../src/lookup/blocks-source'
import { meaningOf, servedSince } from '../../src/lookup/served-since'
import { bucketOf, type NotedVisit } from '../../src/journal/traffic'
import { AT, entry } from '../journal/samples'

/** Versions 3 and 4 were taken back at AT. */
const RECALL = { from: 4, to: 2, at: AT }

const block = (change: Partial<Block> = {}): Block => ({ ...entry(change), host: 'mx1', cursor: '1' })
const visit = (
  policy: number,
  at: number,
  user = 'anna@example.com',
  device: string | null = 'd-1',
): NotedVisit => ({
  visit: { bucket: bucketOf(at), protocol: 'imap', user, device, proof: 'tag', platformHint: null },
  served: [{ policy, at, reason: 'compliant' }],
})

describe('what a line of the block log means for a recall', () => {
  const lines: [what: string, change: Partial<Block>, means: ReturnType<typeof meaningOf>][] = [
    ['a block under the order', { policy: 4 }, 'hit'],
    ['a warning under the order', { policy: 3, outcome: 'warn' }, 'hit'],
    ['a block under it, told late', { policy: 4, time: AT + 1 }, 'hit'],
    ['what would have been a block under it', { policy: 4, enforced: false }, undefined],
    ['a block before the order', { policy: 2, time: AT - 1 }, undefined],
    ['a block after the recall', { policy: 5, time: AT + 1 }, 'refused'],
    ['a warning after it: the sync succeeded', { policy: 5, outcome: 'warn' }, 'served'],
    ['what would be a block after it', { policy: 5, enforced: false }, 'served'],
    ['a plain allow after it', { policy: 5, outcome: 'allow' }, 'served'],
    ['a fault after it', { policy: 5, outcome: 'unavailable' }, 'refused'],
    [
      'a warning under the earlier policy itself, put back on this host alone',
      { policy: 2, outcome: 'warn', time: AT + 1 },
      'served',
    ],
  ]
  for (const [what, change, means] of lines)
    it(what, () => assert.equal(meaningOf(RECALL, block(change)), means))
})

describe('who was served since a recall', () => {
  const anna = visitorKey('anna@example.com', 'd-1')
  const when = (blocks: readonly Block[], visits: readonly NotedVisit[]): unknown =>
    Object.fromEntries(servedSince(RECALL, blocks, visits))

  it('is told by the first of all visits and lines', () => {
    const visits = [visit(5, AT + 30), visit(5, AT + 20), visit(6, AT + 40)]
    assert.deepEqual(when([block({ policy: 5, outcome: 'warn', time: AT + 25, device: 'd-1' })], visits), {
      [anna]: AT + 20,
    })
  })
  it('is not who was served before it, by whatever policy', () => {
    assert.deepEqual(when([], [visit(2, AT - 1), visit(4, AT + 1), visit(3, AT - 1)]), {})
  })
  it('is who was served by the earlier policy again, after it', () => {
    assert.deepEqual(when([], [visit(2, AT + 1)]), { [anna]: AT + 1 })
  })
  it('goes by the device that proved itself, and by the person where none did', () => {
    const owner = block({ policy: 5, outcome: 'warn', time: AT + 3, device: 'd-1', proof: 'owner' })
    const nobody = visitorKey('anna@example.com', null)
    assert.deepEqual(when([owner], [visit(5, AT + 2, 'ben@example.com', null)]), {
      [nobody]: AT + 3,
      [visitorKey('ben@example.com', null)]: AT + 2,
    })
  })
})
