import { CsvError, parse } from 'csv-parse/sync'

import { ImportError } from './import-error'
import type { Row } from './import-rows'
import { parseDeviceRecord, RECORD_KEYS, type RecordReading } from './record'

const OPTIONAL = ['findings']
/** Between the owners, and between the findings, of one device. */
const LIST_SEPARATOR = ';'

/**
 * Reads CSV rows (RFC 4180, comma) under one header with the names of the record's fields. Several owners
 * or findings are separated by `;`.
 */
export class CsvRows {
  private constructor(private readonly columns: readonly string[]) {}

  /** Throws ImportError for a header that the rows could not be read by. */
  static withHeader(text: string, line: number): CsvRows {
    const columns = (cellsOf([text])?.[0] ?? []).map((name) => name.trim())
    const unknown = columns.find((name) => !RECORD_KEYS.includes(name))
    if (unknown !== undefined)
      throw headerError(line, `has an unknown column ${JSON.stringify(unknown.slice(0, 64))}`)
    const twice = columns.find((name, index) => columns.indexOf(name) !== index)
    if (twice !== undefined) throw headerError(line, `has the column ${twice} twice`)
    const missing = RECORD_KEYS.filter((name) => !columns.includes(name) && !OPTIONAL.includes(name))
    if (missing.length > 0) throw headerError(line, `lacks ${missing.join(', ')}`)
    return new CsvRows(columns)
  }

  /** Many rows at once: the parser costs far more to start than to run on. */
  readNumbered(rows: readonly Row[]): { line: number; reading: RecordReading }[] {
    const readings = this.#read(rows.flatMap((row) => (row.ok ? row.text : []))).values()
    return rows.map((row) => ({
      line: row.line,
      reading: (row.ok ? readings.next().value : row) ?? { ok: false, problem: 'not CSV' },
    }))
  }

  #read(texts: readonly string[]): RecordReading[] {
    const rows = texts.length === 0 ? [] : cellsOf(texts)
    if (rows?.length === texts.length) return rows.map((cells) => this.#record(cells))
    return texts.map((text) => this.#readAlone(text))
  }

  #readAlone(text: string): RecordReading {
    try {
      const [cells, more] = parseRows(text)
      if (cells && !more) return this.#record(cells)
      return { ok: false, problem: 'not one CSV row' }
    } catch (error) {
      if (error instanceof CsvError)
        return { ok: false, problem: `not CSV: ${EXPLANATIONS[error.code] ?? error.code}` }
      throw error
    }
  }

  #record(cells: readonly string[]): RecordReading {
    if (cells.length !== this.columns.length) {
      return { ok: false, problem: `has ${cells.length} columns, the header has ${this.columns.length}` }
    }
    return parseDeviceRecord(
      Object.fromEntries(this.columns.map((name, index) => [name, valueOf(name, cells[index] ?? '')])),
    )
  }
}

/** A cell as the record's field; a version that is no plain number stays the text that it is refused as. */
function valueOf(name: string, cell: string): unknown {
  switch (name) {
    case 'owners':
    case 'findings':
      return cell
        .split(LIST_SEPARATOR)
        .map((item) => item.trim())
        .filter((item) => item !== '')
    case 'version':
      return /^\d+$/.test(cell) && Number.isSafeInteger(Number(cell)) ? Number(cell) : cell
    default:
      return cell
  }
}

/** undefined: one of the rows is no CSV. */
function cellsOf(texts: readonly string[]): string[][] | undefined {
  try {
    return parseRows(texts.join('\n'))
  } catch (error) {
    if (error instanceof CsvError) return undefined
    throw error
  }
}

const parseRows = (text: string): string[][] =>
  parse(text, { record_delimiter: '\n', relax_column_count: true })

/** The parser's own messages count lines from the row on and show whole cells. */
const EXPLANATIONS: Readonly<Partial<Record<string, string>>> = {
  INVALID_OPENING_QUOTE: 'a quote within a cell that does not start with one',
  CSV_INVALID_CLOSING_QUOTE: 'text behind a closing quote; a quote within quotes is written twice',
  CSV_QUOTE_NOT_CLOSED: 'a quote is not closed',
}

const headerError = (line: number, problem: string): ImportError =>
  new ImportError(
    `line ${line}: the header ${problem}; the columns are ${RECORD_KEYS.join(', ')}, separated by commas`,
  )
