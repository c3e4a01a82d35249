import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'

import { cliSites } from './site'

const GOOD = `# the order of Friday
mode: enforce
mandates:
  - { id: m, finding: "app:f", platforms: [ios], deadline: 2026-07-10T23:59:00-07:00, message: Remove it }
tests:
  - { device: { platform: ios, findings: ["app:f"] }, at: 2026-07-11T09:00:00-07:00, expect: block }
`
const SAMPLE = path.resolve(__dirname, '../../config/device_gate_policy.yaml')

describe('device-gate policy', () => {
  const site = cliSites()

  describe('check', () => {
    it('the site’s own file', async () => {
      const file = site().write('config/device_gate_policy.yaml', GOOD)
      assert.equal(
        await site().out('policy', 'check'),
        `${file}: valid; mode: enforce, mandates: 1, tests passed: 1\n`,
      )
    })
    it('any file, where there is no site', async () => {
      const { code, out } = await site().runWith([], '-c', '/nowhere', 'policy', 'check', SAMPLE, '--json')
      assert.deepEqual(JSON.parse(out), { ok: true, file: SAMPLE, mode: 'monitor', mandates: 1, tests: 2 })
      assert.equal(code, 0)
    })
    it('a draft with mistakes: each with its place, on lines of their own', async () => {
      const file = site().write('draft.yaml', 'mode: enforced\nunknwon: block\n')
      const { code, out, err } = await site().run('policy', 'check', file)
      assert.equal(
        err,
        [
          `device-gate: ${file} is not valid`,
          'draft.yaml:2:1 unknwon: unknown key; did you mean "unknown"?',
          'draft.yaml:1:1 mode: must be one of off, monitor, enforce (found "enforced")',
          '',
        ].join('\n'),
      )
      assert.deepEqual({ code, out }, { code: 1, out: '' })
    })
    it('a draft whose own test does not hold', async () => {
      const file = site().write('draft.yaml', GOOD.replace('expect: block', 'expect: warn'))
      const { code, err } = await site().run('policy', 'check', file)
      assert.match(
        err,
        /draft\.yaml:6:5 tests\[0\]: this test expects warn, the policy gives block \(mandate_deadline\)/,
      )
      assert.equal(code, 1)
    })
    it('as JSON: the problems on stdout, for editors and CI', async () => {
      const file = site().write('draft.yaml', 'mode: enforced\n')
      const { code, out } = await site().run('policy', 'check', file, '--json')
      assert.deepEqual(JSON.parse(out), {
        ok: false,
        file,
        problems: [
          {
            file,
            line: 1,
            column: 1,
            key: 'mode',
            problem: 'must be one of off, monitor, enforce (found "enforced")',
          },
        ],
      })
      assert.equal(code, 1)
    })
    it('a file that is not there, or is none', async () => {
      assert.match(
        (await site().run('policy', 'check', site().file('nowhere'))).err,
        /nowhere does not exist\n$/,
      )
      assert.match((await site().run('policy', 'check', site().dir)).err, /is no regular file\n$/)
      assert.match(
        (await site().run('policy', 'check')).err,
        /config\/device_gate_policy\.yaml does not exist\n$/,
      )
    })
    it('changes nothing', async () => {
      site().write('config/device_gate_policy.yaml', GOOD)
      await site().out('policy', 'check')
      assert.ok(!fs.existsSync(site().file('var')))
    })
  })

  describe('show', () => {
    beforeEach(async () => {
      await site().applyPolicy(GOOD, Date.parse('2026-11-20T08:00:00Z'))
      await site().applyPolicy('mode: off\n', Date.parse('2026-11-21T08:00:00Z'))
    })
    it('the one in force, to the letter', async () => {
      assert.equal(await site().out('policy', 'show'), 'mode: off\n')
    })
    it('an older one, with its comments', async () => {
      assert.equal(await site().out('policy', 'show', '1'), GOOD)
    })
    it('as JSON', async () => {
      assert.deepEqual(await site().json('policy', 'show', '1'), {
        version: 1,
        applied_at: '2026-11-20T08:00:00.000Z',
        author: 'test',
        reason: 'a test',
        mode: 'enforce',
        mandates: ['m'],
        text: GOOD,
      })
    })
    it('one that there is not: refused', async () => {
      const { code, err } = await site().run('policy', 'show', '3')
      assert.deepEqual(
        { code, err },
        { code: 1, err: 'device-gate: there is no policy version 3: see device-gate policy history\n' },
      )
    })
  })

  describe('history', () => {
    it('what was ordered, newest first', async () => {
      await site().applyPolicy(GOOD, Date.parse('2026-11-20T08:00:00Z'))
      await site().out('mode', 'off', '--reason', 'sent in error')
      const [mode, policy] = (await site().json('policy', 'history')) as Record<string, unknown>[]
      assert.deepEqual(
        [mode?.['n'], mode?.['kind'], mode?.['version'], mode?.['change'], mode?.['reason']],
        [2, 'mode', 1, 'off', 'sent in error'],
      )
      assert.equal(mode?.['prev'], policy?.['hash'])
      assert.deepEqual(
        [policy?.['n'], policy?.['at'], policy?.['who'], policy?.['kind'], policy?.['version']],
        [1, '2026-11-20T08:00:00.000Z', 'test', 'policy', 1],
      )
      assert.match(
        await site().out('policy', 'history'),
        /^n {2}at .*\n2 {2}.* mode .* sent in error\n1 {2}2026-11-20T08:00:00Z {2}test .* a test\n$/,
      )
    })
    it('of a site that never ran', async () => {
      assert.deepEqual(await site().json('policy', 'history'), [])
      assert.equal(await site().out('policy', 'history'), 'nothing was ordered yet\n')
      assert.match((await site().run('policy', 'show')).err, /no policy was applied yet/)
    })
  })
})
