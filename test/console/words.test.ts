import assert from 'node:assert/strict'

import { caseKey, decisionsOf, entryKey, foldInto } from '../../console/src/blocks/entries'
import type { Block } from '../../console/src/api/types'
import { ageWords, spanWords } from '../../console/src/ui/time-words'
import { sentence, visible } from '../../console/src/ui/words'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

describe("the console's words", () => {
  const SPANS = [
    [0, '0 s'],
    [59_999, '59 s'],
    [MINUTE, '1 min'],
    [HOUR - 1, '59 min'],
    [HOUR, '1 h'],
    [2 * HOUR + 59 * MINUTE, '2 h 59 min'],
    [3 * HOUR + 59 * MINUTE, '3 h'],
    [DAY + HOUR, '1 d 1 h'],
    [400 * DAY, '400 d'],
  ] as const
  for (const [ms, words] of SPANS)
    it(`${ms} ms are told as ${words}`, () => {
      assert.equal(spanWords(ms), words)
    })

  it('tell an age, past or to come, and no age where there is none', () => {
    assert.equal(ageWords(0, 5 * MINUTE), '5 min ago')
    assert.equal(ageWords(2 * DAY, 0), 'in 2 d')
    assert.equal(ageWords(0, 900), 'now')
  })

  it('round what is to come, so that four hours are not three as soon as a second is over', () => {
    assert.equal(ageWords(4 * HOUR, 2000), 'in 4 h')
    assert.equal(ageWords(6 * DAY, 10 * MINUTE), 'in 6 d')
    assert.equal(ageWords(HOUR, 1000), 'in 1 h')
    assert.equal(ageWords(2 * DAY, MINUTE), 'in 2 d')
    assert.equal(ageWords(2 * DAY, 2 * HOUR), 'in 1 d 22 h')
    assert.equal(ageWords(90 * MINUTE, 0), 'in 1 h 30 min')
    assert.equal(ageWords(30_000, 0), 'in 30 s')
  })

  it('show no character that hides, or that reorders what is beside it', () => {
    assert.equal(visible('evil\u202egnp.exe\u0007@example.com'), 'evil\ufffdgnp.exe\ufffd@example.com')
    assert.equal(visible('שרה, محمد, 👨\u200d👧 é'), 'שרה, محمد, 👨\u200d👧 é')
  })

  it('begin a line with a capital, but leave the name of a file or person as it is', () => {
    assert.equal(sentence('the gate does not run'), 'The gate does not run')
    assert.equal(sentence('device_gate.yaml:14: line'), 'device_gate.yaml:14: line')
    assert.equal(sentence('anna@example.com on a client'), 'anna@example.com on a client')
  })
})

describe("the console's list of blocks", () => {
  const block = (changes: Partial<Block> = {}): Block => ({
    time: '2026-11-25T08:00:00.000Z',
    decision: 'GK3V3ZWG',
    protocol: 'imap',
    user: 'anna@example.com',
    device: 'anna-phone',
    platform: 'ios',
    proof: 'tag',
    outcome: 'block',
    enforced: true,
    reason: 'mandate_deadline',
    rule: 'friday',
    policy: 3,
    evidence_age_s: 5,
    remote: '192.0.2.1',
    repeats: 0,
    ...changes,
  })

  it('adds up the decisions of a case as they come, from its first to its last', () => {
    const first = block()
    const second = foldInto(first, block({ time: '2026-11-25T08:01:00.000Z', repeats: 3 }))
    const third = foldInto(second, block({ time: '2026-11-25T08:02:00.000Z' }))
    assert.equal(decisionsOf(third), 5)
    assert.deepEqual([third.first, third.last], [first.time, '2026-11-25T08:02:00.000Z'])
    assert.deepEqual([first.count, foldInto(undefined, first).count], [undefined, 1])
  })

  it('holds users, devices, reasons, rules and outcomes apart, and protocols and addresses together', () => {
    const other = [
      { user: 'b' },
      { device: null },
      { reason: 'stale' },
      { rule: null },
      { outcome: 'warn' },
      { enforced: false },
    ] as const
    for (const changes of other) assert.notEqual(caseKey(block(changes)), caseKey(block()))
    assert.equal(caseKey(block({ protocol: 'smtp', remote: '192.0.2.9' })), caseKey(block()))
  })

  it('knows an entry that comes twice, and tells the first of a case from its repeats', () => {
    assert.equal(entryKey(block()), entryKey({ ...block() }))
    assert.notEqual(entryKey(block({ repeats: 3 })), entryKey(block()))
    assert.notEqual(entryKey(block({ host: 'mail2' })), entryKey(block({ host: 'mail1' })))
  })
})
