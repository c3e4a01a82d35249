import assert from 'node:assert/strict'
import path from 'node:path'

import type { JournalEntry, JournalPage, JournalQuery } from '../../src/journal/journal'
import { JournalStore, type JournalLimits } from '../../src/journal/journal-store'
import { openEnvironment } from '../../src/lmdb/environment'
import { runScript, runScriptOnSmallDisk } from '../support/script'
import { tempDirs } from '../support/temp-dir'
import { AT, entries, entry, unnumbered } from './samples'

const SCRIPT = path.join(__dirname, 'journal-process.ts')
const DAY = 86_400_000
const BEN = 'ben@example.com'

describe('the journal', function () {
  // Each write waits for the disk.
  this.timeout(60_000)
  const tempDir = tempDirs()
  const clock = { now: AT }
  let dir: string
  let journal: JournalStore
  let faults: unknown[]

  const limits = { maxEntries: 1_000_000, maxAgeMs: 90 * DAY }
  const openJournal = (changed: Partial<JournalLimits> = {}): JournalStore =>
    JournalStore.open(dir, {
      now: () => clock.now,
      onFault: (error) => faults.push(error),
      limits: () => ({ ...limits, ...changed }),
    })

  beforeEach(() => {
    dir = tempDir()
    clock.now = AT
    faults = []
    journal = openJournal()
  })
  afterEach(async () => {
    await journal.close()
    assert.deepEqual(faults, [])
  })

  async function append(...list: readonly JournalEntry[]): Promise<void> {
    for (const one of list) journal.append(one)
    await journal.drain()
  }
  const all = (): JournalEntry[] => journal.after(null, 1_000_000).entries.map(unnumbered)
  const found = (query: Partial<JournalQuery>): string[] =>
    journal.query({ limit: 100, ...query }).map(({ decision }) => decision)

  it('is empty at first', () => {
    assert.deepEqual(journal.query({ limit: 10 }), [])
    assert.deepEqual(journal.after(null, 10), { entries: [], cursor: null })
    assert.equal(journal.newest(), null)
    assert.equal(journal.blockLogPosition(), undefined)
  })

  it('gives back what was appended, as it was', async () => {
    const odd = entry({ device: null, platform: null, rule: 'm-1', evidenceAgeS: null, user: 'gerät \u202e' })
    await append(entry(), odd)
    assert.deepEqual(all(), [entry(), odd])
  })

  it('folds repeats, and writes what it holds of them when it is closed', async () => {
    for (let i = 0; i < 7; i += 1) journal.append(entry({ time: AT + i }))
    await journal.close()
    journal = openJournal()
    assert.deepEqual(
      all().map(({ time, repeats }) => [time, repeats]),
      [
        [AT, 0],
        [AT + 6, 6],
      ],
    )
  })

  it('bounds each text that a client can make longer', async () => {
    const long = 'x'.repeat(100_000)
    await append(entry({ user: long, device: long, remote: long, rule: long }))
    const [stored] = all()
    for (const text of [stored?.user, stored?.device, stored?.remote, stored?.rule])
      assert.equal(text?.length, 320)
  })

  describe('asked for', () => {
    const list = [
      entry({ decision: 'A', time: AT - 3000, rule: 'm-1' }),
      entry({
        decision: 'B',
        time: AT - 2000,
        user: BEN,
        device: 'd-2',
        platform: 'android',
        outcome: 'warn',
      }),
      entry({
        decision: 'C',
        time: AT - 1000,
        user: BEN,
        device: null,
        rule: 'm-1',
        enforced: false,
        protocol: 'smtp',
      }),
      entry({
        decision: 'D',
        time: AT,
        device: 'd-2',
        user: 'carol@example.com',
        protocol: 'smtp',
        reason: 'locked',
      }),
    ]
    beforeEach(() => append(...list))

    const cases: [what: string, query: Partial<JournalQuery>, found: string[]][] = [
      ['all, newest first', {}, ['D', 'C', 'B', 'A']],
      ['no more than so many', { limit: 2 }, ['D', 'C']],
      ['a user', { user: 'ben@example.com' }, ['C', 'B']],
      ['a part of a user', { user: 'ben' }, []],
      ['a device', { device: 'd-2' }, ['D', 'B']],
      ['a user and a device', { user: 'ben@example.com', device: 'd-2' }, ['B']],
      ['a decision', { decision: 'C' }, ['C']],
      ['a decision that is none', { decision: 'ben@example.com' }, []],
      ['those since a time', { sinceMs: AT - 2000 }, ['D', 'C', 'B']],
      ['a user since a time', { user: 'ben@example.com', sinceMs: AT - 1500 }, ['C']],
      ['those since now', { sinceMs: AT + 1 }, []],
      ['a user with a quote in it', { user: '"' }, []],
      ['those before a time', { untilMs: AT - 1000 }, ['B', 'A']],
      ['those of a time', { sinceMs: AT - 2000, untilMs: AT }, ['C', 'B']],
      ['a platform', { platform: 'android' }, ['B']],
      ['a reason', { reason: 'locked' }, ['D']],
      ['a rule', { rule: 'm-1' }, ['C', 'A']],
      ['an outcome', { outcome: 'warn' }, ['B']],
      ['what was not enforced', { enforced: false }, ['C']],
      ['what was enforced', { enforced: true }, ['D', 'B', 'A']],
      ['a protocol', { protocol: 'smtp' }, ['D', 'C']],
      ['a rule and a protocol', { rule: 'm-1', protocol: 'smtp' }, ['C']],
    ]
    for (const [what, query, decisions] of cases) {
      it(what, () => assert.deepEqual(found(query), decisions))
    }

    it('those since a time finds one that was committed late', async () => {
      await append(entry({ decision: 'old', user: 'x', time: AT - DAY }), entry({ decision: 'E', user: 'y' }))
      assert.deepEqual(found({ sinceMs: AT - 500 }), ['E'], 'it stops at what is far older')
      await append(
        entry({ decision: 'late', user: 'z', time: AT - 60_000 }),
        entry({ decision: 'F', user: 'w' }),
      )
      assert.deepEqual(found({ sinceMs: AT - 500 }), ['F', 'E'])
    })
  })

  describe('paged', () => {
    it('newest first, each once, whatever comes meanwhile', async () => {
      await append(...entries(7))
      const first = journal.page({ limit: 3 }, null)
      assert.deepEqual(
        first.entries.map(({ number }) => number),
        [7, 6, 5],
      )
      await append(entry({ user: 'new' }))
      const second = journal.page({ limit: 3 }, first.next)
      assert.deepEqual(
        second.entries.map(({ number }) => number),
        [4, 3, 2],
      )
      const third = journal.page({ limit: 3 }, second.next)
      assert.deepEqual(
        [third.entries.map(({ number }) => number), third.next, third.searchedTo],
        [[1], null, null],
      )
    })

    it('ends behind a page that was full with the oldest', async () => {
      await append(...entries(2))
      const { next } = journal.page({ limit: 2 }, null)
      assert.deepEqual(journal.page({ limit: 2 }, next), { entries: [], next: null, searchedTo: null })
    })

    it('says how far it looked when it has done enough for one page', async () => {
      const list = entries(12_000).map((one, i) => ({ ...one, time: AT + i }))
      await append(...list)
      const wanted = { user: 'e-3@example.com', limit: 10 }
      const first = journal.page(wanted, null)
      assert.deepEqual(first, { entries: [], next: 2001, searchedTo: AT + 2000 } satisfies JournalPage)
      const second = journal.page(wanted, first.next)
      assert.deepEqual(second, { entries: [{ ...list[3]!, number: 4 }], next: null, searchedTo: null })
    })
  })

  describe('followed', () => {
    it('goes on from where it was, with what came since', async () => {
      await append(...entries(5))
      const first = journal.after(null, 2)
      assert.deepEqual(first.entries.map(unnumbered), entries(5).slice(0, 2))
      const second = journal.after(first.cursor, 100)
      assert.deepEqual(second.entries.map(unnumbered), entries(5).slice(2))
      assert.deepEqual(journal.after(second.cursor, 100), { entries: [], cursor: second.cursor })
      assert.equal(journal.newest(), second.cursor)
      await append(entry({ user: 'new' }))
      assert.deepEqual(journal.after(second.cursor, 100).entries, [{ ...entry({ user: 'new' }), number: 6 }])
    })

    it('starts with the oldest that is left', async () => {
      await journal.close()
      journal = openJournal({ maxEntries: 3 })
      await append(...entries(10))
      assert.deepEqual(all(), entries(10).slice(7))
    })
  })

  describe('kept within bounds', () => {
    it('holds no more than so many entries', async () => {
      await journal.close()
      journal = openJournal({ maxEntries: 50 })
      for (let i = 0; i < 10; i += 1) await append(...entries(20, `run-${i}`))
      assert.equal(all().length, 50)
      assert.deepEqual(all().at(-1), entries(20, 'run-9').at(-1))
    })

    it('goes down to fewer, once fewer are to be kept', async () => {
      await append(...entries(3000))
      const changed = { maxEntries: 10 }
      await journal.close()
      journal = openJournal(changed)
      for (let i = 0; i < 6; i += 1) await append(...entries(1, `run-${i}`))
      assert.equal(all().length, 10)
      changed.maxEntries = 5
      await append(...entries(1, 'last'))
      assert.equal(all().length, 5)
    })

    it('forgets what is older than 90 days, as new ones come', async () => {
      await append(...entries(3, 'old'))
      clock.now += 90 * DAY
      await append(entry({ user: 'at the very end', time: clock.now }))
      assert.equal(all().length, 4)
      clock.now += 1
      await append(entry({ user: 'new', time: clock.now }))
      assert.deepEqual(
        all().map(({ user }) => user),
        ['at the very end', 'new'],
      )
    })

    it('numbers on after all that was old is gone', async () => {
      await append(...entries(3, 'old'))
      const before = journal.newest()
      clock.now += 100 * DAY
      await append(entry({ user: 'new', time: clock.now }))
      assert.deepEqual(
        journal.after(before, 10).entries.map(({ user }) => user),
        ['new'],
      )
    })

    it('numbers on from an entry that was outdated when it came', async () => {
      await append(entry({ time: AT - 91 * DAY }))
      assert.equal(journal.newest(), '1')
      await append(entry({ user: 'new' }))
      assert.equal(journal.newest(), '2')
    })

    it('takes no more in than it can hold while the disk is busy, and tells how many were lost', async () => {
      for (const one of entries(20_500)) journal.append(one)
      await journal.drain()
      assert.equal(all().length, 20_000)
      assert.deepEqual(faults.map(String), [
        'Error: journal: 500 entries were lost, the disk did not take them',
      ])
      faults = []
      await append(entry({ user: 'after' }))
      assert.equal(all().length, 20_001)
    })
  })

  it('passes over damaged entries', async () => {
    const environment = openEnvironment(path.join(dir, 'journal'), { schema: 1 })
    await append(...entries(6))
    const good = JSON.stringify(entry())
    await environment.write(() => {
      const database = environment.database('entries')
      void database.put(2, '{')
      void database.put(3, 'null')
      void database.put(4, good.replace(`"time":${AT}`, '"time":9e15'))
      void database.put(5, good.replace('"user":"anna@example.com"', '"user":7'))
    })
    assert.deepEqual(all(), [entries(6)[0], entries(6)[5]])
    assert.deepEqual(found({}), ['e-5', 'e-0'])
    assert.deepEqual(found({ sinceMs: 0 }), ['e-5', 'e-0'])
    await environment.close()
  })

  it('keeps how far the block log is written', async () => {
    const position = { cursor: '7', inode: 123, octets: 456 }
    await journal.keepBlockLogPosition(position)
    await journal.close()
    journal = openJournal()
    assert.deepEqual(journal.blockLogPosition(), position)
  })

  describe('in several processes', () => {
    it('has the entries of all of them, numbered without a gap', async () => {
      const names = ['a', 'b', 'c']
      const writers = names.map((name) => runScript(SCRIPT, dir, name, '300'))
      for (const writer of writers) assert.equal(await writer.exited, 0, writer.output)
      const stored = all().map(({ decision }) => decision)
      assert.deepEqual(
        [...stored].sort(),
        names.flatMap((name) => entries(300, name).map(({ decision }) => decision)).sort(),
      )
      assert.equal(journal.newest(), '900')
      for (const name of names) {
        const order = stored.filter((decision) => decision.startsWith(`${name}-`))
        assert.deepEqual(
          order,
          entries(300, name).map(({ decision }) => decision),
          'each in its own order',
        )
      }
    })

    it('tells what a full disk lost, and goes on reading', async () => {
      const child = runScriptOnSmallDisk(1024, SCRIPT, dir, 'a', '15000')
      assert.equal(await child.exited, 0, child.output)
      const { faults: told, read } = JSON.parse(child.output.slice(child.output.indexOf('{"faults'))) as {
        faults: string[]
        read: number
      }
      assert.match(told[0] ?? '', /^EnvironmentError: .*journal cannot be written: .*is the disk full\?$/)
      const lost = told.map((text) => Number(/journal: (\d+) entries were lost/.exec(text)?.[1] ?? 0))
      assert.equal(read + lost.reduce((sum, count) => sum + count, 0), 15_000)
      assert.ok(read > 100, `${read} were read`)
    })
  })
})
