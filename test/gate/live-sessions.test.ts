import assert from 'node:assert/strict'
import sinon from 'sinon'

import type { GateDecision, KeyedSubject, LiveSession } from '../../src/gate/gate'
import { LiveSessions } from '../../src/gate/live-sessions'
import type { Outcome } from '../../src/policy/vocabulary'

const SPREAD_MS = 10_000

const decision = (outcome: Outcome, change: Partial<GateDecision> = {}): GateDecision => ({
  outcome,
  reason: outcome === 'block' ? 'noncompliant' : 'compliant',
  enforced: true,
  rule: null,
  policyVersion: 1,
  deviceId: 'd-1',
  platform: 'ios',
  proof: 'tag',
  evidenceAt: 0,
  text: '',
  validUntil: Infinity,
  id: `ID-${outcome}`,
  ...change,
})

const ALLOW = decision('allow')

class FakeSession implements LiveSession {
  readonly told: string[] = []
  readonly subject: KeyedSubject
  constructor(user: string, deviceId: string | null = null) {
    const claim = deviceId === null ? null : { deviceId, proof: 'tag' as const }
    this.subject = { user, claim, platformHint: null, exemptNetwork: false, key: user }
  }
  end({ id }: GateDecision): void {
    this.told.push(`end ${id}`)
  }
  warn({ id }: GateDecision): void {
    this.told.push(`warn ${id}`)
  }
}

