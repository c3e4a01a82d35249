import { devicePages, overridesByDevice } from '../devices/every-device'
import { CorruptRecordError, type ReadStore } from '../devices/store'
import type { DeviceRecord } from '../policy/device'
import type { Override } from '../policy/override'

/** Read in one go: some milliseconds, in which a master does nothing else. */
const PAGE = 250

/**
 * Every device that can be read with the overrides on it and on its first owner; pauses between pages. Rejects with the
 * signal's reason when that is aborted.
 */
export async function forEveryDevice(
  store: ReadStore,
  visit: (device: DeviceRecord, overrides: readonly Override[]) => void,
  signal?: AbortSignal,
): Promise<void> {
  const overridesOn = overridesByDevice(
    store.listOverrides().flatMap((one) => (one instanceof CorruptRecordError ? [] : one)),
  )
  for (const page of devicePages(store, PAGE)) {
    for (const device of page) {
      if (!(device instanceof CorruptRecordError)) visit(device, overridesOn(device))
    }
    await new Promise((resolve) => setImmediate(resolve))
    signal?.throwIfAborted()
  }
}
