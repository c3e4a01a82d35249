import { besideDevices, devicePages } from '../devices/every-device'
import { CorruptRecordError, type ReadStore } from '../devices/store'
import type { Beside } from '../policy/decision'
import type { DeviceRecord } from '../policy/device'

/** Read in one go: some milliseconds, in which a master does nothing else. */
const PAGE = 250

/**
 * Every device that can be read with what stands beside the policy for it and its first owner; pauses between pages. Rejects with the
 * signal's reason when that is aborted.
 */
export async function forEveryDevice(
  store: ReadStore,
  visit: (device: DeviceRecord, beside: Beside) => void,
  signal?: AbortSignal,
): Promise<void> {
  const besideOf = besideDevices(
    store.listOverrides().flatMap((one) => (one instanceof CorruptRecordError ? [] : one)),
    store.listAttestations().flatMap((one) => (one instanceof CorruptRecordError ? [] : [one])),
  )
  for (const page of devicePages(store, PAGE)) {
    for (const device of page) {
      if (!(device instanceof CorruptRecordError)) visit(device, besideOf(device))
    }
    await new Promise((resolve) => setImmediate(resolve))
    signal?.throwIfAborted()
  }
}
