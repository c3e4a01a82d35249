import type { DeviceRecord } from '../policy/device'
import { CsvRows } from './import-csv'
import { ImportError } from './import-error'
import { parseJsonRow } from './import-ndjson'
import { readRows, type Row } from './import-rows'
import { SeenIds } from './import-seen-ids'
import type { RecordReading } from './record'
import type { PutOutcome } from './store'

export const IMPORT_FORMATS = ['ndjson', 'csv'] as const
export type ImportFormat = (typeof IMPORT_FORMATS)[number]

/**
 * Opens the file from its start. A strict import reads it twice: what cannot be opened twice (a pipe) must
 * be put into a file first.
 */
export type ImportSource = () => AsyncIterable<Uint8Array>

export interface ImportOptions {
  /** One bad line refuses all: nothing is applied. */
  readonly strict?: boolean
  /** Records in one transaction. */
  readonly batchSize?: number
  readonly onProgress?: (progress: ImportProgress) => void
}

export interface ImportProgress {
  /** A strict import checks the whole file before it applies it. */
  readonly step: 'check' | 'apply'
  readonly octets: number
  readonly lines: number
}

export interface ImportProblem {
  /** From 1; of a CSV row of several lines, its first. */
  readonly line: number
  /** Names the field and what it should be. */
  readonly problem: string
}

export interface ImportSummary {
  /** Rows that are not blank, without a CSV header. */
  readonly lines: number
  readonly applied: number
  readonly unchanged: number
  /** Older than what the store has from the same source. */
  readonly refused: number
  readonly bad: number
  /** The first {@link MAX_PROBLEMS} bad lines. */
  readonly problems: readonly ImportProblem[]
  /** The first {@link MAX_PROBLEMS} refused ones. */
  readonly refusals: readonly ImportProblem[]
}

const MAX_PROBLEMS = 100
const BATCH_SIZE = 2000
/** Bounds the memory for ids seen, at about 200 MB. */
const MAX_RECORDS = 5_000_000

/**
 * Imports device records from NDJSON or CSV, holding one batch at a time. A bad line is reported and left
 * out; of several lines with one id the first counts and the others are bad. Rejects with ImportError when the
 * file as a whole cannot be read, and with what `put` or the source reject with; batches before that stay
 * applied, and importing again is harmless.
 */
export async function importDevices(
  source: ImportSource,
  format: ImportFormat,
  put: (records: readonly DeviceRecord[]) => Promise<PutOutcome[]>,
  options: ImportOptions = {},
): Promise<ImportSummary> {
  if (options.strict) {
    const checked = await new ImportRun('check', format, undefined, options).over(source())
    if (checked.bad > 0) return checked
  }
  return new ImportRun('apply', format, put, options).over(source())
}

class ImportRun {
  readonly #seen = new SeenIds()
  readonly #counts = { lines: 0, applied: 0, unchanged: 0, refused: 0, bad: 0 }
  readonly #problems: ImportProblem[] = []
  readonly #refusals: ImportProblem[] = []
  readonly #batchSize: number
  #batch: { readonly line: number; readonly record: DeviceRecord }[] = []
  #csv: CsvRows | undefined
  #octets = 0

  constructor(
    private readonly step: ImportProgress['step'],
    private readonly format: ImportFormat,
    private readonly put: ((records: readonly DeviceRecord[]) => Promise<PutOutcome[]>) | undefined,
    private readonly options: ImportOptions,
  ) {
    this.#batchSize = options.batchSize ?? BATCH_SIZE
  }

  async over(chunks: AsyncIterable<Uint8Array>): Promise<ImportSummary> {
    for await (const rows of readRows(this.#counted(chunks), { quoted: this.format === 'csv' })) {
      for (const { line, reading } of this.#readings(rows)) {
        this.#take(line, reading)
        if (this.#batch.length >= this.#batchSize) await this.#putBatch()
      }
    }
    await this.#putBatch()
    return { ...this.#counts, problems: this.#problems, refusals: this.#refusals }
  }

  async *#counted(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of chunks) {
      this.#octets += chunk.length
      yield chunk
    }
  }

  #readings(rows: readonly Row[]): { line: number; reading: RecordReading }[] {
    switch (this.format) {
      case 'ndjson':
        return rows.map((row) => ({
          line: row.line,
          reading: row.ok ? parseJsonRow(row.text, row.cutOff) : row,
        }))
      case 'csv':
        return this.#csvReadings(rows)
    }
  }

  #csvReadings(rows: readonly Row[]): { line: number; reading: RecordReading }[] {
    let data = rows
    if (!this.#csv) {
      const [header, ...rest] = rows
      if (!header) return []
      if (!header.ok) throw new ImportError(`line ${header.line}: the header is ${header.problem}`)
      this.#csv = CsvRows.withHeader(header.text, header.line)
      data = rest
    }
    const readings = this.#csv.read(data.flatMap((row) => (row.ok ? row.text : [])))
    let next = 0
    return data.map((row) => ({
      line: row.line,
      reading: row.ok ? (readings[next++] as RecordReading) : row,
    }))
  }

  #take(line: number, reading: RecordReading): void {
    this.#counts.lines += 1
    if (!reading.ok) {
      this.#bad(line, reading.problem)
      return
    }
    const { record } = reading
    const first = this.#seen.firstLine(record.id, line)
    if (first !== undefined) {
      this.#bad(line, `id: ${JSON.stringify(record.id)} was on line ${first} already`)
      return
    }
    if (this.#seen.count > MAX_RECORDS) {
      throw new ImportError(`line ${line}: more than ${MAX_RECORDS} devices in one file; split it`)
    }
    this.#batch.push({ line, record })
  }

  #bad(line: number, problem: string): void {
    if (this.step === 'apply' && this.options.strict) {
      throw new ImportError(`line ${line}: ${problem}; the file was changed while it was imported`)
    }
    this.#counts.bad += 1
    if (this.#problems.length < MAX_PROBLEMS) this.#problems.push({ line, problem })
  }

  async #putBatch(): Promise<void> {
    const batch = this.#batch
    this.#batch = []
    const outcomes = (await this.put?.(batch.map(({ record }) => record))) ?? []
    outcomes.forEach((outcome, index) => {
      this.#counts[outcome.status] += 1
      const written = batch[index]
      if (outcome.status !== 'refused' || !written || this.#refusals.length >= MAX_PROBLEMS) return
      this.#refusals.push({ line: written.line, problem: refusal(written.record, outcome) })
    })
    this.options.onProgress?.({ step: this.step, octets: this.#octets, lines: this.#counts.lines })
  }
}

const refusal = (
  { id, source, version, evidenceAt }: DeviceRecord,
  stored: Extract<PutOutcome, { status: 'refused' }>,
): string =>
  `${JSON.stringify(id)}: ${source} says version ${version} of ${new Date(evidenceAt).toISOString()}, ` +
  `the store has version ${stored.storedVersion} of ${new Date(stored.storedEvidenceAt).toISOString()}`
