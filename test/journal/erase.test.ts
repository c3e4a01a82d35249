import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'

import { BlockLog } from '../../src/journal/block-log'
import { CHUNK } from '../../src/journal/index-chunk'
import { Indexer } from '../../src/journal/indexer'
import { JournalStore } from '../../src/journal/journal-store'
import { bucketOf, type Visit } from '../../src/journal/traffic'
import { runScript } from '../support/script'
import { tempDirs } from '../support/temp-dir'
import { AT, entries, entry } from './samples'

const ZOE = 'zoe.quaxel@example.com'
const DAY = 86_400_000

describe('a person erased from the journal', function () {
  // Each write waits for the disk.
  this.timeout(120_000)
  const tempDir = tempDirs()
  const clock = { now: AT }
  let dir: string
  let journal: JournalStore
  let log: BlockLog
  let faults: unknown[]

  const open = (): JournalStore =>
    JournalStore.open(dir, { now: () => clock.now, onFault: (error) => faults.push(error) })
  beforeEach(() => {
    dir = tempDir()
    clock.now = AT
    faults = []
    journal = open()
    log = new BlockLog(dir, journal, (error) => faults.push(error), { maxFileOctets: 200_000 })
  })
  afterEach(async () => {
    await log.close()
    await journal.close()
    assert.deepEqual(faults, [])
  })

  const visit = (user: string, time: number): Visit => ({
    bucket: bucketOf(time),
    protocol: 'imap',
    user,
    device: 'd-1',
    proof: 'tag',
    platformHint: null,
  })
  const ofZoe = (i: number) =>
    entry({
      user: ZOE,
      decision: `zoe-${i}`,
      rule: i % 5 === 0 ? `exemption:user:${ZOE}` : `m-${i}`,
      time: AT + i,
    })

  /** Hers among those of others, some of them forgotten again. */
  async function fill(count: number): Promise<void> {
    const others = entries(count)
    for (const [i, other] of others.entries()) {
      journal.append(other)
      if (i % 41 === 7) journal.append(ofZoe(i))
      if (i % 1000 === 0) await journal.drain()
    }
    for (let day = 0; day < 6; day += 1)
      for (const user of [ZOE, 'anna@example.com', 'zz@example.com'])
        journal.traffic.note(visit(user, AT - day * DAY), null)
    await journal.drain()
  }
  /** In which files of the directory the name is, in any case or form it is stored in. */
  function filesWithName(): string[] {
    const found: string[] = []
    for (const name of fs.readdirSync(dir, { recursive: true }) as string[]) {
      const file = path.join(dir, name)
      if (fs.statSync(file).isFile() && fs.readFileSync(file).includes('quaxel')) found.push(name)
    }
    return found.sort()
  }
  const erase = (): ReturnType<JournalStore['erase']> => journal.erase(ZOE, 'u-1', clock.now)

  it('leaves no octet of the name in any file of the state directory', async () => {
    await fill(2 * CHUNK)
    const indexer = new Indexer(journal, assert.ifError)
    await indexer.takeIn()
    await log.flush()
    assert.ok(filesWithName().includes('journal/data.mdb') && filesWithName().length > 2)
    const before = journal.query({ limit: 100_000 }).length
    const { entries: erased, visits, erasure } = await erase()
    assert.ok(erased > 150)
    assert.equal(visits, 6)
    await log.flush()
    assert.equal(journal.erasures.all().find(({ salt }) => salt === erasure.salt)?.lines, erased)
    assert.deepEqual(filesWithName(), [])
    assert.equal(journal.query({ limit: 100_000 }).length, before - erased, 'the others are there')
    assert.deepEqual(journal.query({ user: ZOE, limit: 10 }), [])
    assert.equal([...journal.traffic.since(0)].length, 12)
    await indexer.close()
  })

  it('does not come back: what was decided before and is written later is left out, what comes later is not', async () => {
    const other = runScript(path.join(__dirname, 'holding-process.ts'), dir, ZOE, String(AT))
    await other.until(/holding\n/)
    await erase()
    other.child.kill('SIGUSR2')
    assert.equal(await other.exited, 0, other.output)
    assert.deepEqual(
      journal.query({ limit: 10 }).map(({ decision }) => decision),
      ['AFTER'],
    )
    assert.deepEqual([...journal.traffic.since(0)], [])
  })

  it('is told to nobody for longer than it takes', async () => {
    await erase()
    await log.flush()
    assert.equal(journal.erasures.all().length, 1)
    clock.now += 300_001
    await journal.forgetOutdated()
    assert.deepEqual(journal.erasures.all(), [])
  })

  it('keeps the numbers, so that readers and the fleet’s spool go on without a gap', async () => {
    await fill(100)
    const newest = journal.newest()
    const { entries: erased } = await erase()
    assert.equal(journal.newest(), newest)
    const spooled = journal.spool.after(0, 1000)
    assert.deepEqual(
      spooled.map(({ number }) => number),
      spooled.map((_, i) => i + 1),
    )
    assert.equal(spooled.filter(({ text }) => text === undefined).length, erased)
  })

  describe('in the block log', () => {
    const lines = (): string[] =>
      fs
        .readdirSync(path.join(dir, 'log'))
        .sort()
        .flatMap((name) =>
          fs
            .readFileSync(path.join(dir, 'log', name), 'utf8')
            .split('\n')
            .slice(0, -1),
        )
    const decisionsOf = (list: readonly string[]): string[] =>
      list.map((line) => (JSON.parse(line) as { decision: string }).decision)

    it('has each other line once, and goes on behind them', async () => {
      await fill(1000)
      await log.flush()
      assert.ok(fs.readdirSync(path.join(dir, 'log')).length > 1, 'it was rotated')
      const before = decisionsOf(lines()).filter((decision) => !decision.startsWith('zoe'))
      await erase()
      await log.flush()
      journal.append(entry({ decision: 'after' }))
      await journal.drain()
      await log.close()
      log = new BlockLog(dir, journal, (error) => faults.push(error))
      await log.flush()
      assert.deepEqual(decisionsOf(lines()).sort(), [...before, 'after'].sort())
    })

    it('is taken out by the next that opens it, where the process that should was killed', async () => {
      await fill(300)
      await log.flush()
      await log.close()
      await erase()
      // As a kill behind the copy and before its name leaves it.
      fs.copyFileSync(path.join(dir, 'log/blocks.ndjson'), path.join(dir, 'log/blocks.ndjson.new'))
      log = new BlockLog(dir, journal, (error) => faults.push(error))
      await log.flush()
      assert.deepEqual(filesWithName(), [])
    })

    it('is found under the pseudonym too', async () => {
      fs.appendFileSync(
        path.join(dir, 'log/blocks.ndjson'),
        '{"user":"u-1","decision":"x"}\n{"user":"u-2"}\nno JSON\n',
      )
      await erase()
      await log.flush()
      assert.deepEqual(lines(), ['{"user":"u-2"}', 'no JSON'])
    })
  })
})
