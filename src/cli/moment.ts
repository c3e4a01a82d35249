import { momentOf } from '../policy/moment'
import { UsageError } from './output'

const UNIT_MS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }
const MAX_DURATION_MS = 366 * 86_400_000

/** `90s`, `30m`, `4h`, `7d` to milliseconds; at most a year. */
export function durationMs(option: string, text: string): number {
  const match = /^(\d{1,8})([smhd])$/.exec(text)
  const ms = Number(match?.[1]) * (UNIT_MS[match?.[2] ?? ''] ?? NaN)
  if (!(ms > 0 && ms <= MAX_DURATION_MS))
    throw new UsageError(`${option} "${text}" is no duration: write 90s, 30m, 4h or 7d (at most 366d)`)
  return ms
}

/** A moment of the past: how long before `now`, or a time. */
export const pastMs = (option: string, text: string, now: number): number =>
  /^\d{4}-/.test(text) ? timeMs(option, text) : now - durationMs(option, text)

/** An RFC 3339 time to epoch milliseconds; one without a zone is refused, since it means two moments. */
export function timeMs(option: string, text: string): number {
  const ms = momentOf(text)
  if (ms === undefined)
    throw new UsageError(`${option} "${text}" is no time with a zone: write 2026-07-10T23:59:00-07:00`)
  return ms
}

/** The end that `--for` or `--until` names; null when neither does. */
export function momentFrom(
  options: { readonly for?: string; readonly until?: string },
  now: number,
): number | null {
  if (options.for !== undefined && options.until !== undefined)
    throw new UsageError('--for and --until: give one of them')
  if (options.for !== undefined) return now + durationMs('--for', options.for)
  return options.until === undefined ? null : timeMs('--until', options.until)
}
