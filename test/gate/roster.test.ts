import assert from 'node:assert/strict'
import fc from 'fast-check'

import { Roster, type Listed } from '../../src/gate/roster'

describe('a roster', () => {
  it('holds what a set would, whoever comes and goes', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.boolean(), fc.nat(9))), (steps) => {
        const members = Array.from({ length: 10 }, (): Listed => ({ place: -1 }))
        const roster = new Roster<Listed>()
        const model = new Set<Listed>()
        for (const [add, i] of steps) {
          const member = members[i]!
          if (!add) roster.delete(member)
          else if (!model.has(member)) roster.add(member)
          if (add) model.add(member)
          else model.delete(member)
          assert.equal(roster.size, model.size)
          assert.deepEqual(new Set(roster), model)
        }
      }),
    )
  })

  it('gives every member that stays to a loop in which members leave', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(19), { maxLength: 20 }), (leaving) => {
        const roster = new Roster<Listed>()
        const members = Array.from({ length: 20 }, (): Listed => ({ place: -1 }))
        for (const member of members) roster.add(member)
        const gone = new Set<Listed>()
        const seen: Listed[] = []
        for (const member of roster) {
          seen.push(member)
          const leaves = members[leaving[seen.length - 1] ?? -1]
          if (!leaves) continue
          roster.delete(leaves)
          gone.add(leaves)
        }
        for (const member of members) assert.ok(gone.has(member) || seen.includes(member))
      }),
    )
  })
})
