const LINE_FEED = 0x0a
const QUOTE = 0x22
const BYTE_ORDER_MARK = '\ufeff'

/** Octets of one row: a hundred times a usual record, so that a file without line ends is not held in memory. */
export const MAX_ROW_OCTETS = 65_536

/** One row of an import file, as text or as what kept it from being one. `line` is its first line, from 1. */
export type Row = { readonly line: number } & (
  | { readonly ok: true; readonly text: string; /** The file ended within it. */ readonly cutOff: boolean }
  | { readonly ok: false; readonly problem: string }
)

/**
 * Cuts octets into rows, holding never more than one row: the rest of an overlong row is passed over.
 * `quoted`: a line end inside double quotes belongs to the row (RFC 4180). Blank rows are left out.
 */
export async function* readRows(
  chunks: AsyncIterable<Uint8Array>,
  { quoted }: { readonly quoted: boolean },
): AsyncGenerator<Row[]> {
  const reader = new RowReader(quoted)
  for await (const chunk of chunks) yield reader.take(chunk)
  yield reader.end()
}

class RowReader {
  // A byte order mark is looked for by hand: only the one that starts the file is no part of a row.
  readonly #decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  #line = 1
  #rowLine = 1
  #parts: Uint8Array[] = []
  #octets = 0
  #overlong = false
  #openQuote = false

  constructor(private readonly quoted: boolean) {}

  take(chunk: Uint8Array): Row[] {
    const rows: Row[] = []
    let start = 0
    for (;;) {
      const end = chunk.indexOf(LINE_FEED, start)
      if (end === -1) break
      this.#add(chunk.subarray(start, end + 1))
      this.#line += 1
      // An overlong row ends with its line, quotes or not: a quote never closed must not eat the file.
      if (this.#overlong || !this.#openQuote) this.#finish(rows, false)
      start = end + 1
    }
    if (start < chunk.length) this.#add(chunk.subarray(start))
    return rows
  }

  end(): Row[] {
    const rows: Row[] = []
    if (this.#octets > 0) this.#finish(rows, true)
    return rows
  }

  #add(part: Uint8Array): void {
    this.#octets += part.length
    if (this.#octets > MAX_ROW_OCTETS) {
      this.#overlong = true
      this.#parts = []
      return
    }
    this.#parts.push(part)
    if (!this.quoted) return
    for (let at = part.indexOf(QUOTE); at !== -1; at = part.indexOf(QUOTE, at + 1)) {
      this.#openQuote = !this.#openQuote
    }
  }

  #finish(rows: Row[], cutOff: boolean): void {
    const row = this.#row(cutOff)
    if (row) rows.push(row)
    this.#parts = []
    this.#octets = 0
    this.#overlong = false
    this.#openQuote = false
    this.#rowLine = this.#line
  }

  #row(cutOff: boolean): Row | undefined {
    const line = this.#rowLine
    if (this.#overlong) return { line, ok: false, problem: this.#overlongProblem() }
    try {
      const whole = this.#decoder.decode(
        this.#parts.length === 1 ? this.#parts[0] : Buffer.concat(this.#parts),
      )
      const text = withoutLineEnd(line === 1 && whole.startsWith(BYTE_ORDER_MARK) ? whole.slice(1) : whole)
      return text.trim() === '' ? undefined : { line, ok: true, text, cutOff }
    } catch {
      return { line, ok: false, problem: 'not valid UTF-8; save the file as UTF-8' }
    }
  }

  #overlongProblem(): string {
    const lines = this.#line - this.#rowLine
    if (lines <= 1) return `longer than ${MAX_ROW_OCTETS} octets`
    return `a row of ${lines} lines, longer than ${MAX_ROW_OCTETS} octets: is a quote never closed?`
  }
}

const withoutLineEnd = (text: string): string => text.replace(/\r?\n$/, '')
