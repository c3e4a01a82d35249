import type { JournalCursor, JournalEntry } from './journal'
import type { LogPlace } from './log-file'

/** How far the block log is written: up to an entry, and in which file up to where. */
export interface BlockLogPosition extends LogPlace {
  readonly cursor: JournalCursor | null
}

/** The largest time a Date can hold. */
const MAX_TIME_MS = 8.64e15

/** undefined: damaged. One lost entry must not keep the others from being read. */
export function readEntry(text: string): JournalEntry | undefined {
  const value = json(text)
  if (!value) return undefined
  const { time, decision, protocol, user, device, platform, proof, outcome } = value
  const { enforced, reason, rule, policy, evidenceAgeS, remote, repeats } = value
  const known =
    [decision, protocol, user, proof, outcome, reason, remote].every(isText) &&
    [device, platform, rule].every((field) => field === null || isText(field)) &&
    [time, policy, repeats].every(Number.isSafeInteger) &&
    Math.abs(Number(time)) <= MAX_TIME_MS &&
    (evidenceAgeS === null || Number.isFinite(evidenceAgeS)) &&
    typeof enforced === 'boolean'
  return known ? (value as unknown as JournalEntry) : undefined
}

/** undefined: damaged. The block log then starts anew from the oldest entry. */
export function readPosition(text: string): BlockLogPosition | undefined {
  const value = json(text)
  if (!value) return undefined
  const { cursor, inode, octets } = value
  const known =
    (cursor === null || (isText(cursor) && /^\d+$/.test(cursor))) &&
    [inode, octets].every((field) => Number.isSafeInteger(field) && Number(field) >= 0)
  return known ? (value as unknown as BlockLogPosition) : undefined
}

function json(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}

const isText = (value: unknown): value is string => typeof value === 'string'
