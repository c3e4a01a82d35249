import type { DeviceRecord } from '../policy/device'
import { CsvRows } from './import-csv'
import { ImportError } from './import-error'
import { parseJsonRow } from './import-ndjson'
import { readRows, type Row } from './import-rows'
import { SeenIds } from './import-seen-ids'
import type { RecordReading } from './record'
import type { PutOutcome } from './store'

export type ImportFormat = 'ndjson' | 'csv'

/**
 * Opens the file from its start. A strict import reads it twice: what cannot be opened twice (a pipe) must
 * be put into a file first.
 */
export type ImportSource = () => AsyncIterable<Uint8Array>

export interface ImportOptions {
  /** One bad line refuses the whole file: all is checked before anything is written. */
  readonly strict?: boolean
  /** Records in one transaction. */
  readonly batchSize?: number
  /** Told after each batch. */
  readonly onProgress?: (progress: ImportProgress) => void
}

export interface ImportProgress {
  readonly step: 'check' | 'apply'
  /** Of the file, so far in this step. */
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
  /** Rows that cannot be read as a record, or whose id came before. */
  readonly bad: number
  /** The first 100 bad lines. */
  readonly problems: readonly ImportProblem[]
  /** The first 100 refused ones. */
  readonly refusals: readonly ImportProblem[]
}

type Put = (records: readonly DeviceRecord[]) => Promise<PutOutcome[]>

const MAX_PROBLEMS = 100
const BATCH_SIZE = 2000
/** Bounds the memory for ids seen, at about 200 MB. */
const MAX_RECORDS = 5_000_000

/**
 * Imports device records from NDJSON or CSV, holding one batch at a time. A bad line is reported and left
 * out; of several lines with one id the first counts and the others are bad. Rejects with ImportError when
 * the file as a whole cannot be read, and with what `put` or the source reject with; batches before that
 * stay applied, and importing again is harmless.
 */
export async function importDevices(
  source: ImportSource,
  format: ImportFormat,
  put: Put,
  options: ImportOptions = {},
): Promise<ImportSummary> {
  if (options.strict) {
    const checked = await new ImportRun('check', format, undefined, options).over(source())
    if (checked.bad > 0) return checked
  }
  return new ImportRun('apply', format, put, options).over(source())
}

interface NumberedReading {
  readonly line: number
  readonly reading: RecordReading
}

/** One time through the file. */
class ImportRun {
  readonly #seen = new SeenIds()
  readonly #counts = { lines: 0, applied: 0, unchanged: 0, refused: 0, bad: 0 }
  readonly #problems: ImportProblem[] = []
  readonly #refusals: ImportProblem[] = []
  #batch: { readonly line: number; readonly record: DeviceRecord }[] = []
  #csv: CsvRows | undefined
  #octets = 0

  constructor(
    private readonly step: ImportProgress['step'],
    private readonly format: ImportFormat,
    private readonly put: Put | undefined,
    private readonly options: ImportOptions,
  ) {}

  async over(chunks: AsyncIterable<Uint8Array>): Promise<ImportSummary> {
    const { batchSize = BATCH_SIZE } = this.options
    for await (const rows of readRows(this.#counted(chunks), { quoted: this.format === 'csv' })) {
      for (const { line, reading } of this.#readings(rows)) {
        this.#take(line, reading)
        if (this.#batch.length >= batchSize) await this.#putBatch()
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

  #readings(rows: readonly Row[]): NumberedReading[] {
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

  #csvReadings(rows: readonly Row[]): NumberedReading[] {
    const [header] = rows
    if (this.#csv === undefined) {
      if (!header) return []
      if (!header.ok) throw new ImportError(`line ${header.line}: the header is ${header.problem}`)
      this.#csv = CsvRows.withHeader(header.text, header.line)
      return this.#csv.readNumbered(rows.slice(1))
    }
    return this.#csv.readNumbered(rows)
  }

  #take(line: number, reading: RecordReading): void {
    this.#counts.lines += 1
    if (!reading.ok) return this.#bad(line, reading.problem)
    const { record } = reading
    const first = this.#seen.firstLine(record.id, line)
    if (first !== undefined) {
      return this.#bad(line, `id: ${JSON.stringify(record.id)} was on line ${first} already`)
    }
    if (this.#seen.count > MAX_RECORDS) {
      throw new ImportError(`line ${line}: more than ${MAX_RECORDS} devices in one file; split it`)
    }
    this.#batch.push({ line, record })
  }

  #bad(line: number, problem: string): void {
    if (this.options.strict && this.step === 'apply') {
      throw new ImportError(`line ${line}: ${problem}; the file was changed while it was imported`)
    }
    this.#counts.bad += 1
    report(this.#problems, line, problem)
  }

  async #putBatch(): Promise<void> {
    const batch = this.#batch
    this.#batch = []
    if (this.put && batch.length > 0) {
      const outcomes = await this.put(batch.map(({ record }) => record))
      batch.forEach(({ line, record }, index) => this.#settle(line, record, outcomes[index]))
    }
    this.options.onProgress?.({ step: this.step, octets: this.#octets, lines: this.#counts.lines })
  }

  #settle(line: number, record: DeviceRecord, outcome: PutOutcome | undefined): void {
    if (!outcome) throw new Error(`the store gave no outcome for ${JSON.stringify(record.id)}`)
    this.#counts[outcome.status] += 1
    if (outcome.status === 'refused') report(this.#refusals, line, refusal(record, outcome))
  }
}

function report(problems: ImportProblem[], line: number, problem: string): void {
  if (problems.length < MAX_PROBLEMS) problems.push({ line, problem })
}

const refusal = (
  { source, version, evidenceAt }: DeviceRecord,
  stored: Extract<PutOutcome, { status: 'refused' }>,
): string =>
  `version: ${version} with evidence of ${new Date(evidenceAt).toISOString()} is older than what ${source} ` +
  `said before, version ${stored.storedVersion} of ${new Date(stored.storedEvidenceAt).toISOString()}`
