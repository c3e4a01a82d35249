import assert from 'node:assert/strict'
import path from 'node:path'
import fs from 'node:fs'
import fc from 'fast-check'

import { BlockLog } from '../../src/journal/block-log'
import { formatEntry } from '../../src/journal/journal'
import { JournalStore } from '../../src/journal/journal-store'
import { Pseudonyms } from '../../src/journal/pseudonym'
import { tempDirs } from '../support/temp-dir'
import { AT, entry, FIELDS } from './samples'

const pseudonyms = new Pseudonyms(Buffer.alloc(32, 7))
const other = new Pseudonyms(Buffer.alloc(32, 8))

describe('a pseudonym', () => {
  const tempDir = tempDirs()

  it('is another under another key', () =>
    assert.notEqual(pseudonyms.of('user', 'anna'), other.of('user', 'anna')))

  it('stands for every name that an entry has, and for nothing else', () => {
    const shown = pseudonyms.entry(entry())
    assert.deepEqual(shown, {
      ...entry(),
      user: pseudonyms.of('user', 'anna@example.com'),
      device: pseudonyms.of('device', 'd-1'),
      decision: pseudonyms.of('decision', 'VAZFRT1J'),
      remote: pseudonyms.of('remote', '192.0.2.7'),
    })
    assert.equal(pseudonyms.entry(entry({ device: null })).device, null)
  })

  const rules: [rule: string | null, shown: string | null][] = [
    [null, null],
    ['tiktok-2020-07', 'tiktok-2020-07'],
    ['exemption:user:anna', `exemption:user:${pseudonyms.of('user', 'anna')}`],
    ['lock:device:d:1', `lock:device:${pseudonyms.of('device', 'd:1')}`],
    ['lock:user:a\nb', `lock:user:${pseudonyms.of('user', 'a\nb')}`],
  ]
  for (const [rule, shown] of rules)
    it(`the rule ${JSON.stringify(rule)}`, () => assert.equal(pseudonyms.entry(entry({ rule })).rule, shown))

  it('lets no name through, whatever it is', () => {
    // Longer than any word of an entry, and no hexadecimal digits.
    const name = fc.string({ minLength: 6, unit: fc.constantFrom('x', 'y', 'z', '@', ':', '\n', 'ü') })
    fc.assert(
      fc.property(name, name, name, (user, device, remote) => {
        for (const rule of [`exemption:user:${user}`, `lock:device:${device}`]) {
          const line = JSON.stringify(formatEntry(pseudonyms.entry(entry({ user, device, remote, rule }))))
          for (const text of [user, device, remote])
            assert.ok(!line.includes(JSON.stringify(text).slice(1, -1)))
        }
      }),
    )
  })

  it('stands in the block log, in the same fields; and where there is none to be had, the file waits', async () => {
    const dir = tempDir()
    const faults: unknown[] = []
    const journal = JournalStore.open(dir, { now: () => AT, onFault: assert.ifError })
    const keys: Pseudonyms[] = []
    const log = new BlockLog(dir, journal, (error) => faults.push(error), {
      shown: (one) => {
        const [key] = keys
        if (!key) throw new Error('the key is damaged')
        return key.entry(one)
      },
    })
    journal.append(entry())
    await journal.drain()
    await log.flush()
    assert.match(String(faults[0]), /the key is damaged/)
    const text = (): string => fs.readFileSync(path.join(dir, 'log/blocks.ndjson'), 'utf8')
    assert.equal(text(), '')
    keys.push(pseudonyms)
    await log.flush()
    const line = JSON.parse(text()) as Record<string, unknown>
    assert.deepEqual(Object.keys(line), FIELDS)
    assert.equal(line['user'], pseudonyms.of('user', 'anna@example.com'))
    assert.ok(!text().includes('anna'))
    await log.close()
    await journal.close()
  })
})
