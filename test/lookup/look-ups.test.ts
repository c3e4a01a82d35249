import assert from 'node:assert/strict'

import { bucketOf, startOf } from '../../src/journal/traffic'
import { overviewJson } from '../../src/lookup/overview'
import { problemsOf } from '../../src/lookup/problems'
import { NoPolicyError, NotKnownError } from '../../src/lookup/site'
import { statusFacts } from '../../src/lookup/status'
import { deviceTimeline, person } from '../../src/lookup/timeline'
import { why } from '../../src/lookup/why'
import { AttestationDesk } from '../../src/orders/attestation-desk'
import { attestation, override, policy, record } from '../devices/samples'
import { entry } from '../journal/samples'
import { tempDirs } from '../support/temp-dir'
import { TrialSite } from './trial-site'

const ANNA = 'anna@example.com'
const HOUR_MS = 3_600_000

describe('a look-up', () => {
  const tempDir = tempDirs()
  let site: TrialSite
  beforeEach(() => (site = new TrialSite(tempDir())))
  afterEach(() => site.close())

  const by = { author: 'ops', reason: 'a test', at: 0 }
  const visit = (hoursAgo: number, device: string | null, user = ANNA): void =>
    site.journal.traffic.note(
      {
        bucket: bucketOf(site.now - hoursAgo * HOUR_MS),
        protocol: 'imap',
        user,
        device,
        proof: device === null ? 'none' : 'tag',
        platformHint: null,
      },
      null,
    )

  async function filled(): Promise<void> {
    const evidenceAt = site.now - HOUR_MS
    await site.store.applyPolicy(policy({ mandates: [] }), 'mode: enforce', by)
    await site.store.putDevices([
      record({ id: 'phone', state: 'noncompliant', evidenceAt }),
      record({ id: 'laptop', platform: 'macos', evidenceAt }),
      record({ id: 'other', owners: ['ben@example.com'], evidenceAt }),
    ])
    await site.store.putOverride(
      override({
        subject: { kind: 'device', id: 'phone' },
        createdAt: site.now,
        expiresAt: site.now + HOUR_MS,
      }),
    )
    await site.store.putOverride(
      override({ kind: 'lock', subject: { kind: 'device', id: 'other' }, expiresAt: null }),
    )
    site.journal.append(entry({ user: ANNA, device: 'phone', time: site.now - HOUR_MS }))
    site.journal.append(entry({ user: 'ben@example.com', device: 'other', time: site.now }))
    for (const hoursAgo of [30, 3]) visit(hoursAgo, 'phone')
    visit(5, null)
    visit(1, 'other', 'ben@example.com')
    await site.journal.drain()
  }

  it('of a person: devices, overrides, cases, orders, blocks and last syncs, and of nobody else', async () => {
    await filled()
    const { user, devices, overrides, cases, history, recent, synced } = await person(
      site.lookup,
      'Anna@Example.com',
    )
    assert.equal(user, ANNA)
    assert.deepEqual(
      devices.map(({ id }) => id),
      ['laptop', 'phone'],
    )
    assert.deepEqual(
      overrides.map(({ kind, subject }) => [kind, subject.id]),
      [['exemption', 'phone']],
    )
    assert.deepEqual(
      cases.map(({ decision }) => [decision.deviceId, decision.proof, decision.reason]),
      [
        ['laptop', 'tag', 'compliant'],
        ['phone', 'tag', 'exempted'],
        ['laptop', 'owner', 'compliant'],
      ],
    )
    assert.deepEqual(
      history.map(({ kind, change }) => [kind, change.slice(0, 12)]),
      [['exempt', 'device phone']],
    )
    assert.deepEqual(
      recent.map(({ device }) => device),
      ['phone'],
    )
    const at = (hoursAgo: number): number => startOf(bucketOf(site.now - hoursAgo * HOUR_MS))
    assert.deepEqual(synced, [
      { user: ANNA, device: 'phone', protocol: 'imap', at: at(3) },
      { user: ANNA, device: null, protocol: 'imap', at: at(5) },
    ])
  })

  it('of a person has what they stated: the device that nobody reported, and the orders about it', async () => {
    await filled()
    await site.store.applyPolicy(policy({ mandates: [], unknown: 'block' }), 'unknown: block', by)
    const desk = new AttestationDesk(site.store, () => site.now)
    const asked = attestation({ deviceId: 'own', createdAt: site.now, linkExpiresAt: site.now + HOUR_MS })
    await desk.ask(asked)
    await desk.state(asked, { at: site.now, expiresAt: site.now + HOUR_MS, remote: '192.0.2.1' })
    const { cases, history } = await person(site.lookup, ANNA)
    assert.deepEqual(
      cases.flatMap(({ title, decision }) => (title.startsWith('device own ') ? [decision.reason] : [])),
      ['attested'],
    )
    assert.deepEqual(
      history.map(({ kind, who }) => [kind, who]),
      [
        ['attest', `link:${ANNA}`],
        ['attest', 'ops'],
        ['exempt', 'ops'],
      ],
    )
    assert.deepEqual(
      (await person(site.lookup, 'ben@example.com')).history.map(({ kind }) => kind),
      ['lock'],
    )
  })

  it('of a person of whom nothing is known is empty', async () => {
    await filled()
    const { devices, overrides, history, recent, synced, cases } = await person(
      site.lookup,
      'nobody@example.com',
    )
    assert.deepEqual([devices, overrides, history, recent, synced], [[], [], [], [], []])
    assert.deepEqual(
      cases.map(({ decision }) => decision.reason),
      ['unknown_device'],
    )
  })

  it('of a device: its record, case, overrides, orders, blocks and syncs', async () => {
    await filled()
    const {
      record: device,
      case: now,
      overrides,
      history,
      recent,
      synced,
    } = await deviceTimeline(site.lookup, 'other')
    assert.deepEqual([device.id, now.decision.reason, now.user], ['other', 'locked', 'ben@example.com'])
    assert.deepEqual(
      overrides.map(({ kind }) => kind),
      ['lock'],
    )
    assert.deepEqual(
      history.map(({ kind }) => kind),
      ['lock'],
    )
    assert.deepEqual(
      recent.map(({ user }) => user),
      ['ben@example.com'],
    )
    assert.deepEqual(
      synced.map(({ device: id }) => id),
      ['other'],
    )
    await assert.rejects(() => deviceTimeline(site.lookup, 'nothing'), NotKnownError)
  })

  it('of why names the step that decided', async () => {
    await filled()
    const { cases } = await why(site.lookup, { device: 'other' })
    const [decided, ...others] = cases.flatMap(({ steps }) =>
      steps.filter(({ result }) => result === 'decided'),
    )
    assert.deepEqual([decided?.step, decided?.effect?.reason, others], [3, 'locked', []])
    assert.match(decided?.saw ?? '', /^lock on device other until removed, by ops .* ago: on loan$/)
    await assert.rejects(why(site.lookup, { device: 'nothing' }), NotKnownError)
    await assert.rejects(why(site.lookup, { decision: 'ZZZZZZZZ' }), NotKnownError)
  })

  it('of why before the first policy says what to do', async () => {
    await assert.rejects(why(site.lookup, { user: ANNA }), NoPolicyError)
  })

  it('of the whole: what is in force, what is counted, what to do', async () => {
    await filled()
    const half = { time: site.now, blocks: 2, warnings: 1, wouldBlocks: 4 }
    const figures = { devices: 3, blocked: 1, warned: 0, wouldBlock: 0, wouldWarn: 0, countedAt: site.now }
    const overview = (await overviewJson(site.lookup, {
      standing: figures,
      series: [half, half],
      decisionsPerS: null,
    })) as Record<string, unknown>
    assert.deepEqual(
      ['mode', 'policy_version', 'devices', 'overrides', 'blocked_now', 'blocks_24h', 'would_blocks_24h'].map(
        (key) => overview[key],
      ),
      ['enforce', 1, 3, 2, 1, 4, 8],
    )
    assert.equal((overview['series'] as unknown[]).length, 2)
  })

  it('of problems: each has what to do', async () => {
    const facts = await statusFacts(site.lookup)
    const kinds = problemsOf(facts).map(({ kind }) => kind)
    assert.deepEqual(kinds.slice(0, 2), ['no_policy', 'not_running'])
    const pending = { text: '', since: 0, cause: 'guard', newlyBlocked: 9, devices: 10, bound: 1 } as const
    const problems = problemsOf({ ...facts, pending, configProblems: ['x'], configWaiting: ['admin.listen'] })
    assert.deepEqual(
      problems.filter(({ kind }) => kind === 'held_back').map(({ text, todo }) => [text, todo]),
      [
        [
          'the edit of the policy file is held back: it would newly block 9 of 10 devices, the bound is 1',
          'device-gate policy confirm 9 --reason "..."',
        ],
      ],
    )
    for (const { text, todo } of problems) {
      assert.notEqual(text, '')
      assert.notEqual(todo, '')
    }
  })
})
