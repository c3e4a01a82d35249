import { closest } from '../config/closest'
import { CorruptRecordError, type ReadStore } from '../devices/store'

/** Ids looked at: those that begin as the word does. */
const MAX_LOOKED_AT = 500
/** Characters at its end that may be mistyped. */
const MISTYPED = 3

/** ` (did you mean d-21?)` for an id that no device has, else nothing. */
export function didYouMean(store: ReadStore, id: string): string {
  const start = id.slice(0, Math.max(0, id.length - MISTYPED))
  const near = store
    .listDevices({ limit: MAX_LOOKED_AT, ...(start !== '' && { afterId: start }) })
    .flatMap((device) => (device instanceof CorruptRecordError ? [] : device.id))
  const found = closest(id, near)
  return found === undefined ? '' : ` (did you mean ${found}?)`
}
