import assert from 'node:assert/strict'

import { ANNA, blockEntry, cliSites, record } from './site'

const POLICY = `mode: enforce
contact: "Help desk: +1 555 0100"
mandates:
  - { id: m, finding: app:x, platforms: [ios], deadline: 2026-07-10T23:59:00-07:00, message: Remove it }
`
const now = (): string => new Date().toISOString()
/** Evidence fresh enough that nothing is stale. */
const phone = (change: Readonly<Record<string, unknown>> = {}): string =>
  record({ state: 'compliant', evidence_at: now(), ...change })

interface Why {
  readonly cases: readonly Record<string, unknown>[]
  readonly recent: readonly Record<string, unknown>[]
}

describe('device-gate why', () => {
  const site = cliSites()
  const why = async (who: string): Promise<Why> => (await site().json('why', who)) as Why

  beforeEach(async () => {
    await site().applyPolicy(POLICY)
    await site().out('device', 'put', phone())
    await site().out('device', 'put', phone({ id: 'anna-laptop', platform: 'macos' }))
  })

  it('a device: what decides, on what evidence, and what to tell its person', async () => {
    const { cases } = await why('anna-phone')
    const { evidence_at, evidence, valid_until, steps, ...rest } = cases[0] ?? {}
    assert.equal(cases.length, 1)
    assert.match(String(evidence_at), /^\d{4}-/)
    assert.match(String(valid_until), /^\d{4}-/)
    const { age_s, ...of } = evidence as Record<string, unknown>
    assert.ok(Number(age_s) < 60)
    assert.deepEqual(of, { at: evidence_at, source: 'mdm', state: 'compliant', findings: ['app:x'] })
    assert.deepEqual(
      (steps as Record<string, unknown>[])
        .filter(({ result }) => result === 'decided')
        .map(({ step, name, effect, reason, rule }) => [step, name, effect, reason, rule]),
      [[8, 'mandates', 'block', 'mandate_deadline', 'm']],
    )
    assert.deepEqual(rest, {
      title: `device anna-phone (ios, ${ANNA})`,
      user: ANNA,
      device: 'anna-phone',
      platform: 'ios',
      proof: 'tag',
      outcome: 'block',
      enforced: true,
      reason: 'mandate_deadline',
      rule: 'm',
      policy: 1,
      state: 'compliant',
      findings: ['app:x'],
      text: 'Remove it. Help desk: +1 555 0100',
    })
    const text = await site().out('why', 'anna-phone')
    assert.match(
      text,
      /^device anna-phone \(ios, anna@example\.com\)\n {2}decision: +block\n {2}because: +mandate_deadline: m\n/,
    )
    assert.match(text, /^ {2}evidence: +\d+s old, from mdm$/m)
    assert.match(text, /^ {2}tell them: +Remove it\. Help desk: \+1 555 0100$/m)
    assert.match(text, /no blocks or warnings on record\n$/)
  })

  it('a user, however the name is written: each device, and a client that proves none', async () => {
    const { cases } = await why('Anna@Example.com')
    assert.deepEqual(
      cases.map(({ device, proof, outcome, reason }) => [device, proof, outcome, reason]),
      [
        ['anna-laptop', 'tag', 'allow', 'compliant'],
        ['anna-phone', 'tag', 'block', 'mandate_deadline'],
        ['anna-phone', 'owner', 'block', 'mandate_deadline'],
      ],
    )
    assert.match(
      await site().out('why', ANNA),
      /^anna@example\.com on a client that proves no device\n.*\n.*\n {2}decided by: +device anna-phone$/m,
    )
  })

  it('a user of a shared device is decided as that user', async () => {
    const ben = 'ben@example.com'
    await site().out('device', 'put', phone({ id: 'shared', owners: [ANNA, ben] }))
    await site().out('exempt', 'add', '--user', ben, '--for', '1h', '--reason', 'x')
    const outcomes = async (user: string): Promise<unknown> =>
      (await why(user)).cases.find(({ device }) => device === 'shared')?.['outcome']
    assert.deepEqual([await outcomes(ANNA), await outcomes(ben)], ['block', 'allow'])
  })

  it('a user nobody knows: what would become of such a client', async () => {
    const { cases } = await why('nobody@example.com')
    assert.deepEqual(
      cases.map(({ outcome, reason }) => [outcome, reason]),
      [['allow', 'unknown_device']],
    )
    assert.match(
      await site().out('why', 'nobody@example.com'),
      /\(and no device of this user was ever reported\)/,
    )
  })

  it('a decision id from a refusal: that case as it is now, and what was logged', async () => {
    await site().journal(
      blockEntry({ decision: 'VAZFRT1J', reason: 'noncompliant', time: Date.parse('2026-11-20T08:00:00Z') }),
    )
    const { cases, recent } = await why('VAZFRT1J')
    assert.deepEqual(
      cases.map(({ device, outcome }) => [device, outcome]),
      [['anna-phone', 'block']],
    )
    assert.deepEqual(
      recent.map(({ decision, reason }) => [decision, reason]),
      [['VAZFRT1J', 'noncompliant']],
    )
    assert.match(await site().out('why', 'VAZFRT1J'), /^anna@example\.com, device anna-phone, as it is now\n/)
    assert.match(
      await site().out('why', 'VAZFRT1J'),
      /^recent\n {2}2026-11-20T08:00:00Z {2}imap {2}block {2}noncompliant {2}decision VAZFRT1J {2}repeats 0\n$/m,
    )
  })

  it('a decision id as it is heard on the phone: small letters, I for 1, O for 0', async () => {
    await site().journal(blockEntry({ decision: '0A1BC1DE' }))
    for (const heard of ['0a1bc1de', 'OA1BC1DE', 'oaibclde'])
      assert.equal((await why(heard)).recent.length, 1, heard)
  })

  it('what nothing is known as: refused', async () => {
    const { code, err } = await site().run('why', 'XXXXXXXX')
    assert.deepEqual(
      { code, err },
      { code: 1, err: 'device-gate: no device, user or decision is known as XXXXXXXX\n' },
    )
  })

  it('in monitor mode says what would be', async () => {
    await site().out('mode', 'monitor', '--reason', 'x')
    assert.match(await site().out('why', 'anna-phone'), /^ {2}decision: +allow \(would block\)$/m)
    assert.equal((await why('anna-phone')).cases[0]?.['enforced'], false)
  })

  it('a moment that never comes is null, and never to people', async () => {
    await site().out('mode', 'off', '--reason', 'x')
    assert.equal((await why('anna-phone')).cases[0]?.['valid_until'], null)
    assert.match(await site().out('why', 'anna-phone'), /^ {2}holds until: never$/m)
  })
})

