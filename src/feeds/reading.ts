import { parseDeviceRecord, type WireRecord } from '../devices/record'
import type { DeviceRecord } from '../policy/device'
import type { ComplianceState } from '../policy/vocabulary'

/** What a source says of one device, or why that cannot be read. `place` leads a person to it at the source. */
export type FeedReading = { readonly place: string } & (
  | { readonly record: DeviceRecord }
  /** News about a device that a sweep has brought before; of one that nobody reported, nothing is made. */
  | { readonly change: DeviceChange }
  | { readonly problem: string }
)

/** A delta: what is not named stays as it is. */
export interface DeviceChange {
  readonly id: string
  readonly state: ComplianceState
  /** When the source saw it; orders the change among what else the source says. Epoch milliseconds. */
  readonly at: number
}

/**
 * A device in the form that feeds write: `version` is the source's own change time in milliseconds (or its counter),
 * `evidence_at` when the device was last seen by the source, not when it was asked. The source is the feed's name.
 */
export type FeedRecord = Omit<WireRecord, 'source'>

/** Holds what a source says of a device to the rules of a record. */
export function readingOf(feed: string, place: string, fields: FeedRecord): FeedReading {
  const reading = parseDeviceRecord({ ...fields, source: feed })
  return reading.ok ? { place, record: reading.record } : { place, problem: reading.problem }
}
