import assert from 'node:assert/strict'
import fc from 'fast-check'
import sinon from 'sinon'

import { DecisionGate } from '../../src/gate/decision-gate'
import type { KeyedSubject } from '../../src/gate/gate'
import type { JournalEntry } from '../../src/journal/journal'
import type { Served, Visit } from '../../src/journal/traffic'
import { Counts } from '../../src/metrics/counts'
import { effectOf, type DecisionRequest, type Subject } from '../../src/policy/decision'
import type { FailMode, Protocol } from '../../src/policy/vocabulary'
import { AT, override, policy, record, attestation } from '../devices/samples'
import { subjects } from '../policy/arbitraries'
import { FakeReplica } from './fake-replica'

const ANNA = 'anna@example.com'
const POLL_MS = 50
const BAD = record({ state: 'noncompliant' })

describe('the decision gate', () => {
  let clock: sinon.SinonFakeTimers
  let replica: FakeReplica
  let host: DecisionRequest['host'] & { failMode: FailMode }
  let journal: JournalEntry[]
  let traffic: (Visit & { readonly served: Served | null })[]
  let counts: Counts
  let faults: unknown[]
  let gates: DecisionGate[]
  let gate: DecisionGate

  /** One gate a worker; all look at the same replica. */
  const newGate = (): DecisionGate => {
    const made = new DecisionGate({
      replica,
      host: () => host,
      journal: { append: (entry) => void journal.push(entry) },
      traffic: { note: (visit, served) => void traffic.push({ ...visit, served }) },
      counts,
      revokeSpreadMs: () => 0,
      now: Date.now,
      onFault: (error) => faults.push(error),
      cachedDecisions: 100,
    })
    gates.push(made)
    return made
  }
  const subject = (change: Partial<Subject> = {}): KeyedSubject =>
    gate.subject({
      user: ANNA,
      claim: { deviceId: 'd-1', proof: 'tag' },
      platformHint: null,
      exemptNetwork: false,
      ...change,
    })
  const reason = (of = subject(), now = AT): string => gate.decide(of, now).reason

  beforeEach(() => {
    clock = sinon.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
    replica = new FakeReplica()
    replica.applyPolicy(policy())
    replica.putDevice(record())
    host = { enforcement: 'policy', unidentified: 'owner', failMode: 'closed' }
    journal = []
    traffic = []
    counts = new Counts()
    faults = []
    gates = []
    gate = newGate()
  })
  afterEach(() => {
    for (const made of gates) made.close()
    clock.restore()
  })

  describe('what it counts', () => {
    const record = (protocol: Protocol, decision = gate.decide(subject(), AT)): void =>
      gate.record(decision, { protocol, subject: subject(), remoteAddress: '192.0.2.1', at: AT })
    const counted = (): Record<string, number> =>
      Object.fromEntries(
        Object.entries(counts.counted()).map(([name, count]) => [name.replace('device_gate_', ''), count]),
      )

    it('is each decision that a client met, and each look-up', () => {
      record('imap')
      record('smtp')
      record('smtp')
      replica.putDevice(BAD)
      clock.tick(POLL_MS)
      record('imap')
      assert.deepEqual(counted(), {
        'decisions_total imap allow compliant true': 1,
        'decisions_total smtp allow compliant true': 2,
        'decisions_total imap block noncompliant true': 1,
        'decision_cache_total hit': 2,
        'decision_cache_total miss': 2,
      })
    })

    it('is what would have been done where the mode is monitor', () => {
      replica.putDevice(BAD)
      replica.setModeOverride('monitor')
      record('smtp', newGate().decide(subject(), AT))
      assert.equal(counted()['decisions_total smtp block noncompliant false'], 1)
    })

    it('is a fault, and apart from it what passes for a fault', () => {
      replica.failure = new Error('disk')
      record('imap')
      host = { ...host, failMode: 'open' }
      record('imap')
      assert.deepEqual(counted(), {
        'decisions_total imap unavailable fault_closed true': 1,
        'decisions_total imap allow fault_open true': 1,
        fail_open_total: 1,
        'decision_cache_total miss': 2,
      })
      faults.length = 0
    })

    it('is the time of one look-up in 64', () => {
      for (let i = 0; i < 640; i += 1) gate.decide(subject(), AT)
      const times = Object.entries(counted()).filter(([name]) => /^decision_seconds (?!sum)/.test(name))
      assert.equal(
        times.reduce((sum, [, count]) => sum + count, 0),
        10,
      )
      assert.ok((counted()['decision_seconds sum'] ?? 0) > 0)
    })
  })

  describe('a cached decision', () => {
    it('is the very same one again, without a read', () => {
      const who = subject()
      const first = gate.decide(who, AT)
      const { reads } = replica
      assert.equal(gate.decide(who, AT + 1), first)
      assert.equal(replica.reads, reads)
    })

    it('goes on while the replica cannot be read: a block stays a block, and an allow an allow', () => {
      replica.putDevice(BAD)
      const laptop = subject({ claim: { deviceId: 'd-2', proof: 'tag' } })
      assert.deepEqual([reason(), reason(laptop)], ['noncompliant', 'unknown_device'])
      replica.failure = new Error('the disk is gone')
      clock.tick(10 * POLL_MS)
      assert.deepEqual([reason(), reason(laptop)], ['noncompliant', 'unknown_device'])
      assert.equal(faults.length, 10)
    })

    it('ends when time alone changes it', () => {
      replica.putDevice(record({ findings: ['app:com.example.game'] }))
      const deadline = AT + 86_400_000
      assert.equal(reason(subject(), deadline - 1), 'mandate_warning')
      assert.equal(reason(subject(), deadline), 'mandate_deadline')
    })

    it('is not used at a time before it was made, as after a clock was set back', () => {
      replica.putOverride(override({ kind: 'lock', expiresAt: AT }))
      assert.equal(reason(subject(), AT), 'compliant')
      assert.equal(reason(subject(), AT - 1), 'locked')
    })

    it('is made anew within 20 ms of a change', () => {
      assert.equal(reason(), 'compliant')
      replica.putDevice(BAD)
      clock.tick(POLL_MS)
      assert.equal(reason(), 'noncompliant')
    })

    it('is made anew when a change was committed while it was being made', () => {
      replica.commitWhileDeciding = () => replica.putDevice(BAD)
      assert.equal(reason(), 'compliant')
      clock.tick(POLL_MS)
      assert.equal(reason(), 'noncompliant')
    })

    it('is made anew when the host’s own rules change', () => {
      replica.putDevice(BAD)
      assert.equal(reason(), 'noncompliant')
      host = { ...host, enforcement: 'off' }
      gate.hostChanged()
      assert.equal(reason(), 'break_glass')
    })

    it('is made anew when a person states something, and when what was reported as another’s is no more', () => {
      replica.applyPolicy(policy({ unknown: 'block' }))
      replica.putDevice(record({ id: 'd-9', owners: ['ben@example.com'] }))
      clock.tick(POLL_MS)
      const anyone = subject({ user: 'bob@example.com', claim: null })
      assert.equal(reason(anyone), 'unknown_device')
      const stated = { at: AT, expiresAt: AT + 1000, remote: '192.0.2.1' }
      replica.putAttestations('bob@example.com', [
        attestation({ user: 'bob@example.com', deviceId: 'd-9', stated }),
      ])
      clock.tick(POLL_MS)
      assert.equal(reason(anyone), 'unknown_device')
      replica.forgetDevice('d-9')
      clock.tick(POLL_MS)
      assert.equal(reason(anyone), 'attested')
      assert.equal(reason(anyone, AT + 1000), 'unknown_device')
    })

    it('is made anew for a person without devices who gets one', () => {
      const anyone = subject({ user: 'bob@example.com', claim: null })
      assert.equal(reason(anyone), 'unknown_device')
      replica.putDevice(record({ id: 'd-2', owners: ['bob@example.com'], state: 'grace' }))
      clock.tick(POLL_MS)
      assert.equal(reason(anyone), 'grace')
    })

    it('is made anew for an owner when one of the devices is locked', () => {
      const anyone = subject({ claim: null })
      assert.equal(reason(anyone), 'compliant')
      replica.putOverride(override({ kind: 'lock', expiresAt: null }))
      clock.tick(POLL_MS)
      assert.equal(reason(anyone), 'locked')
    })
  })

  describe('a fault', () => {
    const claim = { deviceId: 'd-9', proof: 'tag' } as const

    it('is a temporary refusal with fail_mode closed, a pass counted apart with open', () => {
      replica.failure = new Error('the disk is gone')
      const refused = gate.decide(subject({ claim }), AT)
      assert.deepEqual(
        [refused.outcome, refused.reason, refused.enforced],
        ['unavailable', 'fault_closed', true],
      )
      assert.deepEqual([refused.deviceId, refused.proof, refused.policyVersion], ['d-9', 'tag', 0])
      host = { ...host, failMode: 'open' }
      const passed = gate.decide(subject({ claim }), AT)
      assert.deepEqual([passed.outcome, passed.reason, passed.enforced], ['allow', 'fault_open', true])
      assert.deepEqual(faults, [replica.failure, replica.failure])
    })

    it('refuses nobody in modes off and monitor, nor with the break-glass switch of the host', () => {
      reason()
      const effect = (): string => effectOf(gate.decide(subject({ claim }), AT))
      const failure = new Error('the disk is gone')
      replica.failure = failure
      assert.equal(effect(), 'unavailable')
      for (const enforcement of ['monitor', 'off'] as const) {
        host = { ...host, enforcement }
        assert.equal(effect(), 'allow')
      }
      host = { ...host, enforcement: 'policy' }
      for (const mode of ['monitor', 'off'] as const) {
        replica.failure = undefined
        replica.setModeOverride(mode)
        reason(subject({ user: `${mode}@example.com` }))
        replica.failure = failure
        assert.equal(effect(), 'allow')
      }
    })

    it('is tried again each time, and over as soon as the replica can be read', () => {
      replica.failure = new Error('the disk is gone')
      assert.equal(reason(), 'fault_closed')
      replica.failure = undefined
      assert.equal(reason(), 'compliant')
    })

    it('in the record of one device is about that device alone', () => {
      replica.putDevice(record({ id: 'd-2' }))
      replica.corruptDevice('d-1')
      assert.equal(reason(), 'fault_closed')
      assert.equal(reason(subject({ claim: { deviceId: 'd-2', proof: 'tag' } })), 'compliant')
      assert.match(String(faults[0]), /devices\/d-1: not readable as JSON; write it again/)
      replica.putDevice(record())
      assert.equal(reason(), 'compliant')
    })

    it('does not touch what is decided without the replica', () => {
      host = { ...host, enforcement: 'off' }
      assert.equal(reason(), 'break_glass')
      replica.failure = new Error('the disk is gone')
      assert.equal(reason(subject({ claim })), 'break_glass')
      host = { ...host, enforcement: 'policy' }
      gate.hostChanged()
      assert.equal(reason(subject({ exemptNetwork: true })), 'exempt_network')
      assert.deepEqual(faults, [])
    })

    it('is what it is while no policy was ever applied', () => {
      replica = new FakeReplica()
      gate = newGate()
      assert.equal(reason(), 'fault_closed')
      assert.match(String(faults[0]), /no policy was ever applied/)
      replica.applyPolicy(policy())
      assert.equal(reason(), 'unknown_device')
    })
  })

  describe('somebody whose proof cannot be checked now', () => {
    const unproven = (change: Partial<Subject> = {}): KeyedSubject => subject({ claim: null, ...change })
    const decided = (of = unproven()): unknown[] => {
      const { outcome, reason, enforced } = gate.decideUnchecked(of, AT)
      return [outcome, reason, enforced]
    }

    it('is put off with fail_mode closed, whatever is known of the person', () => {
      for (const state of ['compliant', 'noncompliant'] as const) {
        replica.putDevice(record({ state }))
        assert.deepEqual(decided(), ['unavailable', 'fault_closed', true])
      }
    })

    it('is decided without the proof with fail_mode open', () => {
      host = { ...host, failMode: 'open' }
      replica.putDevice(BAD)
      assert.deepEqual(decided(), ['block', 'noncompliant', true])
    })

    it('is refused by nobody where nobody else is', () => {
      replica.setModeOverride('monitor')
      clock.tick(POLL_MS)
      assert.deepEqual(decided(), ['unavailable', 'fault_closed', false])
      replica.setModeOverride('off')
      clock.tick(POLL_MS)
      assert.deepEqual(decided(), ['allow', 'mode_off', false])
      replica.setModeOverride(null)
      host = { ...host, enforcement: 'off' }
      clock.tick(POLL_MS)
      gate.hostChanged()
      assert.deepEqual(decided(), ['allow', 'break_glass', false])
    })

    it('is not gated in an exempt network', () => {
      assert.deepEqual(decided(unproven({ exemptNetwork: true })), ['allow', 'exempt_network', true])
    })
  })

  describe('whether a block would be one', () => {
    it('is so in mode enforce, for all but an exempt network', () => {
      assert.equal(gate.enforces(subject()), true)
      assert.equal(gate.enforces(subject({ exemptNetwork: true })), false)
    })

    it('is known before the first decision', () => {
      replica.setModeOverride('off')
      assert.equal(newGate().enforces(subject()), false)
    })

    it('follows mode and break-glass', () => {
      gate.decide(subject(), AT)
      replica.setModeOverride('monitor')
      clock.tick(POLL_MS)
      assert.equal(gate.enforces(subject()), false)
      replica.setModeOverride(null)
      host = { ...host, enforcement: 'monitor' }
      clock.tick(POLL_MS)
      assert.equal(gate.enforces(subject()), false)
    })

    it('is as it was last known while the replica cannot be read', () => {
      gate.decide(subject(), AT)
      replica.failure = new Error('the disk is gone')
      assert.equal(gate.enforces(subject()), true)
    })
  })

  describe('the id of a decision', () => {
    const idOf = (change: Partial<Subject> = {}): string => gate.decide(subject(change), AT).id
    beforeEach(() => {
      replica.putDevice(BAD)
      replica.putDevice({ ...BAD, id: 'd-2' })
    })

    it('is eight digits and letters that nobody takes for one another', () => {
      assert.match(idOf(), /^[0-9A-HJKMNP-TV-Z]{8}$/)
    })

    it('is there for each decision that somebody hears of, and for no plain allow', () => {
      assert.equal(idOf({ exemptNetwork: true }), '')
      replica.putDevice({ ...BAD, state: 'grace' })
      assert.equal(idOf().length, 8)
      replica.failure = new Error('the disk is gone')
      for (const failMode of ['closed', 'open'] as const) {
        host = { ...host, failMode }
        assert.equal(idOf({ claim: null }).length, 8)
      }
    })

    it('is the same in every worker and at every try', () => {
      const id = idOf()
      assert.equal(newGate().decide(subject(), AT + 5000).id, id)
      gate.hostChanged()
      assert.equal(gate.decide(subject(), AT + 9000).id, id)
    })

    it('is another one for another person, device, proof, outcome, policy or evidence', () => {
      const ids = [
        idOf(),
        idOf({ user: 'bob@example.com' }),
        idOf({ claim: { deviceId: 'd-2', proof: 'tag' } }),
        idOf({ claim: { deviceId: 'd-1', proof: 'certificate' } }),
        idOf({ claim: null }),
      ]
      const changes = [
        () => replica.putDevice({ ...BAD, evidenceAt: AT + 1 }),
        () => replica.putDevice({ ...BAD, evidenceAt: AT + 1, state: 'grace' }),
        () => replica.putOverride(override({ kind: 'lock' })),
        () => replica.applyPolicy(policy({ contact: 'Ask Bob' })),
      ]
      for (const change of changes) {
        change()
        clock.tick(POLL_MS)
        ids.push(idOf())
      }
      assert.deepEqual(ids, [...new Set(ids)])
    })
  })

  describe('the traffic record', () => {
    const MINUTE_MS = 60_000
    const visits = (
      visiting: (visit: (protocol: Protocol, at: number, change?: Partial<Subject>) => void) => void,
    ) => {
      traffic = []
      visiting((protocol, at, change) => {
        const asking = subject(change)
        gate.record(gate.decide(asking, at), { protocol, subject: asking, remoteAddress: '192.0.2.7', at })
      })
      return traffic.map(({ bucket, protocol, user, device, proof }) => [
        (bucket * 10 * MINUTE_MS - AT) / MINUTE_MS,
        protocol,
        user,
        device,
        proof,
      ])
    }

    it('notes a device once in ten minutes, for each protocol', () => {
      assert.deepEqual(
        visits((visit) => {
          for (const minute of [0, 1, 9, 10, 19]) visit('imap', AT + minute * MINUTE_MS)
          visit('smtp', AT + 19 * MINUTE_MS)
          visit('smtp', AT + 19 * MINUTE_MS)
        }),
        [
          [0, 'imap', ANNA, 'd-1', 'tag'],
          [10, 'imap', ANNA, 'd-1', 'tag'],
          [10, 'smtp', ANNA, 'd-1', 'tag'],
        ],
      )
    })
    it('notes who is refused, and who proves no device', () => {
      replica.putDevice(record({ state: 'noncompliant' }))
      assert.deepEqual(
        visits((visit) => {
          visit('imap', AT)
          visit('imap', AT, { claim: null, platformHint: 'ios' })
        }),
        [
          [0, 'imap', ANNA, 'd-1', 'tag'],
          [0, 'imap', ANNA, null, 'none'],
        ],
      )
      assert.equal(traffic[1]?.platformHint, 'ios')
    })
    it('says who was plainly allowed and when, again after a policy, and not of whom the block log tells', () => {
      visits((visit) => visit('imap', AT))
      const under = (policy: number): Served => ({ policy, at: AT, reason: 'compliant' })
      assert.deepEqual(
        traffic.map(({ served }) => served),
        [under(1)],
      )
      replica.applyPolicy(policy({ grace: 'block' }))
      clock.tick(POLL_MS)
      visits((visit) => visit('imap', AT))
      assert.deepEqual(
        traffic.map(({ served }) => served),
        [under(2)],
      )
      replica.putDevice(BAD)
      clock.tick(POLL_MS)
      visits((visit) => visit('imap', AT))
      assert.deepEqual(
        traffic.map(({ served }) => served),
        [null],
      )
    })
    it('does not note an exempt network, which no policy is about', () => {
      assert.deepEqual(
        visits((visit) => visit('imap', AT, { exemptNetwork: true })),
        [],
      )
    })
  })

  describe('the journal', () => {
    const recorded = (change: Partial<Subject> = {}): JournalEntry[] => {
      journal = []
      const asking = subject(change)
      const context = { protocol: 'imap', subject: asking, remoteAddress: '192.0.2.7', at: AT } as const
      gate.record(gate.decide(asking, AT), context)
      return journal
    }

    it('has a block with all that a reader needs', () => {
      replica.putDevice(record({ state: 'noncompliant', evidenceAt: AT - 90_400 }))
      const { id } = gate.decide(subject(), AT)
      assert.deepEqual(recorded(), [
        {
          time: AT,
          decision: id,
          protocol: 'imap',
          user: ANNA,
          device: 'd-1',
          platform: 'ios',
          proof: 'tag',
          outcome: 'block',
          enforced: true,
          reason: 'noncompliant',
          rule: null,
          policy: 1,
          evidenceAgeS: 90,
          remote: '192.0.2.7',
          repeats: 0,
        },
      ])
    })

    it('has no plain allow', () => {
      assert.deepEqual(recorded(), [])
      assert.deepEqual(recorded({ exemptNetwork: true }), [])
    })

    it('has warnings, locks by their rule, and what would have happened', () => {
      replica.putDevice(record({ state: 'grace' }))
      replica.putOverride(override({ kind: 'lock', subject: { kind: 'user', id: 'bob@example.com' } }))
      replica.setModeOverride('monitor')
      assert.deepEqual(
        [...recorded(), ...recorded({ user: 'bob@example.com' })].map(({ outcome, rule, enforced }) => ({
          outcome,
          rule,
          enforced,
        })),
        [
          { outcome: 'warn', rule: null, enforced: false },
          { outcome: 'block', rule: 'lock:user:bob@example.com', enforced: false },
        ],
      )
    })

    it('has each fault, refused or let through, without an age where there is no evidence', () => {
      replica.failure = new Error('the disk is gone')
      const closed = recorded()
      host = { ...host, failMode: 'open' }
      assert.deepEqual(
        [...closed, ...recorded()].map(({ reason, evidenceAgeS }) => ({ reason, evidenceAgeS })),
        [
          { reason: 'fault_closed', evidenceAgeS: null },
          { reason: 'fault_open', evidenceAgeS: null },
        ],
      )
    })
  })

  describe('a subject', () => {
    it('is the same person however the name is written', () => {
      const names = ['Anna@Example.COM', ' anna@example.com ']
      for (const user of names) assert.deepEqual(subject({ user }), subject())
    })

    it('has a key that no other subject has, whatever names hold', () => {
      const name = fc.string({ unit: fc.constantFrom('a', ':', '1', 'x', '\0') })
      const anySubject = fc.tuple(subjects, name, name).map(([drawn, user, deviceId]) => ({
        ...drawn,
        user,
        claim: drawn.claim && { ...drawn.claim, deviceId },
      }))
      const seen = ({ user, claim, platformHint, exemptNetwork }: Subject): string =>
        JSON.stringify([user, claim ?? platformHint, exemptNetwork])
      fc.assert(
        fc.property(fc.array(anySubject, { minLength: 2, maxLength: 40 }), (drawn) => {
          const made = drawn.map((parts) => gate.subject(parts))
          assert.equal(new Set(made.map(({ key }) => key)).size, new Set(made.map(seen)).size)
        }),
      )
    })
  })

  it('does not judge a person by a device that only the index still gives him', () => {
    sinon.stub(replica, 'deviceIdsOf').returns(['d-1'])
    replica.putDevice(BAD)
    assert.equal(reason(subject({ user: 'bob@example.com', claim: null })), 'unknown_device')
  })

  it('looks at no more than 64 devices of a person', () => {
    const id = (number: number): string => `x-${String(number).padStart(3, '0')}`
    for (let number = 0; number < 65; number += 1) {
      replica.putDevice(record({ id: id(number), owners: ['eve@example.com'] }))
    }
    const eve = subject({ user: 'eve@example.com', claim: null })
    replica.putDevice({ ...BAD, id: id(64), owners: ['eve@example.com'] })
    assert.equal(reason(eve), 'compliant')
    replica.putDevice({ ...BAD, id: id(63), owners: ['eve@example.com'] })
    clock.tick(POLL_MS)
    assert.equal(reason(eve), 'noncompliant')
  })
})
