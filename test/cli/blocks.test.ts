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
})
