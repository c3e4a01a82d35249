import { setImmediate as turn } from 'node:timers/promises'

import { formatEntry, type JournalEntry, type JournalFilter } from '../journal/journal'
import { escapeLine } from '../journal/line-text'
import type { Block, BlocksSource } from './blocks-source'
import { csvRow } from './csv'

export const EXPORT_FORMATS = ['csv', 'ndjson'] as const
export type ExportFormat = (typeof EXPORT_FORMATS)[number]

const ROWS_AT_ONCE = 500
const MAX_EXPORTED = 1_000_000

/** The published form of a block, of whichever host. */
export const blockJson = (block: Block): Record<string, unknown> => ({
  ...formatEntry(block),
  host: block.host,
})

export interface ExportParts {
  readonly source: BlocksSource
  /** How an entry stands in what leaves the journal. */
  readonly shown: (entry: JournalEntry) => JournalEntry
}

/**
 * All blocks that are asked for, newest first, page by page as the reader takes them. What cannot be exported at all fails
 * before the first line.
 */
export async function* exportBlocks(
  { source, shown }: ExportParts,
  filter: JournalFilter,
  format: ExportFormat,
  maxRows = MAX_EXPORTED,
): AsyncGenerator<string> {
  let heading = format === 'csv' ? csvRow(COLUMNS) : ''
  let before: string | null = null
  for (let rows = 0; rows < maxRows;) {
    const limit = Math.min(ROWS_AT_ONCE, maxRows - rows)
    const { blocks, next } = await source.page({ ...filter, limit }, before)
    rows += blocks.length
    const lines = blocks.map((block) => {
      const json = blockJson({ ...block, ...shown(block) })
      return format === 'csv'
        ? csvRow(COLUMNS.map((name) => csvText(json[name])))
        : `${escapeLine(JSON.stringify(json))}\n`
    })
    if (heading !== '' || lines.length > 0) yield heading + lines.join('')
    heading = ''
    if (next === null) return
    before = next
    await turn()
  }
}

const COLUMNS = [
  'time',
  'host',
  'decision',
  'protocol',
  'user',
  'device',
  'platform',
  'proof',
  'outcome',
  'enforced',
  'reason',
  'rule',
  'policy',
  'evidence_age_s',
  'remote',
  'repeats',
]

/**
 * A spreadsheet takes text that begins so for a formula, in some languages also by the wide forms, and what clients
 * call themselves is theirs to choose.
 */
const FORMULA = /^[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]/
/** What would do something to a terminal, in a file that is looked at there. */
// eslint-disable-next-line no-control-regex -- these are exactly the characters to take out
const ACTIVE = /[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g

function csvText(value: unknown): string {
  if (value === null || value === undefined) return ''
  if (typeof value !== 'string') return JSON.stringify(value)
  const clean = value.replace(ACTIVE, '\ufffd')
  return FORMULA.test(clean) ? `'${clean}` : clean
}
