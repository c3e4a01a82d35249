import { CsvError, parse } from 'csv-parse/sync'

import { ImportError } from './import-error'
import { readRows, type Row } from './import-rows'

const COLUMNS = ['device', 'issuer', 'serial'] as const

/** One line of a list of certificates, as texts. */
export interface CertificateRow {
  readonly line: number
  readonly device: string
  readonly issuer: string
  readonly serial: string
}

/**
 * Reads a list of certificates: CSV (RFC 4180, comma) under a header with device, issuer and serial, among other columns
 * or not. Throws ImportError for the first row that is none.
 */
export async function* readCertificateCsv(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<CertificateRow> {
  let columns: readonly number[] | undefined
  for await (const rows of readRows(chunks, { quoted: true })) {
    for (const row of rows) {
      const cells = cellsOf(row)
      if (!columns) {
        columns = columnsOf(cells, row.line)
        continue
      }
      const [device, issuer, serial] = columns.map((at) => cells[at]?.trim())
      if (device === undefined || issuer === undefined || serial === undefined)
        throw new ImportError(`line ${row.line}: has ${cells.length} columns, fewer than the header`)
      yield { line: row.line, device, issuer, serial }
    }
  }
  if (!columns) throw new ImportError(`it is empty: the columns are ${COLUMNS.join(', ')}`)
}

function columnsOf(cells: readonly string[], line: number): number[] {
  const names = cells.map((name) => name.trim().toLowerCase())
  const missing = COLUMNS.filter((name) => !names.includes(name))
  if (missing.length > 0)
    throw new ImportError(
      `line ${line}: the header lacks ${missing.join(', ')}; the columns are ${COLUMNS.join(', ')}, separated by commas`,
    )
  return COLUMNS.map((name) => names.indexOf(name))
}

function cellsOf(row: Row): string[] {
  if (!row.ok) throw new ImportError(`line ${row.line}: ${row.problem}`)
  try {
    const [cells, more] = parse(row.text, { record_delimiter: ['\n', '\r\n'], relax_column_count: true })
    if (cells && !more) return cells
  } catch (error) {
    if (!(error instanceof CsvError)) throw error
  }
  throw new ImportError(`line ${row.line}: is not one CSV row`)
}
