import type { DeviceRecord } from '../policy/device'
import { turns } from './breaker'
import type { DeviceChange, FeedReading } from './reading'

/** What becomes of one reading. */
export const OUTCOMES = ['applied', 'unchanged', 'older', 'held', 'unknown', 'bad'] as const
export type Outcome = (typeof OUTCOMES)[number]

/** What is known when readings come in. */
export interface Known {
  readonly source: string
  readonly stored: (id: string) => DeviceRecord | undefined
  /** The record that was set aside for a device while the feed is held. */
  readonly aside: (id: string) => DeviceRecord | undefined
  /** The newest version that the source named, written or not. */
  readonly newestVersion: (id: string) => number | undefined
  readonly mandated: ReadonlySet<string>
  /** Evidence that is only fresher is not written before the stored one is older than that. */
  readonly coarseMs: number
  readonly now: number
}

/** What is to be written for a list of readings, and what becomes of each of them. */
export interface Plan {
  readonly puts: readonly DeviceRecord[]
  /** The place among the readings of each of the `puts`. */
  readonly putPlaces: readonly number[]
  /** Records to set aside; null: what is set aside is settled. */
  readonly asides: ReadonlyMap<string, DeviceRecord | null>
  readonly outcomes: readonly Outcome[]
  /** Devices that the puts turn. */
  readonly turned: number
}

/** Judges readings one by one, each in the light of those before it. `held`: what turns a device is set aside. */
export function planOf(readings: readonly FeedReading[], known: Known, held: boolean): Plan {
  const written = new Map<string, DeviceRecord>()
  const asides = new Map<string, DeviceRecord | null>()
  const versions = new Map<string, number>()
  const puts: DeviceRecord[] = []
  const putPlaces: number[] = []
  const turned = new Set<string>()

  const judge = (reading: FeedReading, place: number): Outcome => {
    if ('problem' in reading) return 'bad'
    const id = 'record' in reading ? reading.record.id : reading.change.id
    const stored = written.get(id) ?? known.stored(id)
    const aside = asides.has(id) ? (asides.get(id) ?? undefined) : known.aside(id)
    const base = aside ?? stored
    const record = 'record' in reading ? reading.record : changed(known.source, base, reading.change)
    if (!record) return base ? 'older' : 'unknown'
    const newest = Math.max(versions.get(id) ?? 0, known.newestVersion(id) ?? 0)
    if (record.version < newest || (base && isOlder(record, base))) return 'older'
    versions.set(id, record.version)
    if (stored && turns(stored, record, known.mandated)) {
      if (held) {
        asides.set(id, record)
        return 'held'
      }
      turned.add(id)
    }
    if (aside) asides.set(id, null)
    if (stored && isSame(record, stored, known, 'change' in reading)) return 'unchanged'
    written.set(id, record)
    puts.push(record)
    putPlaces.push(place)
    return 'applied'
  }
  const outcomes = readings.map(judge)
  return { puts, putPlaces, asides, outcomes, turned: turned.size }
}

/** The record that a change makes of the one there is; undefined: there is none, or the change is older. */
function changed(
  source: string,
  base: DeviceRecord | undefined,
  { state, at }: DeviceChange,
): DeviceRecord | undefined {
  if (!base || (base.source !== source && at < base.evidenceAt)) return undefined
  return { ...base, state, source, version: at, evidenceAt: Math.max(at, base.evidenceAt) }
}

/** As the store orders: another source has its own count. */
const isOlder = (record: DeviceRecord, base: DeviceRecord): boolean =>
  record.source === base.source &&
  (record.version < base.version || (record.version === base.version && record.evidenceAt < base.evidenceAt))

/**
 * Whether the stored record says it already, or all but how fresh it is. An event is told once: when it was must be
 * known after a crash too, so that an older one that comes later does not count.
 */
function isSame(
  record: DeviceRecord,
  stored: DeviceRecord,
  { now, coarseMs }: Known,
  isEvent: boolean,
): boolean {
  const saysTheSame =
    record.source === stored.source &&
    record.platform === stored.platform &&
    record.state === stored.state &&
    sameTexts(record.owners, stored.owners) &&
    sameTexts(record.findings, stored.findings)
  if (!saysTheSame) return false
  if (isEvent) return record.version === stored.version
  return record.evidenceAt <= stored.evidenceAt || now - stored.evidenceAt <= coarseMs
}

const sameTexts = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((text, index) => text === b[index])
