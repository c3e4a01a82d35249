import assert from 'node:assert/strict'
import fc from 'fast-check'

import {
  importDevices,
  type ImportFormat,
  type ImportOptions,
  type ImportProgress,
} from '../../src/devices/import'
import type { PutOutcome } from '../../src/devices/store'
import type { DeviceRecord } from '../../src/policy/device'

const RECORD = {
  id: 'd-1',
  owners: ['anna@example.com'],
  platform: 'ios',
  state: 'compliant',
  findings: [] as string[],
  evidence_at: '2026-11-20T08:00:00Z',
  source: 'mdm',
  version: 7,
}
const line = (change: Partial<typeof RECORD> = {}): string => JSON.stringify({ ...RECORD, ...change })
const HEADER = 'id,owners,platform,state,findings,evidence_at,source,version\n'
const csvLine = (id: string): string => `${id},anna@example.com,ios,compliant,,2026-11-20T08:00:00Z,mdm,7\n`

/** A store that takes all, or answers as told, and remembers what it was given. */
function memoryStore(answer: (record: DeviceRecord) => PutOutcome = () => ({ status: 'applied' })) {
  const batches: DeviceRecord[][] = []
  return {
    batches,
    ids: () => batches.flat().map(({ id }) => id),
    put: (records: readonly DeviceRecord[]) => {
      batches.push([...records])
      return Promise.resolve(records.map(answer))
    },
  }
}

type Bytes = string | Buffer
const octetsOf = (parts: readonly Bytes[]): Buffer => Buffer.concat(parts.map((part) => Buffer.from(part)))

// eslint-disable-next-line @typescript-eslint/require-await -- an asynchronous source is what is under test
async function* chunked(octets: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < octets.length; at += size) yield octets.subarray(at, at + size)
}

async function run(
  format: ImportFormat,
  parts: readonly Bytes[],
  options: ImportOptions & { chunk?: number } = {},
) {
  const store = memoryStore()
  const source = () => chunked(octetsOf(parts), options.chunk ?? 65_536)
  const summary = await importDevices(source, format, store.put, options)
  return { ...summary, store, ids: store.ids() }
}

