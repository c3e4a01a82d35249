import assert from 'node:assert/strict'
import path from 'node:path'
import fc from 'fast-check'

import { CHUNK, SEGMENT } from '../../src/journal/index-chunk'
import { Indexer } from '../../src/journal/indexer'
import { isWanted, type JournalFilter, type JournalPage, type NumberedEntry } from '../../src/journal/journal'
import { JournalStore } from '../../src/journal/journal-store'
import { newestKey, openEnvironment, type TextDatabase } from '../../src/lmdb/environment'
import { OUTCOMES, PLATFORMS, PROTOCOLS, REASONS } from '../../src/policy/vocabulary'
import { runScript } from '../support/script'
import { tempDirs } from '../support/temp-dir'
import { AT, entry } from './samples'

const DAY = 86_400_000
/** So that a few chunks lie on both sides of where a segment ends. */
const START = SEGMENT - 2 * CHUNK - 100

describe('the index of the journal', function () {
  // Each write waits for the disk.
  this.timeout(300_000)
  const tempDir = tempDirs()

  /** A journal that can be killed, and what a look through all of it would find. */
  class Indexed {
    journal: JournalStore
    #indexer: Indexer
    #time = AT
    limits = { maxEntries: 1_000_000, maxAgeMs: 90 * DAY }

    constructor(readonly dir = tempDir()) {
      this.journal = this.#open()
      this.#indexer = new Indexer(this.journal, assert.ifError)
    }

    #open(): JournalStore {
      return JournalStore.open(this.dir, {
        now: () => this.#time,
        onFault: assert.ifError,
        limits: () => this.limits,
      })
    }

    /** Before anything else: lets the numbers go on from here. */
    async startAt(number: number): Promise<void> {
      await this.raw((entries) => void entries.put(number, JSON.stringify(entry({ time: AT }))))
    }

    /** By itself: a process has the environment open once. */
    async raw(work: (entries: TextDatabase, meta: TextDatabase) => void): Promise<void> {
      await this.close()
      const environment = openEnvironment(path.join(this.dir, 'journal'), { schema: 1 })
      await environment.write(() => work(environment.database('entries'), environment.database('meta')))
      await environment.close()
      this.journal = this.#open()
      this.#indexer = new Indexer(this.journal, assert.ifError)
    }

    async append(count: number, seed: number): Promise<void> {
      const random = randomFrom(seed)
      const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!
      const rare = <T>(list: readonly T[]): T => list[Math.floor(random() ** 8 * list.length)]!
      const made = Array.from({ length: count }, (_, i) => {
        this.#time += Math.floor(random() * 20)
        return entry({
          time: this.#time - Math.floor(random() * 50),
          decision: `D${Math.floor(random() * 5000)}`,
          user: random() < 0.1 ? 'busy' : `user-${Math.floor(random() * 2000)}`,
          device: random() < 0.1 ? null : `device-${Math.floor(random() * 3000)}`,
          platform: pick([...PLATFORMS, null]),
          outcome: rare(OUTCOMES),
          enforced: random() < 0.7,
          protocol: rare(PROTOCOLS),
          reason: rare(REASONS),
          rule: random() < 0.5 ? null : `mandate-${Math.floor(random() ** 4 * 30)}`,
          policy: i,
        })
      })
      // Not by way of the fold, which makes fewer of them.
      await this.raw((entries) => {
        let number = newestKey(entries)
        for (const one of made) void entries.put((number += 1), JSON.stringify(one))
      })
    }

    takeIn(): Promise<void> {
      return this.#indexer.takeIn()
    }

    /** Of which segments it has something. */
    async segments(): Promise<Set<number>> {
      await this.close()
      const environment = openEnvironment(path.join(this.dir, 'journal'), { schema: 1 })
      const keys = [...environment.binaryDatabase('index').getKeys({})] as (string | number)[][]
      await environment.close()
      this.journal = this.#open()
      this.#indexer = new Indexer(this.journal, assert.ifError)
      return new Set(keys.map((key) => Number(key.find((part) => typeof part === 'number'))))
    }

    /** As after a kill: what is not in a transaction is gone. */
    async reopen(): Promise<void> {
      await this.#indexer.close()
      await this.journal.close()
      this.journal = this.#open()
      this.#indexer = new Indexer(this.journal, assert.ifError)
    }

    async close(): Promise<void> {
      await this.#indexer.close()
      await this.journal.close()
    }

    /** Page by page, to the end. */
    found(filter: JournalFilter, limit: number): NumberedEntry[] {
      const all: NumberedEntry[] = []
      for (let before: number | null = null; ;) {
        const { entries, next, searchedTo }: JournalPage = this.journal.page({ ...filter, limit }, before)
        all.push(...entries)
        assert.ok(entries.length <= limit)
        if (next === null) return all
        assert.ok(before === null || next < before, 'it goes on')
        assert.ok(entries.length === limit || searchedTo !== null)
        before = next
      }
    }

    scanned(filter: JournalFilter): NumberedEntry[] {
      return this.journal
        .between(1, Number.MAX_SAFE_INTEGER)
        .filter((one) => isWanted(one, filter))
        .reverse()
    }

    agrees(filter: JournalFilter, limit = 100): void {
      assert.deepEqual(this.found(filter, limit), this.scanned(filter), JSON.stringify(filter))
    }
  }

  const some = <T>(arb: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
    fc.option(arb, { nil: undefined, freq: 2 })
  const filters = (span: number): fc.Arbitrary<JournalFilter> =>
    fc
      .record({
        user: some(
          fc.oneof(
            fc.constant('busy'),
            fc.nat(2000).map((n) => `user-${n}`),
          ),
        ),
        device: some(fc.nat(3000).map((n) => `device-${n}`)),
        decision: some(fc.nat(5000).map((n) => `D${n}`)),
        platform: some(fc.constantFrom(...PLATFORMS)),
        outcome: some(fc.constantFrom(...OUTCOMES)),
        enforced: some(fc.boolean()),
        protocol: some(fc.constantFrom(...PROTOCOLS)),
        reason: some(fc.constantFrom(...REASONS)),
        rule: some(fc.nat(30).map((n) => `mandate-${n}`)),
        sinceMs: some(fc.nat(span).map((ms) => AT + ms)),
        untilMs: some(fc.nat(span).map((ms) => AT + ms)),
      })
      .map((filter) => Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== undefined)))

  it('finds just what a look through all entries finds, whatever is appended, forgotten, damaged or killed', async () => {
    const seed = fc.nat()
    const step = fc.oneof(
      { weight: 4, arbitrary: fc.record({ append: fc.integer({ min: 1, max: 9000 }), seed }) },
      { weight: 3, arbitrary: fc.constant('index' as const) },
      { weight: 1, arbitrary: fc.constant('kill' as const) },
      { weight: 1, arbitrary: fc.record({ keep: fc.integer({ min: 1, max: 12_000 }) }) },
      { weight: 1, arbitrary: fc.record({ damage: fc.nat(12_000) }) },
    )
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 3, maxLength: 8 }),
        fc.array(filters(120_000), { minLength: 8, maxLength: 8 }),
        fc.integer({ min: 1, max: 400 }),
        async (steps, queries, limit) => {
          const indexed = new Indexed()
          await indexed.startAt(START)
          await indexed.append(3 * CHUNK, 1)
          for (const one of steps) {
            if (one === 'index') await indexed.takeIn()
            else if (one === 'kill') await indexed.reopen()
            else if ('append' in one) await indexed.append(one.append, one.seed)
            else if ('damage' in one)
              await indexed.raw((entries) => void entries.put(START + one.damage, '{'))
            else {
              indexed.limits = { ...indexed.limits, maxEntries: one.keep }
              await indexed.journal.forgetOutdated()
              await indexed.journal.index.clean()
              indexed.limits = { ...indexed.limits, maxEntries: 1_000_000 }
            }
          }
          for (const query of queries) indexed.agrees(query, limit)
          await indexed.close()
        },
      ),
      { numRuns: 8, endOnFailure: true },
    )
  })

  describe('of a journal that was there before it', () => {
    let indexed: Indexed
    beforeEach(async () => {
      indexed = new Indexed()
      await indexed.append(2 * CHUNK + 10, 1)
    })
    afterEach(() => indexed.close())

    it('is made, as far as there are whole chunks', async () => {
      await indexed.takeIn()
      assert.equal(indexed.journal.index.position(), 2 * CHUNK)
      indexed.agrees({ user: 'busy' })
    })

    it('is made anew when another version made it', async () => {
      await indexed.takeIn()
      await indexed.raw((_, meta) => void meta.put('index', `${2 * CHUNK} another`))
      assert.equal(indexed.journal.index.position(), 0)
      indexed.agrees({ user: 'busy' })
      await indexed.journal.index.clean()
      await indexed.takeIn()
      assert.equal(indexed.journal.index.position(), 2 * CHUNK)
      indexed.agrees({ user: 'busy' })
    })

    it('is made anew when it knows of entries that are not there', async () => {
      await indexed.takeIn()
      await indexed.raw((entries) => {
        for (let number = CHUNK; number <= 2 * CHUNK + 10; number += 1) void entries.remove(number)
      })
      assert.equal(indexed.journal.index.position(), 0)
      indexed.agrees({ user: 'busy' })
      await indexed.journal.index.clean()
      await indexed.append(CHUNK, 2)
      await indexed.takeIn()
      indexed.agrees({ user: 'busy' })
    })

    it('begins where the journal begins, when the first are forgotten', async () => {
      indexed.limits = { ...indexed.limits, maxEntries: CHUNK }
      await indexed.journal.forgetOutdated()
      await indexed.takeIn()
      assert.equal(indexed.journal.index.position(), 2 * CHUNK)
      indexed.agrees({ user: 'busy' })
      assert.equal(indexed.scanned({}).length, CHUNK)
    })
  })

  it('keeps nothing of a segment that is forgotten', async () => {
    const indexed = new Indexed()
    await indexed.startAt(START)
    await indexed.append(4 * CHUNK, 1)
    await indexed.takeIn()
    assert.deepEqual(await indexed.segments(), new Set([0, 1]))
    indexed.limits = { ...indexed.limits, maxEntries: 100 }
    await indexed.journal.forgetOutdated()
    await indexed.journal.index.clean()
    assert.deepEqual(await indexed.segments(), new Set([1]))
    await indexed.close()
  })

  it('needs little work for a page out of many entries', async () => {
    const indexed = new Indexed()
    await indexed.append(6 * CHUNK, 1)
    await indexed.takeIn()
    const { next, searchedTo } = indexed.journal.page({ user: 'nobody', limit: 10 }, null)
    assert.deepEqual({ next, searchedTo }, { next: null, searchedTo: null }, 'one page was enough')
    await indexed.close()
  })

  it('is whole after the process that makes it was killed in the midst of it, again and again', async () => {
    const indexed = new Indexed()
    await indexed.append(8 * CHUNK, 1)
    await indexed.close()
    for (const kills of [1, 2, 3]) {
      const child = runScript(path.join(__dirname, 'index-process.ts'), indexed.dir)
      await child.until(/taken in \d+\n/, kills)
      child.child.kill('SIGKILL')
      await child.exited
    }
    const after = new Indexed(indexed.dir)
    await after.takeIn()
    assert.equal(after.journal.index.position(), 8 * CHUNK)
    for (const filter of [{ user: 'busy' }, { reason: 'stale' }, { device: 'device-7' }] as const) {
      after.agrees(filter)
      assert.ok(after.scanned(filter).length > 0)
    }
    await after.close()
  })
})

/** A small generator of numbers in [0, 1) that are the same for the same seed. */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
