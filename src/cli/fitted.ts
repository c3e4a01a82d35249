import { COLUMN, paint, painted, ROW, widthOf } from './paint'

const GAP = '  '
/** What is no wider is never broken: times, ids of decisions, reasons. */
const MIN_WIDTH = 20

/**
 * The text with each of its tables no wider than the terminal: long cells go on in a further line. Where even that is
 * too wide, each row is told by itself, with the headings before the values.
 */
export function fitted(text: string, width: number): string {
  const shown: string[] = []
  let rows: string[][] = []
  let indent = ''
  const endTable = (): void => {
    shown.push(...tableLines(rows, width - indent.length).map((line) => (line === '' ? '' : indent + line)))
    rows = []
  }
  for (const line of text.split('\n')) {
    const [before, row] = line.split(ROW)
    if (before !== undefined && row !== undefined) {
      indent = before
      rows.push(row.split(`${GAP}${COLUMN}`))
    } else {
      endTable()
      shown.push(line)
    }
  }
  endTable()
  return shown.join('\n')
}

function tableLines(rows: readonly (readonly string[])[], width: number): string[] {
  const asItIs = rows.map((cells) => cells.join(GAP))
  const [headings = [], ...items] = rows.map((cells) => cells.map(trimmed))
  if (items.length === 0 || asItIs.every((line) => widthOf(line) <= width)) return asItIs
  const wanted = headings.map((_, column) =>
    [headings, ...items].reduce((most, cells) => Math.max(most, widthOf(cells[column] ?? '')), 0),
  )
  const widths = shrunk(wanted, width - GAP.length * (headings.length - 1))
  return widths
    ? [headings, ...items].flatMap((cells) => brokenRow(cells, widths))
    : items.flatMap((cells, index) => [...(index === 0 ? [] : ['']), ...record(headings, cells)])
}

/** Widths that are no more than `room` together: the widest ones give way; undefined: there is too little. */
function shrunk(wanted: readonly number[], room: number): readonly number[] | undefined {
  for (let most = Math.max(...wanted); most >= MIN_WIDTH; most -= 1) {
    const widths = wanted.map((one) => Math.min(one, most))
    if (widths.reduce((sum, one) => sum + one, 0) <= room) return widths
  }
  return undefined
}

function brokenRow(cells: readonly string[], widths: readonly number[]): string[] {
  const parts = widths.map((width, column) => broken(cells[column] ?? '', width))
  const lines = Math.max(...parts.map(({ length }) => length))
  return Array.from({ length: lines }, (_, line) =>
    widths
      .map((width, column) => {
        const part = parts[column]?.[line] ?? ''
        return part + ' '.repeat(width - widthOf(part))
      })
      .join(GAP)
      .trimEnd(),
  )
}

/** A cell in parts of at most `width`, between words where there are some. */
function broken(cell: string, width: number): readonly string[] {
  const { style, text } = painted(cell)
  const parts: string[] = []
  let rest = text
  while (rest.length > width) {
    const space = rest.lastIndexOf(' ', width)
    const end = space > 0 ? space : width
    parts.push(rest.slice(0, end))
    rest = rest.slice(end).trimStart()
  }
  return [...parts, rest].map((part) => (style ? paint(style, part) : part))
}

function record(headings: readonly string[], cells: readonly string[]): string[] {
  const width = Math.max(...headings.map(widthOf)) + 1
  return headings.map((heading, column) => {
    const label = `${painted(heading).text}:`
    return `${paint('dim', label)}${' '.repeat(width - label.length)} ${cells[column] ?? ''}`.trimEnd()
  })
}

/** Without what pads it: that stands behind the end of a style. */
const trimmed = (cell: string): string => cell.trimEnd()
