import assert from 'node:assert/strict'

import { createLogger, faultReporter } from '../../src/journal/logger'

const AT = Date.parse('2026-11-20T08:00:00Z')
const MINUTE = 60_000

function lines() {
  const written: string[] = []
  return { written, logger: createLogger((line) => written.push(line)) }
}

describe('the log for operators', () => {
  it('is one JSON line an event, with level, time and the fields that were given', () => {
    const { written, logger } = lines()
    logger.warn({ address: '127.0.0.1:1143' }, 'imap listening')
    assert.equal(written.length, 1)
    const { time, pid, ...rest } = JSON.parse(written[0]!) as Record<string, unknown>
    assert.match(String(time), /^\d{4}-\d\d-\d\dT/)
    assert.equal(pid, process.pid)
    assert.deepEqual(rest, {
      level: 40,
      name: 'device-gate',
      address: '127.0.0.1:1143',
      msg: 'imap listening',
    })
  })

  it('stays one line, without controls and marks that reorder text, whatever is in it', () => {
    const { written, logger } = lines()
    const text = '\n{"level":60}\r\u001b[2J\u0085\u2028\u202e\u2066\u007f'
    logger.error({ device: text }, text)
    assert.match(written[0]!, /^[^\p{Control}\p{Bidi_Control}\u2028\u2029]+\n$/u)
    const parsed = JSON.parse(written[0]!) as Record<string, unknown>
    assert.deepEqual([parsed['device'], parsed['msg']], [text, text])
  })
})

describe('reporting faults', () => {
  function reporter() {
    const { written, logger } = lines()
    const clock = { now: AT }
    const report = faultReporter(logger, () => clock.now)
    const told = () => written.map((line) => JSON.parse(line) as Record<string, unknown>)
    return { clock, report, told }
  }

  it('tells what it is and what it says', () => {
    const { report, told } = reporter()
    report(new TypeError('no such thing'))
    report('a text')
    assert.deepEqual(
      told().map(({ level, fault, msg }) => [level, fault, msg]),
      [
        [50, 'TypeError', 'no such thing'],
        [50, 'unknown', 'a text'],
      ],
    )
  })

  it('tells the same one once a minute', () => {
    const { clock, report, told } = reporter()
    for (let i = 0; i < 1000; i += 1) report(new Error('again'))
    clock.now += MINUTE - 1
    report(new Error('again'))
    assert.equal(told().length, 1)
    clock.now += 1
    report(new Error('again'))
    assert.equal(told().length, 2)
  })

  it('tells 100 different ones a minute, and how many it did not tell', () => {
    const { clock, report, told } = reporter()
    for (let i = 0; i < 100_000; i += 1) report(new Error(`devices/d-${i}: is damaged`))
    assert.equal(told().length, 100)
    clock.now += MINUTE
    report(new Error('one more'))
    report(new Error('and one'))
    assert.deepEqual(
      told()
        .slice(100)
        .map(({ untold }) => untold),
      [99_900, undefined],
    )
  })

  it('cuts what is too long', () => {
    const { report, told } = reporter()
    report(new Error('x'.repeat(100_000)))
    assert.equal(String(told()[0]?.['msg']).length, 1000)
  })

  it('goes on after the clock was set back', () => {
    const { clock, report, told } = reporter()
    report(new Error('again'))
    clock.now -= 3_600_000
    report(new Error('again'))
    assert.equal(told().length, 2)
  })
})
