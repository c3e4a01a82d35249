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
