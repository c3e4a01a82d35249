import assert from 'node:assert/strict'
import fs from 'node:fs'

import { writeStatus } from '../../src/config/status-file'
import { cliSites, record } from './site'

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/

interface ModeAnswer {
  readonly mode: string | null
  readonly policy_mode: string | null
  readonly mode_override: { mode: string; author: string; reason: string; at: string } | null
  readonly enforcement: string
  readonly damaged: readonly string[]
}

describe('device-gate mode', () => {
  const site = cliSites()

  it('shows what makes up the mode in force on this host', async () => {
    await site().applyPolicy('mode: enforce')
    assert.deepEqual(await site().json('mode'), {
      mode: 'enforce',
      policy_mode: 'enforce',
      mode_override: null,
      enforcement: 'policy',
      damaged: [],
    })
    assert.equal(
      await site().out('mode'),
      [
        'mode in force here:      enforce',
        "policy's own mode:       enforce",
        'mode override:           none',
        "this host's enforcement: policy",
        '',
      ].join('\n'),
    )
  })

  it('sets an override that stands beside the policy’s own mode, with who and why', async () => {
    await site().applyPolicy('mode: enforce')
    const { mode, policy_mode, mode_override } = (await site().json(
      'mode',
      'off',
      '--reason',
      ' sent in error ',
    )) as ModeAnswer
    assert.deepEqual({ mode, policy_mode }, { mode: 'off', policy_mode: 'enforce' })
    assert.ok(mode_override)
    assert.match(mode_override.at, TIME)
    assert.match(mode_override.author, /./)
    assert.deepEqual(
      { mode: mode_override.mode, reason: mode_override.reason },
      { mode: 'off', reason: 'sent in error' },
    )
    assert.match(
      await site().out('mode'),
      /^mode override: +off \(\S+, \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ: sent in error\)$/m,
    )
  })

  it('stands over an edit of the policy, until `policy` takes it away', async () => {
    await site().applyPolicy('mode: enforce')
    await site().out('mode', 'monitor', '--reason', 'let us look first')
    await site().applyPolicy('mode: enforce\nunknown: block')
    assert.equal(((await site().json('mode')) as ModeAnswer).mode, 'monitor')
    const { mode, mode_override } = (await site().json(
      'mode',
      'policy',
      '--reason',
      'we looked',
    )) as ModeAnswer
    assert.deepEqual({ mode, mode_override }, { mode: 'enforce', mode_override: null })
  })

  it('can make the policy’s own mode stricter too', async () => {
    await site().applyPolicy('mode: monitor')
    assert.equal(((await site().json('mode', 'enforce', '--reason', 'now')) as ModeAnswer).mode, 'enforce')
  })

  it('cannot make this host stricter than its own break-glass allows', async () => {
    site().write('config/device_gate.yaml', 'enforcement: monitor\n')
    await site().applyPolicy('mode: off')
    const { mode, enforcement } = (await site().json('mode', 'enforce', '--reason', 'now')) as ModeAnswer
    assert.deepEqual({ mode, enforcement }, { mode: 'monitor', enforcement: 'monitor' })
  })

  it('`policy` where no override stands is no mistake', async () => {
    assert.equal((await site().run('mode', 'policy', '--reason', 'to be sure')).code, 0)
  })

  it('can be set before there is any policy', async () => {
    const { code, out } = await site().run('mode', 'off', '--reason', 'before the start')
    assert.equal(code, 0)
    assert.match(out, /^mode in force here: +none: no policy was applied yet/m)
  })
})

