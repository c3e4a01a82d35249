import assert from 'node:assert/strict'

import { ANNA, blockEntry, cliSites, record } from './site'

const ALLOWS = 'mode: enforce\nnoncompliant: allow\nstale: { after: 9000d }\n'
const BLOCKS = ALLOWS.replace('allow', 'block')
const FIRST = Date.parse('2026-11-20T09:00:00Z')
const LAST = Date.parse('2026-11-20T11:00:00Z')

describe('device-gate recall', () => {
  const site = cliSites()

  beforeEach(async () => {
    await site().applyPolicy(ALLOWS, FIRST - 7_200_000)
    await site().applyPolicy(BLOCKS, FIRST - 3_600_000)
    await site().out('device', 'put', record())
  })
  const REASON = ['--reason', 'sent in error']

  it('puts the policy before in force, and proves whom the order had hit', async () => {
    const ben = { user: 'ben@example.com', device: 'ben-phone' }
    await site().journal(
      blockEntry({ time: FIRST - 5_000_000, policy: 1 }),
      blockEntry({ time: FIRST, policy: 2 }),
      blockEntry({ time: LAST, policy: 2, repeats: 7, protocol: 'smtp' }),
      blockEntry({ time: FIRST + 1, policy: 2, ...ben, outcome: 'warn', reason: 'grace' }),
      blockEntry({ time: FIRST + 2, policy: 2, user: 'would@example.com', enforced: false }),
    )
    const proof = (await site().json('recall', ...REASON)) as Record<string, unknown>
    const first = '2026-11-20T09:00:00.000Z'
    const last = '2026-11-20T11:00:00.000Z'
    const warned = '2026-11-20T09:00:00.001Z'
    assert.deepEqual(proof, {
      recalled: 2,
      to: 1,
      this_host_only: false,
      hosts: [],
      blocked: { devices: 1, people: 1, first, last },
      warned: { devices: 1, people: 1, first: warned, last: warned },
      affected: [
        { user: ANNA, device: 'anna-phone', blocks: 8, warnings: 0, first, last, now: 'served' },
        { ...ben, blocks: 0, warnings: 1, first: warned, last: warned, now: 'served' },
      ],
    })
    assert.equal(await site().out('policy', 'show'), ALLOWS)
  })

  it('as text', async () => {
    await site().journal(blockEntry({ time: FIRST, policy: 2 }))
    assert.equal(
      await site().out('recall', ...REASON),
      `taken back:       policy version 2
in force again:   what version 1 said
blocked under it: 1 devices of 1 people, first 2026-11-20T09:00:00Z, last 2026-11-20T09:00:00Z
warned under it:  nobody

user              device      blocked  warned  first                 last                  now
anna@example.com  anna-phone  1        0       2026-11-20T09:00:00Z  2026-11-20T09:00:00Z  served
`,
    )
  })

  it('says who is refused all the same', async () => {
    await site().journal(blockEntry({ time: FIRST, policy: 2 }))
    await site().out('lock', 'add', '--user', ANNA, ...REASON)
    const { affected } = (await site().json('recall', ...REASON)) as { affected: { now: string }[] }
    assert.deepEqual(
      affected.map(({ now }) => now),
      ['refused: locked'],
    )
  })

  it('goes to a version that is named', async () => {
    await site().applyPolicy(`${ALLOWS}grace: block\n`)
    assert.match(await site().out('recall', '--to', '1', ...REASON), /in force again: +what version 1 said/)
    assert.equal(await site().out('policy', 'show'), ALLOWS)
  })

  const refusals: [what: string, argv: string[], code: number, told: RegExp][] = [
    ['a version that does not exist', ['--to', '7', ...REASON], 1, /there is no policy version 7: see /],
    ['a version that is in force', ['--to', '2', ...REASON], 1, /version 2 says is in force already/],
    ['what is no version', ['--to', 'yesterday', ...REASON], 2, /"yesterday" is no policy version/],
    ['no reason', [], 2, /say why: add --reason/],
  ]
  for (const [what, argv, expected, told] of refusals)
    it(`refuses ${what}, and changes nothing`, async () => {
      const { code, err } = await site().run('recall', ...argv)
      assert.match(err, told)
      assert.equal(code, expected)
      assert.equal(await site().out('policy', 'show'), BLOCKS)
    })

  it('is shown by status until it is released', async () => {
    await site().out('recall', ...REASON)
    assert.match(
      await site().out('status'),
      /RECALLED: +version 2, back to what version 1 said \(.*: sent in error\); edits of the policy file are held back/,
    )
    assert.match(
      await site().out('policy', 'unpin', '--reason', 'mended'),
      /the next edit of the policy file counts again/,
    )
    assert.doesNotMatch(await site().out('status'), /RECALLED/)
    const { code, err } = await site().run('policy', 'unpin', '--reason', 'again')
    assert.deepEqual([code, /no recall pins/.test(err)], [1, true])
  })

  it('--follow tells who is refused again', async () => {
    await site().journal(blockEntry({ time: FIRST, policy: 2 }))
    const following = site().start('recall', ...REASON, '--follow')
    await following.until(/anna-phone/)
    await site().journal(
      blockEntry({ user: 'stranger@example.com', policy: 3 }),
      blockEntry({ policy: 3, reason: 'locked' }),
    )
    await following.until(/policy 3 {2}refused: locked/)
    const code = await following.stop('SIGINT')
    assert.equal(code, 0)
    assert.doesNotMatch(following.output, /stranger/)
  })
})
