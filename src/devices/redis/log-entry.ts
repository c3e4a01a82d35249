import { createHash } from 'node:crypto'

/** One write as the store's log tells it: `n` is contiguous, `tip` names the whole history up to here. */
export interface LogEntry {
  readonly n: number
  readonly epoch: string
  /** The tip of the entry before. */
  readonly prev: string
  readonly tip: string
  /** The host that wrote it. */
  readonly by: string
  readonly operations: readonly Operation[]
}

/** What a write did. Values are as they were stored: whoever applies them reads them one by one. */
export type Operation =
  | { readonly kind: 'record'; readonly record: unknown }
  /** Only the evidence is newer. */
  | {
      readonly kind: 'touch'
      readonly deviceId: string
      readonly evidenceAt: string
      readonly version: number
    }
  | { readonly kind: 'forget'; readonly deviceId: string }
  | { readonly kind: 'policy'; readonly policy: unknown }
  /** null: the override was taken away. */
  | { readonly kind: 'mode'; readonly mode: unknown }
  | { readonly kind: 'override'; readonly override: unknown }
  | { readonly kind: 'override removed'; readonly key: readonly string[] }
  /** null: it was taken away. */
  | { readonly kind: 'note'; readonly name: string; readonly value: unknown }
  | { readonly kind: 'history'; readonly entry: unknown }
  /** A word of a newer version of the gate. */
  | { readonly kind: 'unknown'; readonly word: string }

/** An entry of the stream, or undefined for one that no gate wrote: it is not part of the history. */
export function parseEntry(id: string, fields: readonly string[]): LogEntry | undefined {
  const values = new Map<string, string>()
  for (let i = 0; i + 1 < fields.length; i += 2) values.set(fields[i] ?? '', fields[i + 1] ?? '')
  const text = (name: string): string => values.get(name) ?? ''
  const n = Number(/^(\d{1,16})-0$/.exec(id)?.[1])
  const [epoch, prev, tip, by, ops] = [text('epoch'), text('prev'), text('tip'), text('by'), text('ops')]
  if (!Number.isSafeInteger(n) || epoch === '' || tip !== tipAfter(prev, n, ops)) return undefined
  const operations = parseOperations(ops)
  return operations && { n, epoch, prev, tip, by, operations }
}

/** The same sum that the write script makes. */
const tipAfter = (prev: string, n: number, ops: string): string =>
  createHash('sha1').update(`${prev} ${n} ${ops}`).digest('hex')

function parseOperations(ops: string): Operation[] | undefined {
  try {
    const list: unknown = JSON.parse(ops)
    return Array.isArray(list) ? list.map(operationOf) : undefined
  } catch {
    return undefined
  }
}

function operationOf(item: unknown): Operation {
  const [word, first, second, third] = Array.isArray(item) ? (item as unknown[]) : []
  if (word === 'd') return { kind: 'record', record: first }
  if (word === 't' && typeof first === 'string' && isTime(second) && Number.isSafeInteger(third))
    return { kind: 'touch', deviceId: first, evidenceAt: second, version: third as number }
  if (word === 'f' && typeof first === 'string') return { kind: 'forget', deviceId: first }
  if (word === 'p') return { kind: 'policy', policy: first }
  if (word === 'm') return { kind: 'mode', mode: first }
  if (word === 'o') return { kind: 'override', override: first }
  if (word === 'u' && Array.isArray(first) && first.every((part) => typeof part === 'string'))
    return { kind: 'override removed', key: first }
  if (word === 's' && typeof first === 'string') return { kind: 'note', name: first, value: second }
  if (word === 'y') return { kind: 'history', entry: first }
  return { kind: 'unknown', word: String(word).slice(0, 32) }
}

const isTime = (value: unknown): value is string =>
  typeof value === 'string' && !Number.isNaN(Date.parse(value))