describe('importing devices', () => {
  describe('from NDJSON', () => {
    it('gives the store each record as it was parsed', async () => {
      const { store, ...summary } = await run('ndjson', [`${line({ owners: ['Anna@Example.com'] })}\n`])
      assert.deepEqual(store.batches, [
        [
          {
            id: 'd-1',
            owners: ['anna@example.com'],
            platform: 'ios',
            state: 'compliant',
            findings: [],
            evidenceAt: Date.parse('2026-11-20T08:00:00Z'),
            source: 'mdm',
            version: 7,
          },
        ],
      ])
      assert.deepEqual(
        { lines: summary.lines, applied: summary.applied, bad: summary.bad, problems: summary.problems },
        { lines: 1, applied: 1, bad: 0, problems: [] },
      )
    })

    const good: [name: string, file: Bytes[], ids: string[]][] = [
      ['an empty file', [], []],
      ['a file of blank lines', ['\n\r\n  \n'], []],
      ['a missing last line end', [line(), '\n', line({ id: 'd-2' })], ['d-1', 'd-2']],
      ['CRLF', [line(), '\r\n', line({ id: 'd-2' }), '\r\n'], ['d-1', 'd-2']],
      ['a byte order mark', ['\ufeff', line(), '\n'], ['d-1']],
      ['blank lines between', ['\n', line(), '\n\n\r\n', line({ id: 'd-2' }), '\n'], ['d-1', 'd-2']],
      ['non-ASCII ids', [line({ id: 'gerät-1' }), '\n'], ['gerät-1']],
      ['the largest whole number', [line({ version: Number.MAX_SAFE_INTEGER }), '\n'], ['d-1']],
      ['long digits inside a text', [line({ id: '12345678901234567890' }), '\n'], ['12345678901234567890']],
    ]
    for (const [name, file, ids] of good) {
      it(`takes ${name}`, async () => {
        const result = await run('ndjson', file)
        assert.deepEqual({ ids: result.ids, problems: result.problems }, { ids, problems: [] })
      })
    }

    const withVersion = (digits: string): string => line().replace('"version":7', `"version":${digits}`)
    const bad: [name: string, row: Bytes, problem: RegExp][] = [
      ['bad JSON', '{"id":', /^not JSON: /],
      ['an array', '[]', /^not an object$/],
      ['null', 'null', /^not an object$/],
      ['an unknown state', line({ state: 'fine' }), /^state: "fine" is none of compliant, /],
      ['an unknown platform', line({ platform: 'symbian' }), /^platform: "symbian" is none of ios, /],
      ['an unknown field', '{"id":"d-1","os":"ios"}', /^unknown field "os"/],
      ['a missing field', '{"id":"d-1"}', /^owners: /],
      ['a time without a zone', line({ evidence_at: '2026-11-20T08:00:00' }), /^evidence_at: /],
      ['2^53', withVersion('9007199254740992'), /^version: 9007199254740992 is no whole number/],
      [
        '2^53+1',
        withVersion('9007199254740993'),
        /^version: 9007199254740993 has more digits than a number keeps/,
      ],
      ['a number of 40 digits', withVersion('1'.repeat(40)), /^version: 1{32}\.\.\. has more digits/],
      [
        'digits lost behind the point',
        withVersion('7.00000000000000000001'),
        /^version: 7\.0{19}1 has more digits/,
      ],
      ['a large exponent', withVersion('1e30'), /^version: 1e\+30 is no whole number/],
      [
        'an id written as a long number',
        line().replace('"d-1"', '12345678901234567890'),
        /^id: 12345678901234567890 /,
      ],
      ['invalid UTF-8', Buffer.from([0x7b, 0xff, 0x7d]), /^not valid UTF-8; save the file as UTF-8$/],
      ['a NUL', '{"id":"d\u0000"}', /^not JSON: /],
      [
        'an escaped control character',
        line({ id: 'd\u001b[2J' }),
        /^id: a text of 1 to 256 characters without control/,
      ],
      ['a byte order mark within the file', `\ufeff${line()}`, /^not JSON: /],
    ]
    for (const [name, row, problem] of bad) {
      it(`reports ${name} with its line and goes on`, async () => {
        const result = await run('ndjson', [
          `${line({ id: 'before' })}\n`,
          row,
          `\n${line({ id: 'after' })}\n`,
        ])
        assert.deepEqual(result.ids, ['before', 'after'])
        assert.deepEqual({ lines: result.lines, bad: result.bad }, { lines: 3, bad: 1 })
        assert.equal(result.problems[0]?.line, 2)
        assert.match(result.problems[0].problem, problem)
      })
    }

    it('tells that the file ends within its last line', async () => {
      const { ids, problems } = await run('ndjson', [`${line()}\n`, line({ id: 'd-2' }).slice(0, 40)])
      assert.deepEqual(ids, ['d-1'])
      assert.equal(problems[0]?.line, 2)
      assert.match(problems[0].problem, /^not JSON \(the file ends within this line\)/)
    })

    it('passes over a line of 10 MB without holding it', async () => {
      const piece = Buffer.alloc(65_536, 'x')
      // eslint-disable-next-line @typescript-eslint/require-await -- an asynchronous source is what is under test
      async function* source(): AsyncGenerator<Buffer> {
        yield Buffer.from(`${line()}\n`)
        for (let i = 0; i < 160; i += 1) yield piece
        yield Buffer.from(`\n${line({ id: 'd-2' })}\n`)
      }
      const store = memoryStore()
      const before = process.memoryUsage().arrayBuffers
      let most = 0
      const put = (records: readonly DeviceRecord[]) => {
        most = Math.max(most, process.memoryUsage().arrayBuffers - before)
        return store.put(records)
      }
      const summary = await importDevices(source, 'ndjson', put, { batchSize: 1 })
      assert.deepEqual(store.ids(), ['d-1', 'd-2'])
      assert.deepEqual(summary.problems, [{ line: 2, problem: 'longer than 65536 octets' }])
      assert.ok(most < 4_000_000, `${most} octets were held`)
    })

    it('takes a line of exactly 64 kB and refuses one octet more', async () => {
      const padded = (octets: number) => line().padEnd(octets - 1, ' ') + '\n'
      const result = await run('ndjson', [padded(65_536), padded(65_537)])
      assert.deepEqual(
        { ids: result.ids, bad: result.problems.map((p) => p.line) },
        { ids: ['d-1'], bad: [2] },
      )
    })

    it('reports a second line with an id, naming the first', async () => {
      const file = [`${line()}\n`, '\n', `${line({ version: 9 })}\n`, `${line({ id: 'd-2' })}\n`]
      const { ids, problems } = await run('ndjson', file, { batchSize: 1 })
      assert.deepEqual(ids, ['d-1', 'd-2'])
      assert.deepEqual(problems, [{ line: 3, problem: 'id: "d-1" was on line 1 already' }])
    })

    it('finds each of many duplicate ids and no false one', async () => {
      const lines = Array.from({ length: 50_000 }, (_, i) => `${line({ id: `d-${i}` })}\n`)
      const once = await run('ndjson', lines)
      assert.deepEqual({ applied: once.applied, bad: once.bad }, { applied: 50_000, bad: 0 })
      const twice = await run('ndjson', [...lines, ...lines])
      assert.deepEqual({ applied: twice.applied, bad: twice.bad }, { applied: 50_000, bad: 50_000 })
    })

    it('keeps the first 100 problems and counts all', async () => {
      const result = await run('ndjson', ['{\n'.repeat(250)])
      assert.equal(result.bad, 250)
      assert.deepEqual([result.problems.length, result.problems[99]?.line], [100, 100])
    })
  })

  describe('from CSV', () => {
    it('reads the columns by name, in any order, lists separated by semicolons', async () => {
      const { store } = await run('csv', [
        'version,id,findings,owners,platform,state,evidence_at,source\n',
        '7,007,app:a; app:b,Anna@example.com;ben@example.com,ios,grace,2026-11-20T08:00:00Z,mdm\n',
      ])
      assert.deepEqual(store.batches, [
        [
          {
            id: '007',
            owners: ['anna@example.com', 'ben@example.com'],
            platform: 'ios',
            state: 'grace',
            findings: ['app:a', 'app:b'],
            evidenceAt: Date.parse('2026-11-20T08:00:00Z'),
            source: 'mdm',
            version: 7,
          },
        ],
      ])
    })

    const row = (cells: Partial<Record<keyof typeof RECORD, string>>): string =>
      `${Object.values({ ...RECORD, ...cells }).join(',')}\n`
    const good: [name: string, file: Bytes[], ids: string[]][] = [
      ['an empty file', [], []],
      ['a header alone', [HEADER], []],
      ['a byte order mark and CRLF', ['\ufeff', (HEADER + csvLine('d-1')).replaceAll('\n', '\r\n')], ['d-1']],
      ['a missing last line end', [HEADER, csvLine('d-1').trimEnd()], ['d-1']],
      ['blank lines', ['\n', HEADER, '\n', csvLine('d-1'), '\r\n', csvLine('d-2')], ['d-1', 'd-2']],
      ['quotes, commas within them and doubled quotes', [HEADER, row({ id: '"d,""1"""' })], ['d,"1"']],
      [
        'a header without findings',
        [HEADER.replace('findings,', ''), csvLine('d-1').replace(',,', ',')],
        ['d-1'],
      ],
      ['spaces around header names', [HEADER.replace('id,owners', ' id , owners '), csvLine('d-1')], ['d-1']],
    ]
    for (const [name, file, ids] of good) {
      it(`takes ${name}`, async () => {
        const result = await run('csv', file)
        assert.deepEqual({ ids: result.ids, problems: result.problems }, { ids, problems: [] })
      })
    }

    const bad: [name: string, row: Bytes, problem: RegExp][] = [
      ['an unknown state', row({ state: 'fine' }), /^state: "fine" is none of/],
      ['2^53+1', row({ version: '9007199254740993' }), /^version: "9007199254740993" is no whole number/],
      ['a version with a point', row({ version: '7.0' }), /^version: "7.0" is no whole number/],
      ['too few columns', 'd-1,anna@example.com\n', /^has 2 columns, the header has 8$/],
      ['too many columns', csvLine('d-1').replace('\n', ',\n'), /^has 9 columns, the header has 8$/],
      [
        'two quotes within a cell',
        row({ id: 'd"1"' }),
        /^not CSV: a quote within a cell that does not start with one$/,
      ],
      ['text behind a quote', row({ id: '"d"1"' + '"' }), /^not CSV: text behind a closing quote/],
      ['invalid UTF-8', Buffer.from([0xff, 0x0a]), /^not valid UTF-8/],
      [
        'a line end within quotes',
        row({ id: '"d\n1"' }),
        /^id: a text of 1 to 256 characters without control/,
      ],
      ['a row of 10 MB', Buffer.from(`${'x'.repeat(10_000_000)}\n`), /^longer than 65536 octets$/],
    ]
    for (const [name, bytes, problem] of bad) {
      it(`reports ${name} with its line and goes on`, async () => {
        const result = await run('csv', [HEADER, csvLine('before'), bytes, csvLine('after')])
        assert.deepEqual(result.ids, ['before', 'after'])
        assert.equal(result.problems[0]?.line, 3)
        assert.match(result.problems[0].problem, problem)
        assert.equal(result.bad, 1)
      })
    }

    it('counts the lines of a row with line ends within quotes', async () => {
      const { problems } = await run('csv', [HEADER, row({ id: '"d\n1\n2"' }), row({ state: 'fine' })])
      assert.deepEqual(
        problems.map((problem) => problem.line),
        [2, 5],
      )
    })

    it('loses no more than 64 kB of rows to a quote that is never closed', async () => {
      const rows = Array.from({ length: 3000 }, (_, i) => csvLine(`d-${i}`))
      const result = await run('csv', [HEADER, row({ id: '"open' }), ...rows])
      assert.equal(result.problems.length, 1)
      assert.equal(result.problems[0]?.line, 2)
      assert.match(
        result.problems[0].problem,
        /^a row of \d+ lines, longer than 65536 octets: is a quote never closed\?$/,
      )
      assert.ok(result.applied > 1500 && result.ids.at(-1) === 'd-2999', `${result.applied} were applied`)
    })

    it('tells of a quote that is open at the end of the file', async () => {
      const { problems } = await run('csv', [HEADER, csvLine('d-1'), '"d-2,anna@example.com\n'])
      assert.deepEqual(problems, [{ line: 3, problem: 'not CSV: a quote is not closed' }])
    })

    const headers: [name: string, header: Bytes, message: RegExp][] = [
      [
        'an unknown column',
        HEADER.replace('state', 'status'),
        /^line 1: the header has an unknown column "status"; /,
      ],
      ['a column twice', HEADER.replace('state', 'id'), /^line 1: the header has the column id twice; /],
      [
        'missing columns',
        'id,owners\n',
        /^line 1: the header lacks platform, state, evidence_at, source, version; /,
      ],
      [
        'semicolons between the columns',
        HEADER.replaceAll(',', ';'),
        /unknown column .*separated by commas$/,
      ],
      ['invalid UTF-8', Buffer.from([0xff, 0x0a]), /^line 1: the header is not valid UTF-8/],
    ]
    for (const [name, header, message] of headers) {
      it(`refuses a header with ${name}, applying nothing`, async () => {
        const store = memoryStore()
        const source = () => chunked(octetsOf([header, csvLine('d-1')]), 65_536)
        await assert.rejects(importDevices(source, 'csv', store.put), {
          code: 'ERR_IMPORT',
          message,
        })
        assert.deepEqual(store.batches, [])
      })
    }
  })

  it('is the same however the octets are cut into chunks', async () => {
    const files: Record<ImportFormat, Bytes[]> = {
      ndjson: [
        '\ufeff',
        line(),
        '\r\n{\n\n',
        Buffer.from([0xc3, 0x0a]),
        line({ id: 'gerät' }),
        '\n',
        line(),
        '{',
      ],
      csv: ['\ufeff', HEADER, csvLine('"d\n1"'), csvLine('gerät'), 'x\n', csvLine('"q""1"'), '"open'],
    }
    for (const format of ['ndjson', 'csv'] as const) {
      const whole = await run(format, files[format])
      assert.ok(whole.applied > 0 && whole.bad > 1)
      await fc.assert(
        fc.asyncProperty(fc.integer({ min: 1, max: 80 }), async (chunk) => {
          const cut = await run(format, files[format], { chunk })
          assert.deepEqual(cut.problems, whole.problems)
          assert.deepEqual(cut.ids, whole.ids)
        }),
        { numRuns: 40 },
      )
    }
  })

  describe('into the store', () => {
    it('waits for each batch before it reads on', async () => {
      let inFlight = 0
      let reads = 0
      const seen: number[] = []
      async function* source(): AsyncGenerator<Buffer> {
        for (let i = 0; i < 6; i += 1) {
          assert.equal(inFlight, 0, 'read on while a batch was being written')
          reads += 1
          yield Buffer.from(`${line({ id: `a-${i}` })}\n${line({ id: `b-${i}` })}\n`)
          await Promise.resolve()
        }
      }
      const put = async (records: readonly DeviceRecord[]): Promise<PutOutcome[]> => {
        inFlight += 1
        seen.push(reads)
        await new Promise((resolve) => setImmediate(resolve))
        inFlight -= 1
        assert.ok(records.length <= 4)
        return records.map(() => ({ status: 'applied' }))
      }
      const summary = await importDevices(source, 'ndjson', put, { batchSize: 4 })
      assert.equal(summary.applied, 12)
      assert.deepEqual(seen, [2, 4, 6])
    })

    it('counts what became of each record and tells which were refused', async () => {
      const outcomes: Record<string, PutOutcome> = {
        'd-1': { status: 'applied' },
        'd-2': { status: 'unchanged' },
        'd-3': { status: 'refused', storedVersion: 9, storedEvidenceAt: Date.UTC(2026, 10, 21) },
      }
      const store = memoryStore((record) => outcomes[record.id]!)
      const file = Object.keys(outcomes).map((id) => `${line({ id })}\n`)
      const summary = await importDevices(() => chunked(octetsOf(file), 99), 'ndjson', store.put)
      assert.deepEqual(summary, {
        lines: 3,
        applied: 1,
        unchanged: 1,
        refused: 1,
        bad: 0,
        problems: [],
        refusals: [
          {
            line: 3,
            problem:
              'version: 7 with evidence of 2026-11-20T08:00:00.000Z is older than what mdm said before, ' +
              'version 9 of 2026-11-21T00:00:00.000Z',
          },
        ],
      })
    })

    it('rejects with what the store rejects with, having stopped reading', async () => {
      let closed = false
      async function* source(): AsyncGenerator<Buffer> {
        try {
          for (let i = 0; ; i += 1) yield await Promise.resolve(Buffer.from(`${line({ id: `d-${i}` })}\n`))
        } finally {
          closed = true
        }
      }
      const failure = new Error('disk full')
      await assert.rejects(
        importDevices(source, 'ndjson', () => Promise.reject(failure), { batchSize: 3 }),
        failure,
      )
      assert.ok(closed)
    })

    it('tells its progress after each batch, in each step', async () => {
      const seen: ImportProgress[] = []
      const file = Array.from({ length: 5 }, (_, i) => `${line({ id: `d-${i}` })}\n`)
      const octets = octetsOf(file).length
      await run('ndjson', file, { batchSize: 3, strict: true, onProgress: (progress) => seen.push(progress) })
      assert.deepEqual(seen, [
        { step: 'check', octets, lines: 3 },
        { step: 'check', octets, lines: 5 },
        { step: 'apply', octets, lines: 3 },
        { step: 'apply', octets, lines: 5 },
      ])
    })
  })

  describe('strictly', () => {
    it('applies nothing when the very last line is bad', async () => {
      const lines = Array.from({ length: 50 }, (_, i) => `${line({ id: `d-${i}` })}\n`)
      const result = await run('ndjson', [...lines, '{\n'], { strict: true, batchSize: 10 })
      assert.deepEqual(result.store.batches, [])
      assert.deepEqual({ applied: result.applied, bad: result.bad }, { applied: 0, bad: 1 })
      assert.equal(result.problems[0]?.line, 51)
    })

    it('counts a duplicate id as bad', async () => {
      const result = await run('csv', [HEADER, csvLine('d-1'), csvLine('d-1')], { strict: true })
      assert.deepEqual([result.store.batches, result.bad], [[], 1])
    })

    it('applies a good file', async () => {
      const result = await run('csv', [HEADER, csvLine('d-1'), csvLine('d-2')], { strict: true })
      assert.deepEqual([result.ids, result.lines, result.applied], [['d-1', 'd-2'], 2, 2])
    })

    it('stops when the file has changed since it was checked', async () => {
      const store = memoryStore()
      const contents = [`${line()}\n`, `${line()}\n{\n`]
      const source = () => chunked(Buffer.from(contents.shift() ?? ''), 65_536)
      await assert.rejects(importDevices(source, 'ndjson', store.put, { strict: true }), {
        code: 'ERR_IMPORT',
        message: /^line 2: not JSON.*; the file was changed while it was imported$/,
      })
      assert.deepEqual(store.batches, [])
    })
  })
})
