import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import fc from 'fast-check'
import sinon from 'sinon'

import { BlockLog } from '../../src/journal/block-log'
import type { JournalEntry } from '../../src/journal/journal'
import { JournalStore } from '../../src/journal/journal-store'
import { openEnvironment } from '../../src/lmdb/environment'
import { eventually } from '../support/eventually'
import { runScript } from '../support/script'
import { tempDirs } from '../support/temp-dir'
import { AT, entries, entry, FIELDS } from './samples'

/** Half a surrogate pair has no UTF-8 and is shown as U+FFFD. */
const wellFormed = (text: string): string => Buffer.from(text).toString()

/** About four lines. */
const SMALL_FILE = 1500

describe('the block log', function () {
  // Each write waits for the disk.
  this.timeout(60_000)
  const tempDir = tempDirs()
  let dir: string
  let journal: JournalStore
  let log: BlockLog
  let faults: unknown[]

  const openLog = (maxFileOctets?: number): BlockLog =>
    new BlockLog(dir, journal, (error) => faults.push(error), {
      ...(maxFileOctets !== undefined && { maxFileOctets }),
    })

  beforeEach(() => {
    // Only a call of `flush` writes here, no timer.
    sinon.useFakeTimers({ toFake: ['setInterval'] })
    dir = tempDir()
    faults = []
    journal = JournalStore.open(dir, { now: () => AT, onFault: (error) => faults.push(error) })
    log = openLog()
  })
  afterEach(async () => {
    sinon.restore()
    await log.close()
    await journal.close()
  })

  const logFile = (number = 0): string =>
    path.join(dir, 'log', `blocks.ndjson${number === 0 ? '' : `.${number}`}`)
  const contentOf = (number: number): string =>
    fs.existsSync(logFile(number)) ? fs.readFileSync(logFile(number), 'utf8') : ''
  /** All lines of all files, oldest first. */
  function lines(): string[] {
    const text = Array.from({ length: 20 }, (_, i) => contentOf(19 - i)).join('')
    assert.ok(text === '' || text.endsWith('\n'), 'the last line is whole')
    return text.split('\n').slice(0, -1)
  }
  const decisions = (): string[] => lines().map((line) => (JSON.parse(line) as { decision: string }).decision)
  const written = (count: number, name?: string): string[] =>
    entries(count, name).map(({ decision }) => decision)

  async function append(...list: readonly JournalEntry[]): Promise<void> {
    for (const one of list) journal.append(one)
    await journal.drain()
  }

  it('has exactly the fields of the contract, one line an entry', async () => {
    await append(
      entry({ rule: 'm-1' }),
      entry({ user: 'b', device: null, platform: null, evidenceAgeS: null }),
    )
    await log.flush()
    const [first, second] = lines().map((line) => JSON.parse(line) as Record<string, unknown>)
    assert.deepEqual(Object.keys(first!), FIELDS)
    assert.deepEqual(Object.keys(second!), FIELDS)
    assert.deepEqual(first, {
      time: '2026-11-20T08:00:00.000Z',
      decision: 'VAZFRT1J',
      protocol: 'imap',
      user: 'anna@example.com',
      device: 'd-1',
      platform: 'ios',
      proof: 'tag',
      outcome: 'block',
      enforced: true,
      reason: 'noncompliant',
      rule: 'm-1',
      policy: 3,
      evidence_age_s: 60,
      remote: '192.0.2.7',
      repeats: 0,
    })
    assert.deepEqual([second?.['device'], second?.['evidence_age_s']], [null, null])
  })

  it('is for its user alone', () => {
    assert.equal(fs.statSync(path.dirname(logFile())).mode & 0o777, 0o700)
    assert.equal(fs.statSync(logFile()).mode & 0o777, 0o600)
  })

  it('cannot be injected into: an entry of any texts is one line that shows nothing else', async () => {
    const nasty = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.string({
        unit: fc.constantFrom(
          ...[
            '\n',
            '\r',
            '\0',
            '\u001b',
            '\u007f',
            '\u0085',
            '\u009b',
            '\u061c',
            '\u200e',
            '\u200f',
            '\u2028',
          ],
          ...[
            '\u2029',
            '\u202a',
            '\u202e',
            '\u2066',
            '\u2069',
            '\ufeff',
            '\ud800',
            '\udc00',
            '"',
            '\\',
            '{',
            'x',
          ],
        ),
      }),
      fc.string({ unit: 'binary', minLength: 300, maxLength: 400 }),
      fc.constantFrom('"}\n{"time":"2026-11-20T08:00:00.000Z"', '\\u000a', '\\', '</script>', '__proto__'),
    )
    const user = fc.tuple(nasty, fc.uuid()).map(([text, apart]) => text.slice(0, 280) + apart)
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ user, device: nasty, remote: nasty, rule: nasty }), { maxLength: 8 }),
        async (list) => {
          const before = lines().length
          await append(...list.map((texts) => entry(texts)))
          await log.flush()
          const added = lines().slice(before)
          assert.equal(added.length, list.length)
          for (const [index, line] of added.entries()) {
            assert.match(line, /^[^\p{Control}\p{Bidi_Control}\u2028\u2029\ufeff\p{Surrogate}]+$/u)
            const shown = JSON.parse(line) as Record<string, unknown>
            assert.deepEqual(Object.keys(shown), FIELDS)
            const one = list[index]!
            for (const field of ['user', 'device', 'remote', 'rule'] as const)
              assert.equal(wellFormed(String(shown[field])), wellFormed(one[field].slice(0, 320)))
          }
        },
      ),
      { numRuns: 40 },
    )
  })

  it('is written by a timer too', async () => {
    const clock = sinon.clock as unknown as sinon.SinonFakeTimers
    await append(...entries(2))
    clock.tick(200)
    await eventually(() => assert.deepEqual(decisions(), written(2)))
  })

  it('goes on behind what it wrote when it is opened again', async () => {
    await append(...entries(5))
    await log.flush()
    await log.close()
    await append(...entries(5, 'later'))
    log = openLog()
    await log.flush()
    assert.deepEqual(decisions(), [...written(5), ...written(5, 'later')])
  })

  it('writes what it missed while it was not there', async () => {
    await append(...entries(4500))
    await log.flush()
    assert.deepEqual(decisions(), written(4500))
  })

  it('passes over damaged entries', async () => {
    await append(...entries(3))
    const environment = openEnvironment(path.join(dir, 'journal'), { schema: 1 })
    await environment.write(() => void environment.database('entries').put(2, '{"time":9e15}'))
    await log.flush()
    assert.deepEqual(decisions(), ['e-0', 'e-2'])
    await environment.close()
  })

  it('starts anew from the oldest entry when its place is damaged', async () => {
    await append(...entries(2))
    await log.flush()
    const environment = openEnvironment(path.join(dir, 'journal'), { schema: 1 })
    await environment.write(() => void environment.database('meta').put('blockLog', '{"cursor":{}}'))
    await environment.close()
    await log.close()
    log = openLog()
    await log.flush()
    assert.deepEqual(decisions(), [...written(2), ...written(2)])
  })

  describe('rotated', () => {
    it('keeps ten old files, the youngest as .1', async () => {
      await log.close()
      log = openLog(SMALL_FILE)
      for (let i = 0; i < 60; i += 1) {
        await append(...entries(1, `run-${i}`))
        await log.flush()
      }
      const files = fs.readdirSync(path.dirname(logFile()))
      assert.equal(files.length, 11)
      for (let number = 1; number <= 10; number += 1) {
        const size = contentOf(number).length
        assert.ok(size >= SMALL_FILE && size < SMALL_FILE + 500, `file ${number} has ${size} octets`)
      }
      const all = Array.from({ length: 60 }, (_, i) => `run-${i}-0`)
      assert.deepEqual(decisions(), all.slice(-decisions().length), 'in order')
    })

    it('deletes old files whose last line is outdated, never the newest', async () => {
      await append(...entries(10))
      await log.close()
      const hour = 3_600_000
      const old = new Date(Date.now() - 2 * hour)
      for (const number of [1, 2]) fs.writeFileSync(logFile(number), '{}\n')
      for (const number of [0, 2]) fs.utimesSync(logFile(number), old, old)
      log = new BlockLog(dir, journal, (error) => faults.push(error), { maxAgeMs: () => hour })
      await log.flush()
      assert.deepEqual(fs.readdirSync(path.dirname(logFile())).sort(), ['blocks.ndjson', 'blocks.ndjson.1'])
    })

    it('goes on into the same file while it cannot be rotated', async () => {
      await log.close()
      log = openLog(SMALL_FILE)
      const rename = sinon.stub(fs, 'renameSync').throws(new Error('EACCES: permission denied'))
      for (let i = 0; i < 3; i += 1) {
        await append(...entries(5, `run-${i}`))
        await log.flush()
      }
      assert.match(String(faults[0]), /EACCES/)
      rename.restore()
      await append(...entries(1, 'after'))
      await log.flush()
      assert.equal(contentOf(0), '')
      assert.deepEqual(decisions(), [...[0, 1, 2].flatMap((i) => written(5, `run-${i}`)), 'after-0'])
    })

    it('goes on into the old file while no new one can be opened', async () => {
      await log.close()
      log = openLog(SMALL_FILE)
      const open = sinon.stub(fs, 'openSync').throws(new Error('EMFILE: too many open files'))
      await append(...entries(6))
      await log.flush()
      await append(...entries(1, 'more'))
      await log.flush()
      open.restore()
      await append(...entries(1, 'after'))
      await log.flush()
      assert.deepEqual(decisions(), [...written(6), 'more-0', 'after-0'])
      assert.match(String(faults[0]), /EMFILE/)
    })
  })

  describe('on a full disk', () => {
    it('leaves no half line, and writes all once there is room', async () => {
      await append(...entries(2))
      await log.flush()
      await append(...entries(3, 'more'))
      const write = fs.writeFileSync
      const full = sinon.stub(fs, 'writeFileSync').callsFake((file, text) => {
        write(file, (text as string).slice(0, 500))
        throw new Error('ENOSPC: no space left on device')
      })
      await log.flush()
      assert.match(String(faults[0]), /ENOSPC/)
      assert.deepEqual(decisions(), written(2))
      full.restore()
      await log.flush()
      assert.deepEqual(decisions(), [...written(2), ...written(3, 'more')])
    })

    it('repeats nothing when the journal could not keep its place', async () => {
      await append(...entries(3))
      const keep = sinon.stub(journal, 'keepBlockLogPosition').rejects(new Error('the disk is full'))
      await log.flush()
      assert.deepEqual(decisions(), [])
      keep.restore()
      await log.flush()
      assert.deepEqual(decisions(), written(3))
    })
  })

  it('goes on behind what another program left of its file', async () => {
    await append(...entries(3))
    await log.flush()
    fs.truncateSync(logFile(), 0)
    await append(...entries(2, 'after'))
    await log.flush()
    assert.deepEqual(decisions(), written(2, 'after'))
    await log.close()
    log = openLog()
    await append(...entries(2, 'again'))
    await log.flush()
    assert.deepEqual(decisions(), [...written(2, 'after'), ...written(2, 'again')])
  })

  it('cuts nothing off another file that was put in its place', async () => {
    await append(...entries(1))
    await log.flush()
    await log.close()
    const other = contentOf(0).repeat(3)
    fs.writeFileSync(`${logFile()}.new`, other)
    fs.renameSync(`${logFile()}.new`, logFile())
    log = openLog()
    assert.equal(contentOf(0), other)
  })

  describe('killed', () => {
    /** Lets the process do `steps` more things to files and journal; then it is dead and does no other. */
    function killAfter(steps: number): { readonly isDead: () => boolean } {
      let left = steps
      const live = (): void => {
        if (left <= 0) throw new Error('killed')
        left -= 1
      }
      const { writeFileSync, renameSync, openSync, ftruncateSync } = fs
      sinon.stub(fs, 'writeFileSync').callsFake((file, text) => {
        const half = Math.floor((text as string).length / 2)
        for (const part of [(text as string).slice(0, half), (text as string).slice(half)]) {
          live()
          writeFileSync(file, part)
        }
      })
      sinon.stub(fs, 'renameSync').callsFake((from, to) => {
        live()
        renameSync(from, to)
      })
      sinon.stub(fs, 'openSync').callsFake((file, flags, mode) => {
        live()
        return openSync(file, flags, mode)
      })
      sinon.stub(fs, 'ftruncateSync').callsFake((descriptor, length) => {
        live()
        ftruncateSync(descriptor, length)
      })
      const keep = journal.keepBlockLogPosition.bind(journal)
      sinon.stub(journal, 'keepBlockLogPosition').callsFake(async (position) => {
        live()
        await keep(position)
      })
      return { isDead: () => left <= 0 }
    }

    it('at any step has each line once when it is started again', async () => {
      const runs = [0, 1, 2, 3].map((i) => `run-${i}`)
      for (let steps = 0; ; steps += 1) {
        fs.rmSync(dir, { recursive: true })
        await log.close()
        await journal.close()
        journal = JournalStore.open(dir, { now: () => AT, onFault: (error) => faults.push(error) })
        log = openLog(SMALL_FILE)
        await append(...entries(4, 'before'))
        await log.flush()

        const { isDead } = killAfter(steps)
        for (const run of runs) {
          await append(...entries(6, run))
          await log.flush()
        }
        const dead = isDead()
        sinon.restore()
        sinon.useFakeTimers({ toFake: ['setInterval'] })

        log = openLog(SMALL_FILE)
        await append(...entries(2, 'after'))
        await log.flush()
        assert.deepEqual(
          decisions(),
          [...written(4, 'before'), ...runs.flatMap((run) => written(6, run)), ...written(2, 'after')],
          `after ${steps} steps`,
        )
        if (!dead) {
          assert.ok(steps > 20, 'there were steps to be killed at')
          return
        }
      }
    })

    it('by the system, again and again, neither loses nor repeats a line', async () => {
      await log.close()
      for (const [run, kills] of [2, 5, 9].entries()) {
        const child = runScript(
          path.join(__dirname, 'block-log-process.ts'),
          dir,
          `run-${run}`,
          '3000',
          '20000',
        )
        await child.until(/appended \d+\n/, kills)
        child.child.kill('SIGKILL')
        await child.exited
      }
      log = openLog()
      await log.flush()
      const known = journal.after(null, 100_000).entries.map(({ decision }) => decision)
      assert.ok(known.length >= 3 * (2 + 5 + 9), `${known.length} entries`)
      assert.deepEqual(decisions(), known)
    })
  })
})
