import assert from 'node:assert/strict'
import fs from 'node:fs'

import { FleetJournal } from '../../src/devices/redis/fleet-journal'
import { storeKeys } from '../../src/devices/redis/keys'
import { RedisLink } from '../../src/devices/redis/link'
import { redisTarget } from '../devices/redis/fleet-host'
import { RedisServer } from '../support/redis-server'
import { ANNA, blockEntry, cliSites } from './site'

const REASON = ['--reason', 'request 4711']

describe('device-gate journal', () => {
  const site = cliSites()

  describe('pseudonym', () => {
    it('is the same for the same name, however it is written, and another for each kind and site', async () => {
      const first = await site().out('journal', 'pseudonym', '--user', ANNA)
      assert.match(first, /^u-[0-9a-f]{32}\n$/)
      assert.equal(await site().out('journal', 'pseudonym', '--user', 'Anna@Example.com'), first)
      const device = await site().out('journal', 'pseudonym', '--device', ANNA)
      assert.match(device, /^d-[0-9a-f]{32}\n$/)
      assert.notEqual(device.slice(1), first.slice(1))
      fs.unlinkSync(site().file('var/journal_pseudonym.key'))
      assert.notEqual(await site().out('journal', 'pseudonym', '--user', ANNA), first)
    })

    it('has a key that is for its user alone, and refuses one that is not or is damaged', async () => {
      await site().out('journal', 'pseudonym', '--user', ANNA)
      const file = site().file('var/journal_pseudonym.key')
      assert.equal(fs.statSync(file).mode & 0o777, 0o600)
      fs.chmodSync(file, 0o644)
      assert.match(
        (await site().run('journal', 'pseudonym', '--user', ANNA)).err,
        /open to every user.*chmod 600/,
      )
      fs.chmodSync(file, 0o600)
      fs.writeFileSync(file, 'short')
      assert.match((await site().run('journal', 'pseudonym', '--user', ANNA)).err, /is damaged: restore it/)
    })

    it('takes just one name', async () => {
      for (const argv of [[], ['--user', 'a', '--device', 'b'], ['--user', '']])
        assert.equal((await site().run('journal', 'pseudonym', ...argv)).code, 2)
    })
  })

  describe('erase', () => {
    const decisions = async (): Promise<string[]> =>
      ((await site().lines('blocks')) as { decision: string }[]).map(({ decision }) => decision)

    it('takes the person out, and tells in the history that it was done, without the name', async () => {
      await site().journal(
        blockEntry({ decision: 'ANNA', rule: `lock:user:${ANNA}` }),
        blockEntry({ decision: 'BEN', user: 'ben@example.com', device: 'ben-phone' }),
      )
      const pseudonym = (await site().out('journal', 'pseudonym', '--user', ANNA)).trim()
      const told = await site().json('journal', 'erase', '--user', 'Anna@example.com', ...REASON)
      assert.deepEqual(told, { pseudonym, entries: 1, visits: 0, lines: 0 })
      assert.deepEqual(await decisions(), ['BEN'])
      assert.match(await site().out('audit', 'verify'), /^the history is whole: 1 entries/)
      const [order] = await site().store((store) => store.history(1))
      assert.deepEqual(order && 'kind' in order && [order.kind, order.change, order.reason], [
        'erase',
        `${pseudonym} is erased from the block log`,
        'request 4711',
      ])
      for (const name of fs.readdirSync(site().file('var'), { recursive: true }) as string[]) {
        const file = site().file('var', name)
        if (fs.statSync(file).isFile()) assert.ok(!fs.readFileSync(file).includes('anna'), name)
      }
    })

    it('finds nobody, and says so', async () => {
      const told = (await site().json('journal', 'erase', '--user', ANNA, ...REASON)) as { entries: number }
      assert.equal(told.entries, 0)
    })

    it('is not done without a reason, nor for one that names the person', async () => {
      await site().journal(blockEntry({ decision: 'ANNA' }))
      assert.equal((await site().run('journal', 'erase', '--user', ANNA)).code, 2)
      const { code, err } = await site().run(
        'journal',
        'erase',
        '--user',
        ANNA,
        '--reason',
        `as ${ANNA} wished`,
      )
      assert.equal(code, 2)
      assert.match(err, /the reason names the person/)
      assert.deepEqual(await decisions(), ['ANNA'])
    })

    it('takes the person out of the fleet too, and says that other hosts have journals of their own', async () => {
      const redis = await RedisServer.start()
      try {
        site().write(
          'config/device_gate.yaml',
          `store: { kind: redis, redis: { url: "${redis.url}" } }\npolicy: { source: fleet }\n`,
        )
        const link = new RedisLink(redisTarget(redis.url), 'mx2')
        const blocks = [
          blockEntry({ decision: 'ANNA' }),
          blockEntry({ decision: 'BEN', user: 'ben@example.com' }),
        ]
        const texts = blocks.map((block) => JSON.stringify(block))
        await new FleetJournal(link, storeKeys('dg:'), 'mx2').append({
          journalId: 'mx2',
          after: null,
          upTo: 2,
          lost: 0,
          texts,
        })
        link.close()
        const { out, err } = await site().run('journal', 'erase', '--user', ANNA, ...REASON, '--json')
        assert.equal((JSON.parse(out) as { fleet_entries: number }).fleet_entries, 1)
        assert.match(err, /each other host of the fleet has a journal of its own/)
        assert.deepEqual(await decisions(), ['BEN'])
      } finally {
        await redis.remove()
      }
    })
  })
})
