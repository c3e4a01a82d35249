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
      synced: { devices: 0, people: 0 },
      affected: [
        {
          user: ANNA,
          device: 'anna-phone',
          blocks: 8,
          warnings: 0,
          first,
          last,
          now: 'served',
          synced_at: null,
        },
        { ...ben, blocks: 0, warnings: 1, first: warned, last: warned, now: 'served', synced_at: null },
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
synced since:     0 devices of 0 people so far

user              device      blocked  warned  first                 last                  now     synced
anna@example.com  anna-phone  1        0       2026-11-20T09:00:00Z  2026-11-20T09:00:00Z  served  -
`,
    )
  })

  it('says who has synced by then: by the traffic of this host, and by the block log of all', async () => {
    const at = Date.now()
    const ben = { user: 'ben@example.com', device: 'ben-phone' }
    await site().journal(
      blockEntry({ time: FIRST, policy: 2 }),
      blockEntry({ time: FIRST + 1, policy: 2, ...ben }),
      blockEntry({ time: at + 5, policy: 3, ...ben, outcome: 'warn' }),
    )
    await site().served({ policy: 3, at })
    const { affected, synced } = (await site().json('recall', ...REASON)) as {
      affected: { user: string; synced_at: string }[]
      synced: unknown
    }
    assert.deepEqual(
      affected.map(({ user, synced_at }) => [user, Date.parse(synced_at)]),
      [
        [ANNA, at],
        [ben.user, at + 5],
      ],
    )
    assert.deepEqual(synced, { devices: 2, people: 2 })
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

  it('--follow tells who is served again, once, and who is refused, each time', async () => {
    const ben = { user: 'ben@example.com', device: 'ben-phone' }
    await site().journal(
      blockEntry({ time: FIRST, policy: 2 }),
      blockEntry({ time: FIRST, policy: 2, ...ben }),
    )
    const following = site().start('recall', ...REASON, '--follow')
    await following.until(/ben-phone/)
    const allowed = { policy: 3, outcome: 'allow', reason: 'compliant' } as const
    await site().journal(
      blockEntry({ user: 'stranger@example.com', policy: 3 }),
      blockEntry({ policy: 3, reason: 'locked' }),
      blockEntry(allowed),
      blockEntry({ ...allowed, protocol: 'smtp' }),
      blockEntry({ ...allowed, ...ben }),
      blockEntry({ policy: 3, reason: 'noncompliant' }),
    )
    await following.until(/refused: noncompliant/)
    const code = await following.stop('SIGINT')
    assert.equal(code, 0)
    const told = following.output.split('\n').flatMap((line) => /Z {2}(\S+@.*)/.exec(line)?.[1] ?? [])
    assert.deepEqual(told, [
      'anna@example.com  anna-phone  policy 3  refused: locked  (0 of 2 have synced)',
      'anna@example.com  anna-phone  policy 3  served  (1 of 2 have synced)',
      'ben@example.com  ben-phone  policy 3  served  (2 of 2 have synced)',
      'anna@example.com  anna-phone  policy 3  refused: noncompliant  (2 of 2 have synced)',
    ])
  })

  it('--follow takes in who was refused just before the recall came to their worker', async () => {
    const following = site().start('recall', ...REASON, '--follow')
    await following.until(/blocked under it: nobody/)
    await site().journal(
      blockEntry({ policy: 2 }),
      blockEntry({ policy: 3, outcome: 'allow', reason: 'compliant' }),
    )
    await following.until(/anna-phone {2}policy 3 {2}served {2}\(1 of 1 have synced\)/)
    await following.stop('SIGINT')
  })
})
