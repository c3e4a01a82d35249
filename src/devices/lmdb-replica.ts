import { entryCount, newestKey } from '../lmdb/environment'
import type { Attestation } from '../policy/attestation'
import type { DeviceRecord } from '../policy/device'
import { withHolds } from '../policy/holds'
import type { Override } from '../policy/override'
import type { ActivePolicy } from '../policy/policy'
import { readHistoryEntry, type HistoryEntry } from './history'
import { isDeviceId, isUserName } from './record'
import { newestPolicy, type ReplicaDatabase } from './replica-database'
import {
  CorruptRecordError,
  HOLDS,
  type Change,
  type ModeOverride,
  type PolicyVersion,
  type ReadStore,
  type StoreCounts,
} from './store'
import { readAttestations } from './stored-attestations'
import { readDevice, readModeOverride, readNote, readOverride, readPolicyVersion } from './stored'

/** Everything that can be read of the host's LMDB environment; who may write it is said by those who extend it. */
export abstract class LmdbReplica implements ReadStore {
  constructor(protected readonly database: ReplicaDatabase) {}

  abstract leaseValid(now: number): boolean

  close(): Promise<void> {
    return this.database.environment.close()
  }

  onChange(listener: () => void): () => void {
    return this.database.environment.watch(listener)
  }

  sequence(): number {
    this.database.environment.refresh()
    return this.database.log.newest()
  }

  changesAfter(sequence: number, limit: number): Change[] | null {
    return this.database.log.after(sequence, limit)
  }

  device(id: string): DeviceRecord | undefined {
    // Clients name devices and users: what cannot be a key was never written.
    if (!isDeviceId(id)) return undefined
    const text = this.database.current().devices.get(id)
    return text === undefined ? undefined : readDevice(id, text)
  }

  deviceIdsOf(owner: string, limit: number): string[] {
    return isUserName(owner) ? [...this.database.current().owners.getValues(owner, { limit })] : []
  }

  listDevices({
    afterId,
    limit,
  }: {
    afterId?: string
    limit: number
  }): (DeviceRecord | CorruptRecordError)[] {
    const start = afterId === undefined ? {} : { start: afterId, exclusiveStart: true }
    return [...this.database.current().devices.getRange({ ...start, limit })].map(({ key, value }) =>
      orCorrupt(() => readDevice(String(key), value)),
    )
  }

  activePolicy(): ActivePolicy | undefined {
    const applied = this.policyVersion(newestPolicy(this.database.current()))
    return (
      applied && {
        version: applied.version,
        policy: withHolds(applied.policy, this.#held()),
        modeOverride: this.modeOverride()?.mode ?? null,
      }
    )
  }

  #held(): ReadonlyMap<string, number> {
    const holds = this.note(HOLDS) as
      { readonly held?: Readonly<Record<string, { readonly moment: number }>> } | undefined
    return new Map(Object.entries(holds?.held ?? {}).map(([id, { moment }]) => [id, moment]))
  }

  policyVersion(version: number): PolicyVersion | undefined {
    const text = this.database.current().policies.get(version)
    return text === undefined ? undefined : readPolicyVersion(version, text)
  }

  policyHistory(limit: number): (PolicyVersion | CorruptRecordError)[] {
    return [...this.database.current().policies.getRange({ reverse: true, limit })].map(({ key, value }) =>
      orCorrupt(() => readPolicyVersion(Number(key), value)),
    )
  }

  modeOverride(): ModeOverride | undefined {
    const text = this.database.meta.get('modeOverride')
    return text === undefined ? undefined : readModeOverride('meta/modeOverride', text)
  }

  overridesOn(subject: Override['subject']): Override[] {
    if (!isSubject(subject)) return []
    return OVERRIDE_KINDS.flatMap((kind) => {
      const key = [subject.kind, subject.id, kind]
      const text = this.database.current().overrides.get(key)
      return text === undefined ? [] : readOverride(key, text)
    })
  }

  listOverrides(kind?: Override['kind']): (Override | CorruptRecordError)[] {
    return [...this.database.current().overrides.getRange({})]
      .map(({ key, value }) => ({ key: [key].flat(), value }))
      .filter(({ key }) => kind === undefined || key.at(-1) === kind)
      .map(({ key, value }) => orCorrupt(() => readOverride(key, value)))
  }

  attestationsOf(user: string): readonly Attestation[] {
    const text = isUserName(user) ? this.database.current().attestations.get(user) : undefined
    return text === undefined ? [] : readAttestations(user, text)
  }

  listAttestations(): (readonly Attestation[] | CorruptRecordError)[] {
    return [...this.database.current().attestations.getRange({})].map(({ key, value }) =>
      orCorrupt(() => readAttestations(String(key), value)),
    )
  }

  note(name: string): unknown {
    const text = this.database.current().notes.get(name)
    return text === undefined ? undefined : readNote(name, text)
  }

  notes(prefix: string): Map<string, unknown> {
    const range = this.database.current().notes.getRange({ start: prefix, end: `${prefix}\uffff` })
    return new Map(
      [...range].map(({ key, value }) => [String(key).slice(prefix.length), readNote(String(key), value)]),
    )
  }

  newestOrder(): number {
    this.database.environment.refresh()
    return newestKey(this.database.current().history)
  }

  history(limit: number, before?: number): (HistoryEntry | CorruptRecordError)[] {
    const start = before === undefined ? {} : { start: before - 1 }
    return [...this.database.current().history.getRange({ reverse: true, limit, ...start })].map(
      ({ key, value }) => orCorrupt(() => readHistoryEntry(Number(key), value)),
    )
  }

  *historyTexts(): Iterable<{ readonly n: number; readonly text: string }> {
    for (const { key, value } of this.database.current().history.getRange({}))
      yield { n: Number(key), text: value }
  }

  counts(): StoreCounts {
    const { devices, policies, overrides, attestations } = this.database.current()
    return {
      devices: entryCount(devices),
      policies: entryCount(policies),
      overrides: entryCount(overrides),
      attesters: entryCount(attestations),
    }
  }
}

const OVERRIDE_KINDS = ['lock', 'exemption'] as const

/** Whether an override can be on it; any other names nobody. */
export const isSubject = ({ kind, id }: Override['subject']): boolean =>
  kind === 'device' ? isDeviceId(id) : isUserName(id)

/** In a list, an entry that cannot be read must not keep the others from being read. */
function orCorrupt<T>(read: () => T): T | CorruptRecordError {
  try {
    return read()
  } catch (error) {
    if (error instanceof CorruptRecordError) return error
    throw error
  }
}
