import assert from 'node:assert/strict'

import { Rate } from '../../src/metrics/rate'

describe('how many decisions there are a second', () => {
  const decisions = (imap: number, smtp: number): Record<string, number> => ({
    'device_gate_decisions_total imap allow compliant true': imap,
    'device_gate_decisions_total smtp allow compliant true': smtp,
    'device_gate_imap_logins_total accepted': 1_000_000,
  })
  let rate: Rate
  beforeEach(() => (rate = new Rate('device_gate_decisions_total')))

  it('is not known at first', () => {
    assert.equal(rate.perS(), null)
    rate.see(0, {})
    assert.equal(rate.perS(), null)
  })

  it('is that of all protocols together', () => {
    rate.see(0, {})
    rate.see(1000, decisions(30, 12))
    assert.equal(rate.perS(), 42)
  })

  it('is that of the last ten seconds', () => {
    for (let second = 0; second <= 60; second += 1) rate.see(second * 1000, decisions(second * 5, 0))
    assert.equal(rate.perS(), 5)
    for (let second = 61; second <= 70; second += 1) rate.see(second * 1000, decisions(300, 0))
    assert.equal(rate.perS(), 0)
  })
})