describe('device-gate blocked', () => {
  const site = cliSites()
  beforeEach(async () => {
    await site().applyPolicy(POLICY)
    await site().out('device', 'put', phone())
    await site().out('device', 'put', phone({ id: 'anna-laptop', platform: 'macos' }))
    await site().out(
      'device',
      'put',
      phone({
        id: 'ben-pc',
        owners: ['ben@example.com', 'ada@example.com'],
        platform: 'windows',
        state: 'noncompliant',
      }),
    )
  })

  it('lists who is blocked now, and why', async () => {
    const lines = (await site().lines('blocked')) as Record<string, unknown>[]
    assert.deepEqual(
      lines.map(({ evidence_at, ...rest }) => ({ ...rest, evidence_at: typeof evidence_at })),
      [
        {
          device: 'anna-phone',
          owners: [ANNA],
          platform: 'ios',
          enforced: true,
          reason: 'mandate_deadline',
          rule: 'm',
          evidence_at: 'string',
        },
        {
          device: 'ben-pc',
          owners: ['ben@example.com', 'ada@example.com'],
          platform: 'windows',
          enforced: true,
          reason: 'noncompliant',
          rule: null,
          evidence_at: 'string',
        },
      ],
    )
    const [headings, first, second] = (await site().out('blocked')).split('\n')
    assert.match(headings ?? '', /^device +owners +platform +blocked +reason +rule +evidence$/)
    assert.match(first ?? '', /^anna-phone +anna@example\.com +ios +yes +mandate_deadline +m +\d+s$/)
    assert.match(
      second ?? '',
      /^ben-pc +ben@example\.com ada@example\.com +windows +yes +noncompliant +- +\d+s$/,
    )
  })
  it('in monitor mode, who would be', async () => {
    await site().out('mode', 'monitor', '--reason', 'x')
    assert.match(await site().out('blocked'), /^anna-phone .* would be +mandate_deadline/m)
  })
  it('nobody, once the order is taken back', async () => {
    await site().out('mode', 'off', '--reason', 'sent in error')
    assert.equal(await site().out('blocked'), 'no device is blocked\n')
    assert.deepEqual(await site().lines('blocked'), [])
  })
  it('with locks, without exemptions', async () => {
    await site().out('lock', 'add', '--device', 'anna-laptop', '--reason', 'lost')
    await site().out('exempt', 'add', '--device', 'anna-phone', '--for', '1h', '--reason', 'x')
    const lines = (await site().lines('blocked')) as Record<string, unknown>[]
    assert.deepEqual(
      lines.map(({ device, reason, rule }) => [device, reason, rule]),
      [
        ['anna-laptop', 'locked', 'lock:device:anna-laptop'],
        ['ben-pc', 'noncompliant', null],
      ],
    )
  })
})
