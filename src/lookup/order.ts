import type { HistoryEntry } from '../devices/history'
import { isoTime } from './site'

/** The published form of an order in the history. */
export const orderJson = ({ textSha256, ...entry }: HistoryEntry): object => ({
  ...entry,
  at: isoTime(entry.at),
  text_sha256: textSha256,
})
