import assert from 'node:assert/strict'

import { RECORD_KEYS } from '../../../src/devices/record'
import { FeedError } from '../../../src/feeds/feed-error'
import { pagesOfRows } from '../../../src/feeds/kinds/rows'
import type { FeedReading } from '../../../src/feeds/reading'

const MIB = 1024 * 1024
const GIB = 1024 * MIB
const HEADER = `${RECORD_KEYS.join(',')}\n`
const GOOD: Readonly<Record<string, string>> = {
  id: 'd-1',
  owners: 'anna@example.com',
  platform: 'ios',
  state: 'compliant',
  evidence_at: '2026-11-20T08:00:00Z',
  source: 'mdm',
  version: '1',
}
const row = (id: string): string =>
  `${RECORD_KEYS.map((key) => (key === 'id' ? id : (GOOD[key] ?? ''))).join(',')}\n`

/** The text, then its last part again and again, as many octets as are said. */
// eslint-disable-next-line @typescript-eslint/require-await -- an asynchronous source is what is under test
async function* endless(begin: string, again: string, octets: number, end = ''): AsyncGenerator<Buffer> {
  yield Buffer.from(begin)
  const piece = Buffer.from(again.repeat(Math.ceil(MIB / again.length)))
  for (let sent = 0; sent < octets; sent += piece.length) yield piece
  yield Buffer.from(end)
}

interface Read {
  readonly readings: FeedReading[]
  readonly error: unknown
  /** Octets of Buffers that were held at most. */
  readonly held: number
}

async function read(chunks: AsyncIterable<Uint8Array>): Promise<Read> {
  const before = process.memoryUsage().arrayBuffers
  const readings: FeedReading[] = []
  let held = 0
  let sent = 0
  async function* watched(): AsyncGenerator<Uint8Array> {
    for await (const chunk of chunks) {
      sent += 1
      if (sent % 64 === 0) held = Math.max(held, process.memoryUsage().arrayBuffers - before)
      yield chunk
    }
  }
  try {
    for await (const page of pagesOfRows('mdm', 'devices.csv', 'csv', watched())) readings.push(...page)
    return { readings, error: null, held }
  } catch (error) {
    return { readings, error, held }
  }
}

describe('a CSV file that is a bomb', () => {
  const refused: Readonly<Record<string, readonly [AsyncIterable<Uint8Array>, RegExp]>> = {
    'a header of 1 GiB': [endless('', 'x', GIB), /line 1: the header is longer than 65536 octets$/],
    'a header of a million columns': [
      endless('id', ',id', MIB * 3, `\n${row('d-1')}`),
      /line 1: the header is longer than 65536 octets$/,
    ],
    'a header of as many columns as a line may have': [
      endless(`${'id,'.repeat(20_000)}id\n`, '\n', 0, row('d-1')),
      /line 1: the header has the column id twice; /,
    ],
    'a quote in the header that is never closed': [
      endless('"id', 'x\n', GIB),
      /the header is a row of \d+ lines, longer than 65536 octets: is a quote never closed\?$/,
    ],
  }
  for (const [name, [chunks, message]] of Object.entries(refused))
    it(`is refused whole: ${name}`, async () => {
      const { readings, error, held } = await read(chunks)
      assert.ok(error instanceof FeedError && error.kind === 'answer', String(error))
      assert.match(error.message, message)
      assert.deepEqual(readings, [])
      assert.ok(held < 8 * MIB, `${held} octets were held`)
    })

  const bad: Readonly<Record<string, readonly [AsyncIterable<Uint8Array>, RegExp]>> = {
    'a line of 1 GiB': [endless(HEADER, 'x', GIB, `\n${row('d-2')}`), /^longer than 65536 octets$/],
    'a million columns': [endless(HEADER, ',', MIB, `\n${row('d-2')}`), /^longer than 65536 octets$/],
    'as many columns as a line may have': [
      endless(`${HEADER}${','.repeat(60_000)}\n`, '\n', 0, row('d-2')),
      /^has 60001 columns, the header has 8$/,
    ],
    'nothing but quotes': [endless(HEADER, '"', GIB, `\n${row('d-2')}`), /^longer than 65536 octets$/],
  }
  for (const [name, [chunks, problem]] of Object.entries(bad))
    it(`has one bad row, and the next is taken: ${name}`, async () => {
      const { readings, error, held } = await read(chunks)
      assert.equal(error, null)
      const [first, second, ...more] = readings
      assert.ok(first && 'problem' in first && second && 'record' in second, JSON.stringify(readings))
      assert.match(first.problem, problem)
      assert.equal(first.place, 'devices.csv:2')
      assert.equal(second.record.id, 'd-2')
      assert.deepEqual(more, [])
      assert.ok(held < 8 * MIB, `${held} octets were held`)
    })

  it('has one bad row where a quote is never closed, and what is on the lines behind it is taken', async () => {
    const rows = Array.from({ length: 3000 }, (_, i) => row(`d-${i}`)).join('')
    const { readings } = await read(endless(`${HEADER}"open,\n${rows}`, '\n', 0))
    const problems = readings.flatMap((one) => ('problem' in one ? [one.problem] : []))
    assert.equal(problems.length, 1)
    assert.match(problems[0] ?? '', /longer than 65536 octets: is a quote never closed\?$/)
    assert.ok(readings.length > 1500)
  })
})
