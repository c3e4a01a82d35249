import { CsvRows } from '../../devices/import-csv'
import { ImportError } from '../../devices/import-error'
import { parseJsonRow } from '../../devices/import-ndjson'
import { readRows, type Row } from '../../devices/import-rows'
import { isDeviceId, type RecordReading } from '../../devices/record'
import { FeedError } from '../feed-error'
import type { FeedPage } from '../kind'
import type { FeedReading } from '../reading'

export const FORMATS = ['ndjson', 'csv'] as const
export type RowFormat = (typeof FORMATS)[number]

const PAGE = 1000

/**
 * Device records in the form that `device-gate device import` reads, page by page; the feed's name takes the place of
 * `source`. Throws FeedError for what is no such file, and for one that ends within a line: the rest is missing then.
 */
export async function* pagesOfRows(
  feed: string,
  place: string,
  format: RowFormat,
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<FeedPage, undefined> {
  const read = format === 'csv' ? csvReader() : ndjsonReader
  let page: FeedReading[] = []
  try {
    for await (const rows of readRows(chunks, { quoted: format === 'csv' })) {
      for (const { line, reading } of read(rows)) {
        page.push(readingAt(feed, `${place}:${line}`, reading))
        if (page.length < PAGE) continue
        yield page
        page = []
      }
      const [cut] = rows.slice(-1)
      if (
        cut?.ok &&
        cut.cutOff &&
        page.some((one) => 'problem' in one && one.place === `${place}:${cut.line}`)
      )
        throw new FeedError('answer', `${place}:${cut.line} ends within the line: the rest of it is missing`)
    }
  } catch (error) {
    if (error instanceof ImportError) throw new FeedError('answer', `${place}: ${error.message}`)
    throw error
  }
  yield page
  return undefined
}

interface Numbered {
  readonly line: number
  readonly reading: RecordReading & { readonly id?: string }
}

const ndjsonReader = (rows: readonly Row[]): Numbered[] =>
  rows.map((row) => ({
    line: row.line,
    reading: row.ok ? withId(row.text, parseJsonRow(row.text, row.cutOff)) : row,
  }))

function csvReader(): (rows: readonly Row[]) => Numbered[] {
  let csv: CsvRows | undefined
  return (rows) => {
    if (csv) return csv.readNumbered(rows)
    const [header] = rows
    if (!header) return []
    if (!header.ok) throw new ImportError(`line ${header.line}: the header is ${header.problem}`)
    csv = CsvRows.withHeader(header.text, header.line)
    return csv.readNumbered(rows.slice(1))
  }
}

/** Whose record a bad one would be, where that can be read. */
function withId(text: string, reading: RecordReading): Numbered['reading'] {
  if (reading.ok) return reading
  try {
    const id = (JSON.parse(text) as { id?: unknown } | null)?.id
    return typeof id === 'string' && isDeviceId(id) ? { ...reading, id } : reading
  } catch {
    return reading
  }
}

function readingAt(feed: string, place: string, reading: Numbered['reading']): FeedReading {
  if (reading.ok) return { place, record: { ...reading.record, source: feed } }
  return { place, problem: reading.problem, ...(reading.id !== undefined && { id: reading.id }) }
}

/** By the end of a name, as the import does. */
export const formatOf = (name: string, format: unknown): RowFormat =>
  FORMATS.find((known) => known === format) ?? (name.toLowerCase().endsWith('.csv') ? 'csv' : 'ndjson')
