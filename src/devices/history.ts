import { createHash } from 'node:crypto'

import { CorruptRecordError } from './corrupt-record'
import { ORDER_KINDS, type Order, type OrderKind } from './order'

/** One order that was done. `n` is contiguous from 1. */
export interface HistoryEntry {
  readonly n: number
  /** The policy version in force once it was done; 0: none yet. */
  readonly version: number
  /** The hash of the entry before; empty for the first. */
  readonly prev: string
  /** Epoch milliseconds. */
  readonly at: number
  readonly who: string
  readonly kind: OrderKind
  readonly reason: string
  readonly change: string
  /** Of the policy that it put in force; null: none. */
  readonly textSha256: string | null
  readonly hash: string
}

/** All that the store adds nothing to, as the end of the entry's JSON text. */
export function entryBody({ at, author: who, kind, reason, change, effects }: Order): string {
  const policy = effects.find((effect) => effect.kind === 'policy')
  const textSha256 = policy ? sha256(policy.sourceText) : null
  return JSON.stringify({ at, who, kind, reason, change, textSha256 }).slice(1)
}

/** The entry as it is stored: its hash is over all that is before it. The fleet's store makes the same. */
export function entryText(n: number, version: number, prev: string, body: string): string {
  const content = `{"n":${n},"version":${version},"prev":"${prev}",${body}`
  return `${content.slice(0, -1)},"hash":"${sha1(content)}"}`
}

export function readHistoryEntry(n: number, text: string): HistoryEntry {
  const place = `history/${n}`
  let value: Partial<Record<keyof HistoryEntry, unknown>> | null
  try {
    value = JSON.parse(text) as Partial<Record<keyof HistoryEntry, unknown>> | null
  } catch {
    throw new CorruptRecordError(place, 'not readable as JSON')
  }
  const { version, prev, at, who, kind, reason, change, textSha256, hash } = value ?? {}
  const known =
    value?.n === n &&
    [version, at].every(Number.isSafeInteger) &&
    [prev, who, reason, change, hash].every((field) => typeof field === 'string') &&
    (ORDER_KINDS as readonly unknown[]).includes(kind) &&
    (textSha256 === null || typeof textSha256 === 'string')
  if (!known) throw new CorruptRecordError(place, 'is damaged')
  return value as HistoryEntry
}

/** What is wrong with an entry that should be number `n` behind one of hash `prev`; undefined: nothing. */
export function linkProblem(text: string, n: number, prev: string): string | undefined {
  const [, content, hash] = /^(.*),"hash":"([0-9a-f]{40})"}$/s.exec(text) ?? []
  if (content === undefined || sha1(`${content}}`) !== hash) return 'its content is not what was written'
  const entry = readHistoryEntry(n, text)
  return entry.prev === prev ? undefined : 'it does not follow the entry before it'
}

const sha1 = (text: string): string => createHash('sha1').update(text).digest('hex')

export const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')
