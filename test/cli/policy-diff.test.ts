import assert from 'node:assert/strict'

import { cliSites } from './site'

const order = (deadline: string): string =>
  `mode: enforce\nmandates:\n  - { id: m, finding: app:x, platforms: [ios, android], deadline: ${deadline}, message: Remove it }\n`
const FRIDAY = order('2026-07-10T23:59:00-07:00')
const SATURDAY = order('2026-07-11T23:59:00-07:00')
const NEW =
  '- m is new. From 10 July 2026 23:59 (UTC-7) phones (ios, android) with the app x are blocked; laptops are not.\n'

describe('device-gate policy diff', () => {
  const site = cliSites()
  const diff = (...which: string[]) => site().run('policy', 'diff', ...which)

  beforeEach(async () => {
    await site().applyPolicy('mode: enforce\n')
    await site().applyPolicy(FRIDAY)
  })

  it('of two versions', async () => {
    assert.equal((await diff('1', '2')).out, `from version 1 to version 2:\n${NEW}`)
  })
  it('of two files, in the zone that their author writes', async () => {
    const [a, b] = [site().write('a.yaml', 'mode: enforce\n'), site().write('b.yaml', FRIDAY)]
    assert.equal((await diff(a, b)).out, `from ${a} to ${b}:\n${NEW}`)
  })
  it('of one: from what is in force to it', async () => {
    const draft = site().write('draft.yaml', SATURDAY)
    assert.match(
      (await diff(draft)).out,
      /^from version 2 to .*draft\.yaml:\n- m: the deadline moves to 11 July .* 1 day later\./,
    )
    assert.match((await diff('1')).out, /^from version 2 to version 1:\n- m is taken out: /)
  })
  it('of what is the same', async () => {
    assert.equal((await diff('2')).out, 'nothing differs between version 2 and version 2\n')
  })
  it('of a draft whose own tests do not hold yet', async () => {
    const test = 'tests: [{ device: { platform: ios }, at: 2026-07-10T00:00:00Z, expect: block }]\n'
    const { code, out } = await diff(site().write('draft.yaml', FRIDAY + test))
    assert.equal(code, 0)
    assert.match(out, /own tests change: 0 cases before, 1 case after/)
  })
  it('as JSON', async () => {
    assert.deepEqual(await site().json('policy', 'diff', '1', '2'), {
      from: 'version 1',
      to: 'version 2',
      changes: [{ what: 'mandates.m', change: NEW.slice(2, -1) }],
    })
  })
  it('of what is no policy, or not there: refused', async () => {
    const bad = await diff(site().write('bad.yaml', 'mode: enforced\n'))
    assert.match(bad.err, /bad\.yaml is not valid\nbad\.yaml:1:1 mode: must be one of/)
    const gone = await diff(site().file('nowhere'))
    assert.match(gone.err, /nowhere does not exist/)
    const unknown = await diff('9')
    assert.match(unknown.err, /there is no policy version 9: see device-gate policy history/)
    assert.deepEqual([bad.code, gone.code, unknown.code], [1, 1, 1])
  })
})
