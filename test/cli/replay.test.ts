import assert from 'node:assert/strict'

import { bucketOf, startOf, type Visit } from '../../src/journal/traffic'
import { ANNA, cliSites, record } from './site'

const BEN = 'ben@example.com'
const NOW_BUCKET = bucketOf(Date.now())
const at = (bucketsAgo: number): string => new Date(startOf(NOW_BUCKET - bucketsAgo)).toISOString()
const seconds = (time: string): string => time.replace('.000Z', 'Z')

const visit = (bucketsAgo: number, change: Partial<Visit> = {}): Visit => ({
  bucket: NOW_BUCKET - bucketsAgo,
  protocol: 'imap',
  user: ANNA,
  device: 'anna-phone',
  proof: 'tag',
  platformHint: null,
  ...change,
})
/** Blocks since six buckets ago. */
const ORDER = `mode: enforce
stale: { after: 9000d }
mandates:
  - { id: m, finding: app:x, platforms: [ios], deadline: ${at(6)}, message: Remove it }
`

describe('device-gate policy what-if --replay', () => {
  const site = cliSites()
  const replay = (...options: string[]) =>
    site().run('policy', 'what-if', site().write('draft.yaml', ORDER), '--replay', '24h', ...options)

  beforeEach(async () => {
    await site().applyPolicy('mode: enforce\nstale: { after: 9000d }\n')
    await site().out('device', 'put', record({ state: 'compliant' }))
    await site().out('device', 'put', record({ id: 'anna-pc', platform: 'windows', state: 'compliant' }))
    await site().out('device', 'put', record({ id: 'ben-phone', owners: [BEN], state: 'compliant' }))
    await site().traffic(
      visit(400),
      visit(8),
      visit(6),
      visit(4),
      visit(2, { protocol: 'smtp' }),
      visit(2, { device: 'anna-pc' }),
      visit(3, { user: BEN, device: null, proof: 'none' }),
      visit(1, { user: BEN, device: null, proof: 'none', platformHint: 'windows' }),
    )
  })

  it('tells who would have been cut off, from when to when, and why', async () => {
    const { code, out } = await replay('--json')
    const { replayed, ...told } = JSON.parse(out) as { replayed: { visits: number; recorded_from: string } }
    // Not the one of more than a day ago.
    assert.deepEqual([replayed.visits, replayed.recorded_from], [7, at(8)])
    assert.deepEqual(told, {
      file: site().file('draft.yaml'),
      people_cut_off: 2,
      cut_off: [
        {
          user: ANNA,
          device: 'anna-phone',
          protocols: ['imap', 'smtp'],
          count: 3,
          first: at(6),
          last: at(2),
          reason: 'mandate_deadline',
          rule: 'm',
        },
        {
          user: BEN,
          device: 'ben-phone',
          protocols: ['imap'],
          count: 1,
          first: at(3),
          last: at(3),
          reason: 'mandate_deadline',
          rule: 'm',
        },
      ],
    })
    assert.equal(code, 0)
  })
  it('as text', async () => {
    const { out } = await replay()
    assert.match(out, /^of 7 visits on this host from \S+ on, 2 people would have been cut off\n/)
    const row = `${seconds(at(6))}  ${seconds(at(2))}  ${ANNA}  anna-phone  imap smtp  3      m`
    assert.ok(out.includes(`${row}\n`), out)
  })
  it('leaves out whom the policy in force refuses already', async () => {
    await site().out('lock', 'add', '--user', ANNA, '--reason', 'stolen', '--confirm', '2')
    const { cut_off } = JSON.parse((await replay('--json')).out) as { cut_off: { user: string }[] }
    assert.deepEqual(
      cut_off.map(({ user }) => user),
      [BEN],
    )
  })
  it('says where nobody would have been, and where nothing is recorded', async () => {
    const loose = site().write('loose.yaml', 'mode: enforce\n')
    const nobody = await site().out('policy', 'what-if', loose, '--replay', '24h')
    assert.match(nobody, /^of 7 visits .*, 0 people would have been cut off\n$/)
    const nothing = await site().out('policy', 'what-if', loose, '--replay', '1s')
    assert.match(nothing, /^(no traffic is recorded on this host since|of \d visits)/)
  })
  it('refuses what is no duration, and other moments beside it', async () => {
    const bad = await site().run('policy', 'what-if', site().write('draft.yaml', ORDER), '--replay', 'a day')
    assert.match(bad.err, /--replay "a day" is no duration/)
    const both = await replay('--at', '2099-01-01T00:00:00Z')
    assert.match(both.err, /--replay stands without --at and --list/)
    const long = await site().run('policy', 'what-if', site().file('draft.yaml'), '--replay', '8d')
    assert.match(long.err, /--replay goes back 7d at most/)
    assert.deepEqual([bad.code, both.code, long.code], [2, 2, 2])
  })
})
