import type { DeviceRecord } from '../../src/policy/device'
import { record } from './samples'

export const EVERYONE = 'everyone@example.com'

/** The records that the writer `name` writes at once; each has an owner of its own and one shared with all. */
export const batchOf = (name: string, batch: number, size: number): DeviceRecord[] =>
  Array.from({ length: size }, (_, i) => {
    const id = `${name}-${batch}-${i}`
    return record({ id, owners: [EVERYONE, `${id}@example.com`] })
  })