describe('device-gate status', () => {
  const site = cliSites()

  it('of a new site', async () => {
    site().write('config/device_gate_policy.yaml', 'mode: monitor')
    assert.deepEqual(await site().json('status'), {
      mode: null,
      policy_mode: null,
      mode_override: null,
      enforcement: 'policy',
      policy_version: null,
      policy_problems: [],
      pending: null,
      recall: null,
      held: [],
      proposals: [],
      config_problems: [],
      config_waiting: [],
      damaged: [],
      admin: { address: null, problem: null },
      oauth: { problem: null },
      gate: null,
      tag_keys: { count: 0, signing: null },
      feeds: [],
      devices: 0,
      overrides: 0,
      sequence: 0,
      state_dir: site().file('var'),
    })
  })

  it('of a site in use, while Haraka is down', async () => {
    await site().applyPolicy('mode: enforce')
    await site().applyPolicy('mode: enforce\nunknown: warn')
    await site().out('device', 'put', record())
    await site().out('lock', 'add', '--device', 'anna-phone', '--reason', 'lost')
    const { signing } = (await site().json('tag', 'rotate')) as { signing: string }
    site().write('config/device_gate_policy.yaml', 'mode: enforce')
    const status = (await site().json('status')) as Record<string, unknown>
    const { mode, policy_version, devices, overrides, sequence, tag_keys, gate } = status
    assert.deepEqual(
      { mode, policy_version, devices, overrides, sequence, tag_keys, gate },
      {
        mode: 'enforce',
        policy_version: 2,
        devices: 1,
        overrides: 1,
        sequence: 4,
        tag_keys: { count: 1, signing },
        gate: null,
      },
    )
    const text = await site().out('status')
    assert.match(text, /^gate: +not running$/m)
    assert.match(text, /^policy file: +valid$/m)
    assert.match(text, /^config file: +valid$/m)
  })

  it('says what is wrong with the files as they are now', async () => {
    await site().applyPolicy('mode: enforce')
    site().write('config/device_gate_policy.yaml', 'mode: enforced')
    const text = await site().out('status')
    assert.match(
      text,
      /^policy file: +NOT valid: device_gate_policy\.yaml:1:1 mode: must be one of off, monitor, enforce \(found "enforced"\)$/m,
    )
    assert.match(text, /^mode in force here: +enforce$/m, 'the last good one stands')
  })

  it('while Haraka runs: since when, and what it says of the files', async () => {
    await site().applyPolicy('mode: enforce')
    fs.mkdirSync(site().file('var'), { recursive: true })
    writeStatus(site().file('var'), {
      pid: process.pid,
      startedAt: Date.parse('2026-11-20T08:00:00Z'),
      configProblems: ['device_gate.yaml:1:1 is empty'],
      policyProblems: [],
      storeProblem: null,
      adminAddress: 'http://127.0.0.1:8143',
      adminProblem: null,
      oauthProblem: 'login.example.com did not answer within 10000 ms',
      configWaiting: ['imap.listen', 'state_dir'],
    })
    const { gate, config_problems, policy_problems, config_waiting } = (await site().json(
      'status',
    )) as Record<string, unknown>
    assert.deepEqual(
      { gate, config_problems, policy_problems, config_waiting },
      {
        gate: { pid: process.pid, since: '2026-11-20T08:00:00.000Z', workers: 0, sessions: 0 },
        config_problems: ['device_gate.yaml:1:1 is empty'],
        policy_problems: [],
        config_waiting: ['imap.listen', 'state_dir'],
      },
    )
    const text = await site().out('status')
    assert.match(text, new RegExp(`^gate: +running, pid ${process.pid}, since 2026-11-20T08:00:00Z$`, 'm'))
    assert.match(text, /^admin server: +http:\/\/127\.0\.0\.1:8143$/m)
    assert.match(text, /^config file: +NOT in force: device_gate\.yaml:1:1 is empty$/m)
    assert.match(text, /^OAUTH KEYS: +login\.example\.com did not answer within 10000 ms$/m)
    assert.match(text, /^policy file: +in force$/m)
    assert.match(text, /^waits for a restart: +imap\.listen\nwaits for a restart: +state_dir$/m)
  })

  it('goes by state_dir', async () => {
    site().write('config/device_gate.yaml', 'state_dir: ./elsewhere\n')
    assert.equal(((await site().json('status')) as { state_dir: string }).state_dir, site().file('elsewhere'))
    assert.ok(fs.existsSync(site().file('elsewhere', 'replica')))
    assert.ok(!fs.existsSync(site().file('var')))
  })
})
