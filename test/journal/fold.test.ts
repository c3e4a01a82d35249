import assert from 'node:assert/strict'
import fc from 'fast-check'

import { Fold } from '../../src/journal/fold'
import type { JournalEntry } from '../../src/journal/journal'
import { AT, entry } from './samples'

const MINUTE = 60_000

describe('folding repeats', () => {
  it('writes the first at once, and in a minute how many came after it', () => {
    const fold = new Fold()
    assert.deepEqual(fold.add(entry()), entry())
    for (let s = 1; s <= 9; s += 1)
      assert.equal(fold.add(entry({ time: AT + s * 1000, remote: `192.0.2.${s}` })), undefined)
    assert.deepEqual(fold.due(AT + MINUTE - 1), [])
    assert.deepEqual(fold.due(AT + MINUTE), [entry({ time: AT + 9000, remote: '192.0.2.9', repeats: 9 })])
    assert.deepEqual(fold.due(AT + 9 * MINUTE), [], 'once')
  })

  it('begins anew after the minute', () => {
    const fold = new Fold()
    fold.add(entry())
    fold.due(AT + MINUTE)
    const later = entry({ time: AT + MINUTE })
    assert.deepEqual(fold.add(later), later)
  })

  it('says nothing more of one that came alone', () => {
    const fold = new Fold()
    fold.add(entry())
    assert.deepEqual(fold.due(Infinity), [])
  })

  const apart: [what: string, change: Partial<JournalEntry>][] = [
    ['user', { user: 'ben@example.com' }],
    ['device', { device: 'd-2' }],
    ['no device', { device: null }],
    ['protocol', { protocol: 'smtp' }],
    ['outcome', { outcome: 'warn' }],
    ['reason', { reason: 'locked' }],
    ['rule', { rule: 'm-1' }],
    ['enforcement', { enforced: false }],
    ['policy version', { policy: 4 }],
  ]
  for (const [what, change] of apart) {
    it(`keeps another ${what} apart`, () => {
      const fold = new Fold()
      fold.add(entry())
      assert.deepEqual(fold.add(entry(change)), entry(change))
    })
  }

  const together: [what: string, change: Partial<JournalEntry>][] = [
    ['address', { remote: '2001:db8::7' }],
    ['decision id', { decision: 'OTHER' }],
    ['age of the evidence', { evidenceAgeS: 90 }],
  ]
  for (const [what, change] of together) {
    it(`folds another ${what} into the same case`, () => {
      const fold = new Fold()
      fold.add(entry())
      assert.equal(fold.add(entry(change)), undefined)
      assert.deepEqual(fold.due(Infinity), [entry({ ...change, repeats: 1 })])
    })
  }

  it('cannot be led to fold one case into another by what a client sent', () => {
    for (const [one, other] of [
      [
        { user: 'a\0b', device: 'c' },
        { user: 'a', device: 'b\0c' },
      ],
      [
        { user: 'a","b', device: 'c' },
        { user: 'a', device: 'b","c' },
      ],
      [
        { user: '', device: null },
        { user: '', device: '' },
      ],
    ] satisfies [Partial<JournalEntry>, Partial<JournalEntry>][]) {
      const fold = new Fold()
      fold.add(entry(one))
      assert.deepEqual(fold.add(entry(other)), entry(other))
    }
  })

  it('closes what a clock that was set back left behind', () => {
    const fold = new Fold()
    fold.add(entry())
    fold.add(entry())
    assert.deepEqual(fold.due(AT - 1), [entry({ repeats: 1 })])
  })

  it('holds no more than 10,000 cases; others pass as they are', () => {
    const fold = new Fold()
    for (let i = 0; i < 10_000; i += 1) fold.add(entry({ user: `u-${i}` }))
    for (let i = 0; i < 3; i += 1) assert.ok(fold.add(entry({ user: 'one more' })))
    assert.equal(fold.add(entry({ user: 'u-7' })), undefined)
    assert.equal(fold.due(Infinity).length, 1)
    assert.ok(fold.add(entry({ user: 'one more' })))
    assert.equal(fold.add(entry({ user: 'one more' })), undefined)
  })

  it('loses and adds no decision, and writes at most two lines a case and minute', () => {
    const step = fc.record({ user: fc.constantFrom('a', 'b', 'c'), waitMs: fc.nat({ max: 40_000 }) })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const fold = new Fold()
        const lines: JournalEntry[] = []
        let now = AT
        for (const { user, waitMs } of steps) {
          now += waitMs
          lines.push(...fold.due(now))
          const line = fold.add(entry({ user, time: now }))
          if (line) lines.push(line)
        }
        lines.push(...fold.due(Infinity))
        for (const name of ['a', 'b', 'c']) {
          const mine = lines.filter(({ user }) => user === name)
          const decisions = mine.reduce((sum, { repeats }) => sum + Math.max(1, repeats), 0)
          assert.equal(decisions, steps.filter(({ user }) => user === name).length)
          const firsts = mine.filter(({ repeats }) => repeats === 0)
          firsts.slice(1).forEach(({ time }, i) => assert.ok(time - firsts[i]!.time >= MINUTE))
          assert.ok(mine.length <= 2 * firsts.length)
        }
      }),
    )
  })
})
