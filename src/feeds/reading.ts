import type { WireRecord } from '../devices/record'
import type { DeviceRecord } from '../policy/device'
import type { ComplianceState } from '../policy/vocabulary'

/** What a source says of one device, or why that cannot be read. `place` leads a person to it at the source. */
export type FeedReading = { readonly place: string } & (
  | { readonly record: DeviceRecord }
  /** News about a device that a sweep has brought before; of one that nobody reported, nothing is made. */
  | { readonly change: DeviceChange }
  /** A device whose id can be read is not gone, whatever else is wrong with it. */
  | { readonly problem: string; readonly id?: string }
)

/** A delta: what is not named stays as it is. */
export interface DeviceChange {
  readonly id: string
  readonly state: ComplianceState
  /** When the source saw it; orders the change among what else the source says. Epoch milliseconds. */
  readonly at: number
}

/**
 * A device in the form that feeds write: `version` is the source's own change time in milliseconds (or its counter);
 * where it has none, the time when the page was asked for, which costs nothing: a version alone is not written.
 * `evidence_at` is when the source last saw the device, not when it was asked. The record's source is the feed's name.
 */
export type FeedRecord = Omit<WireRecord, 'source'>
