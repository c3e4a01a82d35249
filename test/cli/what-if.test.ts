import assert from 'node:assert/strict'
import fs from 'node:fs'

import { cliSites, record } from './site'

interface Tally {
  readonly count: number
  readonly platforms: Readonly<Record<string, number>>
  readonly rules: Readonly<Record<string, number>>
  readonly domains: Readonly<Record<string, number>>
}

interface WhatIf {
  readonly file: string
  readonly mode: string
  readonly moments: readonly {
    readonly at: string
    readonly devices: number
    readonly newly_blocked: Tally
    readonly newly_warned: Tally
    readonly newly_allowed: Tally
    readonly silently_noted: Tally
  }[]
}

const NOBODY: Tally = { count: 0, platforms: {}, rules: {}, domains: {} }
const mandate = (deadline: string): string =>
  `mode: enforce\nmandates:\n  - { id: m, finding: app:x, platforms: [ios], deadline: ${deadline}, message: Remove it }\n`

describe('device-gate policy what-if', () => {
  const site = cliSites()
  const whatIf = async (draft: string, ...options: string[]): Promise<WhatIf> =>
    (await site().json('policy', 'what-if', site().write('draft.yaml', draft), ...options)) as WhatIf
  const evidence_at = new Date().toISOString()

  beforeEach(async () => {
    await site().applyPolicy('mode: enforce\nstale: { after: 9000d }\n')
    await site().out('device', 'put', record({ state: 'compliant', evidence_at }))
    await site().out('device', 'put', record({ id: 'pc', platform: 'windows', evidence_at }))
  })

  it('tells who would newly be blocked, and who newly allowed', async () => {
    const { mode, moments } = await whatIf(`${mandate('2026-07-10T00:00:00Z')}noncompliant: allow\n`)
    assert.equal(mode, 'enforce')
    assert.equal(moments.length, 1)
    const { at, ...impact } = moments[0] ?? assert.fail('no moment')
    assert.match(at, /Z$/)
    assert.deepEqual(impact, {
      devices: 2,
      newly_blocked: { count: 1, platforms: { ios: 1 }, rules: { m: 1 }, domains: { 'example.com': 1 } },
      newly_warned: NOBODY,
      newly_allowed: {
        count: 1,
        platforms: { windows: 1 },
        rules: { noncompliant: 1 },
        domains: { 'example.com': 1 },
      },
      silently_noted: NOBODY,
    })
  })
  it('tells it now and at each deadline to come, or at the moments that are asked for', async () => {
    const draft = mandate('2099-07-10T00:00:00Z')
    const counts = async (...options: string[]): Promise<unknown> =>
      (await whatIf(draft, ...options)).moments.map(({ newly_blocked }) => newly_blocked.count)
    assert.deepEqual(await counts(), [0, 1])
    assert.deepEqual(await counts('--at', '2099-07-09T23:59:59Z', '--at', '2099-07-10T00:00:00Z'), [0, 1])
  })
  it('tells it at each stage of a draft, and at its end', async () => {
    const staged = mandate('2099-07-10T00:00:00Z').replace(
      'message',
      'stages: [{ percent: 1, from: 2099-07-11T00:00:00Z }, { percent: 100, from: 2099-07-12T00:00:00Z }], until: 2099-08-01T00:00:00Z, message',
    )
    const { moments } = await whatIf(staged)
    assert.deepEqual(
      moments.slice(1).map(({ at, newly_blocked }) => [at, newly_blocked.count]),
      [
        ['2099-07-11T00:00:00.000Z', 0],
        ['2099-07-12T00:00:00.000Z', 1],
        ['2099-08-01T00:00:00.000Z', 0],
      ],
    )
  })
  it('tells whom a silent mandate would hit, and says where a draft has more moments than are told', async () => {
    const silent = mandate('2026-07-10T00:00:00Z').replace('id: m,', 'id: m, mode: silent,')
    assert.deepEqual((await whatIf(silent)).moments[0]?.silently_noted.rules, { m: 1 })
    const text = await site().out('policy', 'what-if', site().file('draft.yaml'))
    assert.match(text, /^silently noted +1 +ios 1 +m 1 +example\.com 1$/m)
    const many = Array.from(
      { length: 20 },
      (_, i) =>
        `  - { id: m${i}, finding: app:x, platforms: [ios], deadline: 2099-07-${10 + i}T00:00:00Z, message: Remove it }\n`,
    )
    const draft = site().write('draft.yaml', `mode: enforce\nmandates:\n${many.join('')}`)
    const { out, err } = await site().run('policy', 'what-if', draft, '--json')
    assert.equal((JSON.parse(out) as WhatIf).moments.length, 16)
    assert.match(err, /the draft has 20 moments to come, the first are told; ask for others by --at/)
  })
  it('takes --at before the file too', async () => {
    const draft = site().write('draft.yaml', 'mode: enforce')
    assert.match(
      await site().out('policy', 'what-if', '--at', '2099-01-01T00:00:00Z', draft),
      /^at 2099-01-01T00:00:00Z, of 2 devices\n/,
    )
  })
  it('says what enforcing would do where the draft does not enforce', async () => {
    const draft = mandate('2026-07-10T00:00:00Z').replace('enforce', 'monitor')
    assert.equal((await whatIf(draft)).mode, 'monitor')
    const text = await site().out('policy', 'what-if', site().file('draft.yaml'))
    assert.match(text, /^the mode would be monitor: this is what enforcing it would do\n/)
    assert.match(text, /^newly blocked +1 +ios 1 +m 1 +example\.com 1$/m)
  })
  it('lists the devices, for the gate’s user alone', async () => {
    const list = site().file('list.ndjson')
    await whatIf(mandate('2026-07-10T00:00:00Z'), '--list', list)
    const [line, end] = fs.readFileSync(list, 'utf8').split('\n')
    const { at, ...rest } = JSON.parse(line ?? '') as Record<string, unknown>
    assert.equal(typeof at, 'string')
    assert.deepEqual(rest, {
      device: 'anna-phone',
      owners: ['anna@example.com'],
      platform: 'ios',
      from: 'allow',
      to: 'block',
      reason: 'mandate_deadline',
      rule: 'm',
    })
    assert.equal(end, '')
    assert.equal(fs.statSync(list).mode & 0o777, 0o600)
  })
  it('changes nothing', async () => {
    const before = await site().out('status', '--json')
    await whatIf(mandate('2026-07-10T00:00:00Z'))
    assert.equal(await site().out('status', '--json'), before)
  })
  it('refuses a bad draft, a list that cannot be written, and a site without a policy', async () => {
    const draft = site().write('draft.yaml', 'mode: enforced')
    const bad = await site().run('policy', 'what-if', draft)
    assert.match(bad.err, /draft\.yaml is not valid\ndraft\.yaml:1:1 mode: must be one of/)
    site().write('draft.yaml', 'mode: enforce')
    const unwritable = await site().run('policy', 'what-if', draft, '--list', site().file('nowhere', 'list'))
    assert.match(unwritable.err, /nowhere\/list cannot be written: ENOENT/)
    fs.rmSync(site().file('var'), { recursive: true })
    const none = await site().run('policy', 'what-if', draft)
    assert.match(none.err, /no policy was applied yet/)
    assert.deepEqual([bad.code, unwritable.code, none.code], [1, 1, 1])
  })
})
