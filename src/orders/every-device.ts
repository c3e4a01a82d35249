import { CorruptRecordError, type ReadStore } from '../devices/store'
import type { DeviceRecord } from '../policy/device'
import type { Override } from '../policy/override'

/** Read in one go: some milliseconds, in which a master does nothing else. */
const PAGE = 250

/** Every device that can be read with the overrides on it and on its first owner; pauses between pages. */
export async function forEveryDevice(
  store: ReadStore,
  visit: (device: DeviceRecord, overrides: readonly Override[]) => void,
): Promise<void> {
  const overrides = new Map<string, Override[]>()
  for (const one of store.listOverrides()) {
    if (one instanceof CorruptRecordError) continue
    const key = `${one.subject.kind}:${one.subject.id}`
    const listed = overrides.get(key)
    if (listed) listed.push(one)
    else overrides.set(key, [one])
  }
  let afterId: string | undefined
  for (;;) {
    const page = store.listDevices({ limit: PAGE, ...(afterId !== undefined && { afterId }) })
    for (const device of page) {
      if (device instanceof CorruptRecordError) continue
      const own = overrides.get(`device:${device.id}`)
      const owners = overrides.get(`user:${device.owners[0] ?? ''}`)
      visit(device, own && owners ? [...own, ...owners] : (own ?? owners ?? NONE))
    }
    const last = page.at(-1)
    if (!last || page.length < PAGE) return
    afterId = last instanceof CorruptRecordError ? last.place.slice(last.place.indexOf('/') + 1) : last.id
    await new Promise((resolve) => setImmediate(resolve))
  }
}

const NONE: readonly Override[] = []
