import assert from 'node:assert/strict'

import { blockEntry, cliSites } from './site'

const HOUR = 3_600_000

describe('device-gate blocks', () => {
  const site = cliSites()
  const ids = async (...options: string[]): Promise<unknown[]> =>
    (await site().lines('blocks', ...options)).map((entry) => (entry as { decision: string }).decision)

  it('of a site where nothing happened', async () => {
    assert.equal(await site().out('blocks'), 'nothing was blocked or warned\n')
    assert.deepEqual(await ids(), [])
  })

  it('as JSON: the fields of the block log', async () => {
    await site().journal(blockEntry({ time: Date.parse('2026-11-20T08:00:00Z'), rule: 'm', repeats: 0 }))
    assert.deepEqual(await site().lines('blocks'), [
      {
        time: '2026-11-20T08:00:00.000Z',
        decision: 'VAZFRT1J',
        protocol: 'imap',
        user: 'anna@example.com',
        device: 'anna-phone',
        platform: 'ios',
        proof: 'tag',
        outcome: 'block',
        enforced: true,
        reason: 'noncompliant',
        rule: 'm',
        policy: 1,
        evidence_age_s: 60,
        remote: '192.0.2.1',
        repeats: 0,
      },
    ])
  })

  it('tells people: newest last', async () => {
    await site().journal(
      blockEntry({ decision: 'FIRST', time: Date.parse('2026-11-20T08:00:00Z') }),
      blockEntry({
        decision: 'SECOND',
        time: Date.parse('2026-11-20T09:00:00Z'),
        user: 'ben@example.com',
        device: null,
        proof: 'none',
        enforced: false,
        evidenceAgeS: null,
      }),
    )
    const [headings, first, second] = (await site().out('blocks')).split('\n')
    assert.match(
      headings ?? '',
      /^time +decision +protocol +outcome +reason +rule +user +device +remote +repeats +evidence$/,
    )
    assert.match(
      first ?? '',
      /^2026-11-20T08:00:00Z +FIRST +imap +block +noncompliant +- +anna@example\.com +anna-phone +192\.0\.2\.1 +0 +60s$/,
    )
    assert.match(
      second ?? '',
      /^2026-11-20T09:00:00Z +SECOND +imap +would block +noncompliant +- +ben@example\.com +- +192\.0\.2\.1 +0 +-$/,
    )
  })

  it('of a time, a device, a user however the name is written, at most so many', async () => {
    const now = Date.now()
    await site().journal(
      blockEntry({ decision: 'OLD', time: now - 3 * HOUR, rule: 'a' }),
      blockEntry({ decision: 'ANNA', time: now - HOUR / 2, rule: 'b' }),
      blockEntry({ decision: 'BEN', time: now, user: 'ben@example.com', device: 'ben-phone' }),
    )
    assert.deepEqual(await ids(), ['OLD', 'ANNA', 'BEN'])
    assert.deepEqual(await ids('--since', '1h'), ['ANNA', 'BEN'])
    assert.deepEqual(await ids('--device', 'ben-phone'), ['BEN'])
    assert.deepEqual(await ids('--user', 'Anna@Example.com'), ['OLD', 'ANNA'])
    assert.deepEqual(await ids('--user', 'anna@example.com', '--since', '1h'), ['ANNA'])
    assert.deepEqual(await ids('--limit', '2'), ['ANNA', 'BEN'], 'the newest')
  })

  describe('--follow, as a process', () => {
    it('shows what is there, then what other processes write, and ends with 0 when interrupted', async () => {
      await site().journal(blockEntry({ decision: 'BEFORE' }))
      const follow = site().start('blocks', '--follow')
      await follow.until(/BEFORE/)
      await site().journal(blockEntry({ decision: 'FIRST', reason: 'locked' }))
      await follow.until(/FIRST/)
      await site().journal(blockEntry({ decision: 'SECOND', reason: 'stale' }))
      await follow.until(/SECOND/)
      assert.equal(await follow.stop('SIGINT'), 0)
      for (const decision of ['BEFORE', 'FIRST', 'SECOND'])
        assert.equal(follow.output.split(decision).length, 2, `${decision} once: ${follow.output}`)
    })
    it('only what is asked for', async () => {
      const follow = site().start('blocks', '--follow', '--json', '--user', 'Ben@example.com')
      await site().journal(
        blockEntry({ decision: 'ANNA' }),
        blockEntry({ decision: 'BEN', user: 'ben@example.com' }),
      )
      await follow.until(/BEN/)
      assert.equal(await follow.stop('SIGTERM'), 0)
      const entry = JSON.parse(follow.output) as { decision: string }
      assert.equal(entry.decision, 'BEN')
    })
    it('waits where nothing was ever logged', async () => {
      const follow = site().start('blocks', '--follow', '--json')
      await site().journal(blockEntry({ decision: 'FIRST' }))
      await follow.until(/FIRST/)
      assert.equal(await follow.stop('SIGINT'), 0)
    })
    it('ends quietly when its reader has read enough (| head -1)', async () => {
      const follow = site().start('blocks', '--follow')
      await site().journal(blockEntry({ decision: 'FIRST' }))
      await follow.until(/FIRST/)
      follow.child.stdout?.destroy()
      await site().journal(blockEntry({ decision: 'SECOND', reason: 'locked' }))
      assert.equal(await follow.exited, 0)
      assert.doesNotMatch(follow.output, /EPIPE|Error/)
    })
  })

  describe('told apart', () => {
    const hour = 3_600_000
    const at = (hoursAgo: number): number => Date.now() - hoursAgo * hour
    beforeEach(() =>
      site().journal(
        blockEntry({ decision: 'AAAAAAAA', time: at(30), reason: 'mandate_deadline', rule: 'm' }),
        blockEntry({ decision: 'BBBBBBBB', time: at(20), platform: 'android', user: 'b@example.com' }),
        blockEntry({
          decision: 'CCCCCCCC',
          time: at(10),
          outcome: 'warn',
          reason: 'grace',
          user: 'c@example.com',
        }),
        blockEntry({ decision: 'DDDDDDDD', time: at(1), protocol: 'smtp', user: '=d@example.com' }),
      ),
    )

    const filters: readonly (readonly [argv: readonly string[], decisions: string])[] = [
      [['--reason', 'grace'], 'C'],
      [['--mandate', 'm'], 'A'],
      [['--platform', 'android'], 'B'],
      [['--outcome', 'block'], 'ABD'],
      [['--protocol', 'smtp'], 'D'],
      [['--until', '5h'], 'ABC'],
      [['--since', '25h', '--until', '5h'], 'BC'],
      [['--since', new Date(at(15)).toISOString()], 'CD'],
      [['--outcome', 'block', '--platform', 'ios', '--protocol', 'imap'], 'A'],
    ]
    for (const [argv, decisions] of filters)
      it(`by ${argv.join(' ')}`, async () => {
        const found = (await site().lines('blocks', ...argv)) as { decision: string }[]
        assert.equal(found.map(({ decision }) => decision[0]).join(''), decisions)
      })

    it('a reason that there is not: refused with those there are', async () => {
      const { code, err } = await site().run('blocks', '--reason', 'grase')
      assert.equal(code, 2)
      assert.match(err, /'grase' is invalid\. Allowed choices are break_glass, /)
    })

    it('exported as CSV, newest first, where no cell is a formula', async () => {
      const csv = await site().out('blocks', '--format', 'csv')
      const [heading, first, ...others] = csv.trimEnd().split('\r\n')
      assert.match(heading ?? '', /^time,host,decision,protocol,user,/)
      assert.match(
        first ?? '',
        /,DDDDDDDD,smtp,'=d@example\.com,anna-phone,ios,tag,block,true,noncompliant,,1,60,/,
      )
      assert.equal(others.length, 3)
    })

    it('exported as NDJSON, no more than asked for', async () => {
      const text = await site().out('blocks', '--format', 'ndjson', '--limit', '2', '--outcome', 'block')
      const rows = text
        .trimEnd()
        .split('\n')
        .map((row) => JSON.parse(row) as { decision: string; host: string })
      assert.deepEqual(
        rows.map(({ decision }) => decision[0]),
        ['D', 'B'],
      )
      assert.ok(rows.every(({ host }) => host !== ''))
    })

    for (const format of ['csv', 'ndjson'])
      it(`exported as ${format} without a name, where the site says so`, async () => {
        site().write('config/device_gate.yaml', 'journal: { pseudonymise: true }\n')
        const text = await site().out('blocks', '--format', format, '--user', 'b@example.com')
        assert.doesNotMatch(text, /example\.com|anna-phone|192\.0\.2\.1|BBBBBBBB/)
        const told = await site().json('journal', 'pseudonym', '--user', 'b@example.com')
        assert.match(text, new RegExp((told as { pseudonym: string }).pseudonym))
        assert.match(await site().out('blocks'), /b@example\.com/, 'who looks into it goes on with names')
      })

    it('exported and followed at once: refused', async () => {
      const { code, err } = await site().run('blocks', '--format', 'csv', '--follow')
      assert.equal(code, 2)
      assert.match(err, /--format stands without --follow/)
    })
  })
})
