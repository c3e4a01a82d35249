import { devicePages } from '../devices/every-device'
import { RECORD_LIMITS } from '../devices/record'
import { CorruptRecordError, type ReadStore, type Store } from '../devices/store'
import type { DeviceRecord } from '../policy/device'
import type { GoneRule } from './definition'
import type { SeenDevices } from './seen-devices'

/** What a device carries that its source no longer brings. */
export const GONE_FINDING = 'source:gone'

const PAGE = 1000

/** What of a source's devices a complete sweep did not bring. */
export interface Missing {
  /** All that the source has in the store, without those that were gone before. */
  readonly known: number
  readonly devices: readonly DeviceRecord[]
}

/** Looks through all devices; pauses between pages. */
export async function missingDevices(store: ReadStore, source: string, seen: SeenDevices): Promise<Missing> {
  const devices: DeviceRecord[] = []
  let known = 0
  for (const page of devicePages(store, PAGE)) {
    for (const device of page) {
      if (device instanceof CorruptRecordError || device.source !== source) continue
      const isSeen = seen.isInSweep(device.id)
      if (!isSeen && device.findings.includes(GONE_FINDING)) continue
      known += 1
      if (!isSeen) devices.push(device)
    }
    await new Promise((resolve) => setImmediate(resolve))
  }
  return { known, devices }
}

/** Fewer than half are left: more likely the source's mistake than the truth. */
export const isShrunk = ({ known, devices }: Missing): boolean => devices.length * 2 > known

/** Does by the feed's rule what becomes of devices that are gone. Gives how many were changed. */
export async function markGone(
  store: Store,
  rule: GoneRule,
  devices: readonly DeviceRecord[],
): Promise<number> {
  let count = 0
  switch (rule) {
    case 'keep':
      break
    case 'unknown':
      for (let from = 0; from < devices.length; from += PAGE) {
        const outcomes = await store.putDevices(devices.slice(from, from + PAGE).map(goneRecord))
        count += outcomes.filter(({ status }) => status === 'applied').length
      }
      break
    case 'forget':
      for (const { id } of devices) if (await store.forgetDevice(id)) count += 1
      break
  }
  return count
}

/** Version and evidence stay: what the source says of it next, be it the same again, counts. */
const goneRecord = (device: DeviceRecord): DeviceRecord => ({
  ...device,
  state: 'unknown',
  findings: [...device.findings.slice(0, RECORD_LIMITS.findings - 1), GONE_FINDING],
})
