import assert from 'node:assert/strict'
import fc from 'fast-check'

import type { Fleet } from '../../src/devices/redis/fleet'
import { FleetJournal } from '../../src/devices/redis/fleet-journal'
import { storeKeys } from '../../src/devices/redis/keys'
import { RedisLink } from '../../src/devices/redis/link'
import { formatEntry, isWanted, type JournalEntry, type JournalFilter } from '../../src/journal/journal'
import { FleetBlocks, type Block } from '../../src/lookup/blocks-source'
import { recentBlocks } from '../../src/lookup/recent-blocks'
import { OUTCOMES, PLATFORMS, PROTOCOLS, REASONS } from '../../src/policy/vocabulary'
import { redisTarget } from '../devices/redis/fleet-host'
import { blockEntry } from '../support/block-entry'
import { RedisServer } from '../support/redis-server'
import { tempDirs } from '../support/temp-dir'
import { TrialSite } from './trial-site'

const KEYS = storeKeys('dg:')
const AT = Date.parse('2026-11-27T17:00:00Z')

describe('look-ups in the block log of a fleet', () => {
  const tempDir = tempDirs()
  let server: RedisServer
  let link: RedisLink
  before(async () => {
    server = await RedisServer.start()
    link = new RedisLink(redisTarget(server.url), 'mx1')
  })
  after(async () => {
    link.close()
    await server.remove()
  })
  beforeEach(() => server.client.flushall())

  async function forward(entries: readonly JournalEntry[], host = 'mx1'): Promise<void> {
    await new FleetJournal(link, KEYS, host).append({
      journalId: host,
      after: null,
      upTo: entries.length,
      lost: 0,
      texts: entries.map((one) => JSON.stringify(one)),
    })
  }

  const blocks = (): FleetBlocks => new FleetBlocks(new FleetJournal(link, KEYS, 'mx1'))

  async function pages(filter: JournalFilter, limit: number): Promise<object[]> {
    const all: Block[] = []
    for (let before: string | null = null; ;) {
      const page = await blocks().page({ ...filter, limit }, before)
      assert.ok(page.blocks.length <= limit)
      all.push(...page.blocks)
      if (page.next === null) return all.map(formatEntry)
      before = page.next
    }
  }

  /** Such as would break out of a text, or look like another field. */
  const users = [
    'anna@example.com',
    'ben@example.com',
    'a"b',
    'a\\',
    '"time":1',
    'x","reason":"stale',
    '%d+',
    '漢字',
  ]
  const entry: fc.Arbitrary<JournalEntry> = fc
    .record({
      time: fc.nat(3_600_000).map((ms) => AT + ms),
      user: fc.constantFrom(...users),
      device: fc.constantFrom(null, 'phone-1', 'phone-2'),
      platform: fc.constantFrom(null, ...PLATFORMS),
      outcome: fc.constantFrom(...OUTCOMES),
      reason: fc.constantFrom(...REASONS),
      rule: fc.constantFrom(null, 'game', 'stale'),
      protocol: fc.constantFrom(...PROTOCOLS),
      enforced: fc.boolean(),
    })
    .map((fields) => blockEntry(fields))
  const some = <T>(arb: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
    fc.option(arb, { nil: undefined, freq: 2 })
  const filter: fc.Arbitrary<JournalFilter> = fc
    .record({
      user: some(fc.constantFrom(...users)),
      device: some(fc.constantFrom('phone-1', 'phone-3')),
      platform: some(fc.constantFrom(...PLATFORMS)),
      outcome: some(fc.constantFrom(...OUTCOMES)),
      reason: some(fc.constantFrom(...REASONS)),
      rule: some(fc.constantFrom('game', 'stale')),
      protocol: some(fc.constantFrom(...PROTOCOLS)),
      enforced: some(fc.boolean()),
      sinceMs: some(fc.nat(3_600_000).map((ms) => AT + ms)),
      untilMs: some(fc.nat(3_600_000).map((ms) => AT + ms)),
    })
    .map((asked) => Object.fromEntries(Object.entries(asked).filter(([, value]) => value !== undefined)))

  it('find what a look through all entries finds', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(entry, { maxLength: 60 }),
        fc.array(filter, { minLength: 10, maxLength: 10 }),
        fc.integer({ min: 1, max: 20 }),
        async (entries, filters, limit) => {
          await server.client.flushall()
          await forward(entries)
          for (const asked of filters)
            assert.deepEqual(
              await pages(asked, limit),
              entries
                .filter((one) => isWanted(one, asked))
                .reverse()
                .map(formatEntry),
            )
        },
      ),
      { numRuns: 50 },
    )
  })

  it('pass over what no gate wrote', async () => {
    await forward([blockEntry({ decision: 'MINE' })])
    const others = [
      ['entry', '{"time":1}'],
      ['host', 'mx1', 'entry', 'anna@example.com'],
      ['host', 'mx1', 'entry', '{"time":1,"user":"anna@example.com"}'],
      ['some', 'thing', 'other', '{"time":2,"user":"anna@example.com"}'],
    ]
    for (const fields of others) await server.client.xadd(KEYS.journal, '*', ...fields)
    assert.deepEqual(
      (await pages({ user: 'anna@example.com' }, 10)).map((one) => 'decision' in one && one.decision),
      ['MINE'],
    )
  })

  it('are told of a key that something else lies at', async () => {
    await server.client.set(KEYS.journal, 'mine')
    await assert.rejects(blocks().page({ limit: 1 }, null), /dg:\{dg\}:journal .*move it away/)
  })

  it('fetch what is wanted alone, and stop after the work of one page', async () => {
    const many = Array.from({ length: 60_000 }, (_, i) => blockEntry({ time: AT + i, decision: `D${i}` }))
    await forward(many)
    const {
      blocks: found,
      next,
      searchedTo,
    } = await blocks().page({ user: 'ben@example.com', limit: 5 }, null)
    assert.deepEqual(found, [])
    assert.ok(next !== null && searchedTo !== null, 'there is more to be looked through')
    assert.deepEqual(await pages({ decision: 'D0' }, 5), many.slice(0, 1).map(formatEntry))
  })

  describe('of the newest about a person', () => {
    let site: TrialSite
    beforeEach(() => {
      site = new TrialSite(tempDir())
    })
    afterEach(() => site.close())

    const newest = async (fleet: boolean): Promise<string[]> => {
      const lookup = {
        ...site.lookup,
        fleet: () =>
          fleet ? ({ journal: new FleetJournal(link, KEYS, 'mx1') } as unknown as Fleet) : undefined,
      }
      const found = await recentBlocks(lookup, { user: 'anna@example.com' }, 3)
      return found.map(({ decision }) => decision)
    }

    it('have those of all hosts by time, and each once, also what is not forwarded yet', async () => {
      const own = [blockEntry({ time: AT, decision: 'A' }), blockEntry({ time: AT + 30, decision: 'D' })]
      for (const one of own) site.journal.append(one)
      await site.journal.drain()
      await forward(own.slice(0, 1))
      await forward(
        [
          blockEntry({ time: AT + 10, decision: 'B' }),
          blockEntry({ time: AT + 20, decision: 'C' }),
          blockEntry({ time: AT + 25, decision: 'X', user: 'ben@example.com' }),
        ],
        'mx2',
      )
      assert.deepEqual(await newest(true), ['D', 'C', 'B'])
      assert.deepEqual(await newest(false), ['D', 'A'])
    })

    it('have this host’s own while Redis is away, and say so', async () => {
      site.journal.append(blockEntry({ decision: 'A' }))
      await site.journal.drain()
      await server.client.set(KEYS.journal, 'mine')
      assert.deepEqual(await newest(true), ['A'])
      assert.match(site.told.join(), /these are the blocks of this host alone/)
    })
  })
})
