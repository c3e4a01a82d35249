import type { Attestation } from '../policy/attestation'
import type { Beside } from '../policy/decision'
import type { DeviceRecord } from '../policy/device'
import type { Override } from '../policy/override'
import { CorruptRecordError, type ReadStore } from './store'

const PAGE = 1000

/** Every device in id order, those behind `after`, `size` at a time: a million of them are never held at once. */
export function* devicePages(
  store: ReadStore,
  size: number,
  after?: string,
): Generator<readonly (DeviceRecord | CorruptRecordError)[]> {
  let afterId = after
  for (;;) {
    const page = store.listDevices({ limit: size, ...(afterId !== undefined && { afterId }) })
    yield page
    const last = page.at(-1)
    if (page.length < size || last === undefined) return
    afterId = last instanceof CorruptRecordError ? last.key : last.id
  }
}

/** The same one by one. */
export function* everyDevice(store: ReadStore): Generator<DeviceRecord | CorruptRecordError> {
  for (const page of devicePages(store, PAGE)) yield* page
}

/** Of all overrides those on a device and on its first owner, and what that owner has stated. */
export function besideDevices(
  overrides: readonly Override[],
  attestations: readonly (readonly Attestation[])[],
): (device: DeviceRecord) => Beside {
  const bySubject = new Map<string, Override[]>()
  for (const override of overrides) {
    const key = `${override.subject.kind}:${override.subject.id}`
    const listed = bySubject.get(key)
    if (listed) listed.push(override)
    else bySubject.set(key, [override])
  }
  const byUser = new Map(attestations.map((ofUser) => [ofUser[0]?.user, ofUser]))
  return ({ id, owners }) => {
    const own = bySubject.get(`device:${id}`)
    const ofOwner = bySubject.get(`user:${owners[0] ?? ''}`)
    const stated = byUser.get(owners[0])
    if (!own && !ofOwner && !stated) return NOTHING_BESIDE
    return { overrides: [...(own ?? []), ...(ofOwner ?? [])], attestations: stated ?? [] }
  }
}

const NOTHING_BESIDE: Beside = { overrides: [], attestations: [] }