describe('live sessions', () => {
  let clock: sinon.SinonFakeTimers
  let live: LiveSessions
  /** What is decided for a user from now on; `allow` for all others. */
  let answers: Map<string, GateDecision>

  beforeEach(() => {
    clock = sinon.useFakeTimers()
    answers = new Map()
    live = new LiveSessions({
      decide: ({ user }) => answers.get(user) ?? ALLOW,
      sourcesOf: ({ user }) => ({ user, deviceIds: [`${user}-phone`] }),
      spreadMs: () => SPREAD_MS,
      now: Date.now,
    })
  })
  afterEach(() => {
    live.close()
    clock.restore()
  })

  const open = (user: string, first = ALLOW): FakeSession => {
    const session = new FakeSession(user)
    live.add(session, first)
    return session
  }

  it('are told by user and by device: how many are open, and since when', () => {
    const began = Date.now()
    const session = (user: string, device: string | null): FakeSession => new FakeSession(user, device)
    const leaving = live.add(session('anna', 'phone'), ALLOW)
    clock.tick(1000)
    live.add(session('anna', 'phone'), ALLOW)
    live.add(session('anna', null), ALLOW)
    live.add(session('ben', 'phone'), ALLOW)

    const phone = { user: 'anna', device: 'phone', count: 2, since: began }
    const later = began + 1000
    const byDevice = (one: { device: string | null }, other: { device: string | null }): number =>
      String(one.device).localeCompare(String(other.device))
    assert.deepEqual(live.openOf({ kind: 'user', id: 'anna' }).sort(byDevice), [
      { user: 'anna', device: null, count: 1, since: later },
      phone,
    ])
    leaving.stop()
    assert.deepEqual(
      live.openOf({ kind: 'device', id: 'phone' }).sort((a, b) => a.user.localeCompare(b.user)),
      [
        { ...phone, count: 1, since: later },
        { ...phone, user: 'ben', count: 1, since: later },
      ],
    )
    assert.deepEqual(live.openOf({ kind: 'device', id: 'laptop' }), [])
  })

  const cases: readonly {
    readonly name: string
    readonly first?: GateDecision
    readonly then: GateDecision
    readonly told: readonly string[]
  }[] = [
    { name: 'ends when its device is blocked', then: decision('block'), told: ['end ID-block'] },
    { name: 'is warned, and goes on', then: decision('warn'), told: ['warn ID-warn'] },
    {
      name: 'is not warned again of what it was told at login',
      first: decision('warn'),
      then: decision('warn'),
      told: [],
    },
    {
      name: 'is warned anew when the warning is another one',
      first: decision('warn'),
      then: decision('warn', { id: 'ID-other', text: 'Another text.' }),
      told: ['warn ID-other'],
    },
    {
      name: 'is not warned again because another policy says the same',
      first: decision('warn'),
      then: decision('warn', { id: 'ID-other', policyVersion: 2 }),
      told: [],
    },
    { name: 'is told nothing while it stays allowed', then: decision('allow'), told: [] },
    { name: 'goes on in monitor mode', then: decision('block', { enforced: false }), told: [] },
    { name: 'goes on through a fault: a fault is no verdict', then: decision('unavailable'), told: [] },
  ]
  for (const { name, first, then, told } of cases) {
    it(name, async () => {
      const session = open('anna', first)
      answers.set('anna', then)
      live.userChanged('anna')
      await clock.tickAsync(SPREAD_MS)
      assert.deepEqual(session.told, told)
    })
  }

  it('tells a change only to the sessions it concerns', async () => {
    const [anna, ben] = [open('anna'), open('ben')]
    answers.set('anna', decision('block')).set('ben', decision('block'))
    live.userChanged('anna')
    await clock.tickAsync(SPREAD_MS)
    assert.deepEqual([anna.told, ben.told], [['end ID-block'], []])
    live.deviceChanged('ben-phone')
    await clock.tickAsync(SPREAD_MS)
    assert.deepEqual(ben.told, ['end ID-block'])
  })

  it('finds the session that a change concerns among thousands that come and go', async () => {
    const others = Array.from({ length: 12_000 }, (_, i) => live.add(new FakeSession(`user-${i}`), ALLOW))
    const [first, second] = [open('anna'), open('anna')]
    for (let i = 0; i < 12_000; i += 1) live.add(new FakeSession(`later-${i}`), ALLOW)
    answers.set('anna', decision('block'))
    live.userChanged('anna')
    for (const following of others) {
      following.stop()
      if (Math.random() < 0.001) await clock.nextAsync()
    }
    await clock.tickAsync(SPREAD_MS)
    assert.deepEqual([first.told, second.told], [['end ID-block'], ['end ID-block']])
  })

  it('spreads the end of many sessions evenly', async () => {
    const sessions = Array.from({ length: 1000 }, (_, i) => open(`user-${i}`))
    for (const { subject } of sessions) answers.set(subject.user, decision('block'))
    live.allChanged()
    const ended = (): number => sessions.filter(({ told }) => told.length > 0).length
    for (let tenth = 1; tenth <= 10; tenth += 1) {
      await clock.tickAsync(SPREAD_MS / 10)
      assert.ok(Math.abs(ended() - tenth * 100) <= 10, `${ended()} ended after ${tenth} tenths`)
    }
  })

  it('spares a session when the order is taken back within the spread', async () => {
    const session = open('anna')
    answers.set('anna', decision('block'))
    live.userChanged('anna')
    await clock.nextAsync()
    answers.delete('anna')
    live.userChanged('anna')
    await clock.tickAsync(2 * SPREAD_MS)
    assert.deepEqual(session.told, [])
  })

  it('decides once more right before the end, seen by the poller or not', async () => {
    const session = open('anna')
    answers.set('anna', decision('block'))
    live.userChanged('anna')
    await clock.nextAsync()
    answers.delete('anna')
    await clock.tickAsync(2 * SPREAD_MS)
    assert.deepEqual(session.told, [])
  })

  it('follows time alone: a deadline ends the session by itself', async () => {
    const deadline = 60_000
    answers.set('anna', decision('allow', { validUntil: deadline }))
    const session = open('anna')
    await clock.tickAsync(deadline - 1)
    answers.set('anna', decision('block'))
    assert.deepEqual(session.told, [])
    await clock.tickAsync(SPREAD_MS + 1000)
    assert.deepEqual(session.told, ['end ID-block'])
  })

  it('follows the next moment after each one that passed', async () => {
    answers.set('anna', decision('allow', { validUntil: 60_000 }))
    const session = open('anna')
    answers.set('anna', decision('warn', { validUntil: 120_000 }))
    await clock.tickAsync(61_000)
    assert.deepEqual(session.told, ['warn ID-warn'])
    answers.set('anna', decision('block'))
    await clock.tickAsync(60_000 + SPREAD_MS)
    assert.deepEqual(session.told, ['warn ID-warn', 'end ID-block'])
  })

  it('hears of what changed between its decision and now', async () => {
    answers.set('anna', decision('block'))
    const session = open('anna', decision('allow'))
    await clock.tickAsync(SPREAD_MS)
    assert.deepEqual(session.told, ['end ID-block'])
  })

  it('forgets a session that is over', async () => {
    const session = new FakeSession('anna')
    const following = live.add(session, ALLOW)
    answers.set('anna', decision('block'))
    live.userChanged('anna')
    await clock.nextAsync()
    following.stop()
    live.userChanged('anna')
    live.allChanged()
    await clock.tickAsync(2 * SPREAD_MS)
    assert.deepEqual(session.told, [])
  })
})
