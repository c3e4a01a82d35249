import { escapeLine } from '../journal/line-text'
import { isoTime } from '../lookup/site'
import type { Outcome } from '../policy/vocabulary'
import { COLUMN, paint, ROW, widthOf, withoutMarks, type Style } from './paint'

export { isoTime }

/** Where a command's answers go and its input comes from; a test gives its own. */
export interface Streams {
  readonly out: (text: string) => void
  /** The same for what is no text for people: as it is. */
  readonly raw: (text: string) => void
  readonly err: (text: string) => void
  /** Whether `out` may have colours. */
  readonly colour: boolean
  /** How many columns the terminal has that `out` is; undefined: it is none. */
  readonly width: number | undefined
  /** Whether `err` is a terminal, so that a progress bar makes sense there. */
  readonly interactive: boolean
  readonly input: AsyncIterable<Uint8Array>
  /** `end` is called when the person interrupts; an interrupt then no longer kills. */
  readonly onInterrupt: (end: () => void) => void
}

/** Expected "no": printed on stderr without a stack, exit code 1. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
}

/** The command line itself is wrong in a way the option parser cannot see: exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** Text, or text in a style. */
export type Cell = string | number | null | undefined | { readonly text: string; readonly style: Style }

export const cellText = (cell: Cell): string =>
  typeof cell === 'object' && cell !== null
    ? paint(cell.style, withoutMarks(printable(cell.text)))
    : withoutMarks(printable(String(cell ?? '-')))

const padded = (text: string, width: number): string => text + ' '.repeat(Math.max(0, width - widthOf(text)))

/** Control characters and marks that reorder text, from stored data, must not reach a terminal. */
export const printable = (text: string): string => printableText(text).replace(/[\n\t]/g, '\ufffd')

/** The same for a text of several lines. */
export const printableText = (text: string): string =>
  text.replace(
    // eslint-disable-next-line no-control-regex -- these are exactly the characters to take out
    /[\0-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g,
    '\ufffd',
  )

/** One line of JSON that does nothing to a terminal. */
export const jsonLine = (value: unknown): string =>
  `${escapeLine(JSON.stringify(value)).replace(/[\ue000-\ue00f]/g, (mark) => `\\u${mark.charCodeAt(0).toString(16)}`)}\n`

const TRAILING = new RegExp(`[ ${COLUMN}]+$`)

/** Rows under headings, in columns as wide as their widest cell. */
export function table(headings: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const titles = headings.map((text): Cell => ({ text, style: 'bold' }))
  const cells = [titles, ...rows].map((row) => row.map(cellText))
  const widths = headings.map((_, column) =>
    cells.reduce((width, row) => Math.max(width, widthOf(row[column] ?? '')), 0),
  )
  return cells
    .map(
      (row) =>
        `${ROW}${row
          .map((cell, column) => padded(cell, widths[column] ?? 0))
          .join(`  ${COLUMN}`)
          .replace(TRAILING, '')}\n`,
    )
    .join('')
}

/** A label in capitals is something that needs attention. */
const labelStyle = (label: string): Style => (/^[A-Z ]+$/.test(label) ? 'red' : 'dim')

/** `label: value` lines, the labels in one column. */
export function facts(entries: readonly (readonly [label: string, value: Cell])[]): string {
  const width = Math.max(...entries.map(([label]) => label.length)) + 1
  return entries
    .map(([label, value]) => `${padded(paint(labelStyle(label), `${label}:`), width)} ${cellText(value)}\n`)
    .join('')
}

/** RFC 3339 in UTC, to the second: what people read, and can give back to `--until`. */
export const clockTime = (ms: number): string => isoTime(ms)?.replace(/\.\d+Z$/, 'Z') ?? 'never'

/** `3m`, `5h`, `2d`: how long ago, at a glance. */
export function age(seconds: number | null): string {
  if (seconds === null) return '-'
  if (seconds < 0) return `-${age(-seconds)}`
  if (seconds < 120) return `${Math.round(seconds)}s`
  if (seconds < 7200) return `${Math.round(seconds / 60)}m`
  if (seconds < 172_800) return `${Math.round(seconds / 3600)}h`
  return `${Math.round(seconds / 86_400)}d`
}

const OUTCOME_STYLES: Readonly<Record<Outcome, Style>> = {
  allow: 'green',
  warn: 'yellow',
  block: 'red',
  unavailable: 'red',
}

/** How somebody is served, in the colour of it; what is only noted stands back. */
export const outcomeStyle = (outcome: Outcome, enforced: boolean): Style =>
  enforced ? OUTCOME_STYLES[outcome] : 'dim'

export const outcomeCell = (outcome: Outcome, enforced: boolean): Cell => ({
  text: enforced ? outcome : `would ${outcome}`,
  style: outcomeStyle(outcome, enforced),
})
