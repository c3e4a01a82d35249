import assert from 'node:assert/strict'

import { cliSites } from './site'

const policy = (...tests: string[]): string => `mode: enforce
mandates:
  - { id: m, finding: app:x, platforms: [ios], deadline: 2026-07-10T23:59:00-07:00, message: Remove it }
tests:
${tests.map((test) => `  - ${test}\n`).join('')}`
const AT = 'at: 2026-07-11T09:00:00-07:00'
const BLOCKED = `{ device: { platform: ios, findings: ["app:x"] }, ${AT}, expect: block }`
const WRONG = `{ device: { platform: windows, findings: ["app:x"] }, ${AT}, expect: block }`
const ODD = `{ device: { platform: ios, findings: ["site:a#b <\\"&\\\\>"], owners: ["o'hara@example.com"] }, ${AT}, expect: warn }`

describe('device-gate policy test', () => {
  const site = cliSites()
  const run = (text: string, ...options: string[]) =>
    site().run('policy', 'test', site().write('policy.yaml', text), ...options)

  it('says of each case whether it holds, with its line', async () => {
    const { code, out, err } = await run(policy(BLOCKED, WRONG))
    assert.equal(
      out,
      [
        'ok   line 5: ios compliant with app:x at 2026-07-11T16:00:00Z: block',
        'FAIL line 6: windows compliant with app:x at 2026-07-11T16:00:00Z: block, but the policy gives allow (compliant)',
        `${site().file('policy.yaml')}: 1 passed, 1 failed`,
        '',
      ].join('\n'),
    )
    assert.deepEqual({ code, err }, { code: 1, err: 'device-gate: 1 of 2 tests do not hold\n' })
  })
  it('ends with 0 where all hold, and where there are none', async () => {
    assert.equal((await run(policy(BLOCKED))).code, 0)
    const none = await run('mode: enforce\n')
    assert.equal(none.code, 0)
    assert.match(none.out, /: 0 passed, 0 failed\n$/)
  })
  it('ends with 2 where the file is no policy, or not there', async () => {
    const bad = await run('mode: enforced\n')
    assert.match(bad.err, /is no policy\npolicy\.yaml:1:1 mode: must be one of off, monitor, enforce/)
    const gone = await site().run('policy', 'test', site().file('nowhere'))
    assert.match(gone.err, /nowhere does not exist\n$/)
    const format = await run(policy(BLOCKED), '--format', 'html')
    assert.match(format.err, /Allowed choices are text, tap, junit/)
    assert.deepEqual(
      [bad, gone, format].map(({ code, out }) => [code, out]),
      [
        [2, ''],
        [2, ''],
        [2, ''],
      ],
    )
  })
  it('takes the site’s own file where none is named', async () => {
    site().write('config/device_gate_policy.yaml', policy(BLOCKED))
    assert.match(await site().out('policy', 'test'), /device_gate_policy\.yaml: 1 passed, 0 failed\n$/)
  })
  it('--format tap', async () => {
    const { code, out } = await run(policy(BLOCKED, WRONG, ODD), '--format', 'tap')
    assert.equal(
      out,
      [
        'TAP version 13',
        '1..3',
        'ok 1 - ios compliant with app:x at 2026-07-11T16:00:00Z: block',
        'not ok 2 - windows compliant with app:x at 2026-07-11T16:00:00Z: block',
        '  ---',
        '  line: 6',
        '  expected: block',
        '  actual: allow',
        '  reason: compliant',
        '  ...',
        'not ok 3 - ios compliant with site:a\\#b <"&\\\\> of o\'hara@example.com at 2026-07-11T16:00:00Z: warn',
        '  ---',
        '  line: 7',
        '  expected: warn',
        '  actual: allow',
        '  reason: compliant',
        '  ...',
        '',
      ].join('\n'),
    )
    assert.equal(code, 1)
    assert.equal(
      (await run('mode: off\n', '--format', 'tap')).out,
      'TAP version 13\n1..0 # SKIP the policy has no tests\n',
    )
  })
  it('--format junit', async () => {
    const { code, out } = await run(policy(BLOCKED, ODD), '--format', 'junit')
    const file = site().file('policy.yaml')
    const counts = 'tests="2" failures="1" errors="0" time="0"'
    const message = 'expected warn, the policy gives allow (compliant)'
    assert.equal(
      out,
      [
        '<?xml version="1.0" encoding="UTF-8"?>',
        `<testsuites name="device-gate policy test" ${counts}>`,
        `  <testsuite name="${file}" file="${file}" ${counts} skipped="0">`,
        `    <testcase name="line 5: ios compliant with app:x at 2026-07-11T16:00:00Z: block" classname="policy" time="0"/>`,
        `    <testcase name="line 6: ios compliant with site:a#b &lt;&quot;&amp;\\&gt; of o&apos;hara@example.com at 2026-07-11T16:00:00Z: warn" classname="policy" time="0">`,
        `      <failure message="${message}" type="compliant">${message}</failure>`,
        '    </testcase>',
        '  </testsuite>',
        '</testsuites>',
        '',
      ].join('\n'),
    )
    assert.equal(code, 1)
  })
  it('--json', async () => {
    const { code, out } = await run(policy(WRONG), '--json')
    assert.deepEqual(JSON.parse(out), {
      file: site().file('policy.yaml'),
      ok: false,
      tests: [
        {
          line: 5,
          device: { id: 'test', owners: [], platform: 'windows', findings: ['app:x'], state: 'compliant' },
          at: '2026-07-11T16:00:00.000Z',
          expected: 'block',
          got: 'allow',
          reason: 'compliant',
        },
      ],
    })
    assert.equal(code, 1)
  })
  it('knows devices by id and owner, for groups; and decides as if enforced, whatever the mode', async () => {
    const text = (expect: string): string =>
      `mode: off
groups: { pilot: [anna@example.com, d-1] }
mandates:
  - { id: m, groups: [pilot], finding: app:x, platforms: [ios], deadline: 2026-07-10T23:59:00-07:00, message: Remove it }
tests:
  - { device: { platform: ios, findings: ["app:x"], owners: [anna@example.com] }, ${AT}, expect: block }
  - { device: { platform: ios, findings: ["app:x"], id: d-1 }, ${AT}, expect: block }
  - { device: { platform: ios, findings: ["app:x"] }, ${AT}, expect: ${expect} }
`
    assert.equal((await run(text('allow'))).code, 0)
    assert.equal((await run(text('block'))).code, 1)
  })
  it('what a silent mandate only notes, its case expects as an allow', async () => {
    const silent = policy(BLOCKED.replace('block', 'allow')).replace('id: m,', 'id: m, mode: silent,')
    assert.equal((await run(silent)).code, 0)
  })
  it('as a process of its own', async () => {
    const process = site().start(
      'policy',
      'test',
      site().write('policy.yaml', policy(WRONG)),
      '--format',
      'tap',
    )
    assert.equal(await process.exited, 1)
    assert.match(process.stdout, /^TAP version 13\n1\.\.1\nnot ok 1 - /)
  })
})
