import type { ComplianceState, Platform } from './vocabulary'

/**
 * What is known of one device: the last word of one source about it.
 * Times are milliseconds since the epoch (the wire form `evidence_at` is an RFC 3339 string).
 */
export interface DeviceRecord {
  readonly id: string
  /** Mail addresses of the people whose device this is; domain in lower case, NFC. */
  readonly owners: readonly string[]
  readonly platform: Platform
  readonly state: ComplianceState
  /** What a source saw on the device, e.g. `app:com.zhiliaoapp.musically`. */
  readonly findings: readonly string[]
  readonly evidenceAt: number
  readonly source: string
  /** Grows with each change at the source; orders writes of the same source. */
  readonly version: number
}
