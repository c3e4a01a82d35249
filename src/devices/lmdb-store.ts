import type { DeviceRecord } from '../policy/device'
import type { Override } from '../policy/override'
import type { Policy } from '../policy/policy'
import type { Mode } from '../policy/vocabulary'
import type { NewChange } from './change-log'
import { isSubject, LmdbReplica } from './lmdb-replica'
import { formatDeviceRecord, isDeviceId } from './record'
import { newestPolicy, putDeviceRow, removeDeviceRow, ReplicaDatabase } from './replica-database'
import type { Authorship, PolicyVersion, PutOutcome, Store } from './store'
import { readDevice } from './stored'

/** The embedded home of device states: this host's LMDB environment is the store itself. */
export class LmdbStore extends LmdbReplica implements Store {
  /** Opens or makes the store; throws EnvironmentError when it cannot or may not. */
  static open(stateDir: string): LmdbStore {
    return new LmdbStore(ReplicaDatabase.open(stateDir))
  }

  leaseValid(): boolean {
    return true
  }

  putDevices(records: readonly DeviceRecord[]): Promise<PutOutcome[]> {
    return this.#write(() => {
      const changes: NewChange[] = []
      const outcomes = records.map((record) => this.#putDevice(record, changes))
      this.database.log.append(changes)
      return outcomes
    })
  }

  #putDevice(record: DeviceRecord, changes: NewChange[]): PutOutcome {
    const tables = this.database.current()
    const text = JSON.stringify(formatDeviceRecord(record))
    const storedText = tables.devices.get(record.id)
    if (storedText === text) return { status: 'unchanged' }
    const stored = readable(record.id, storedText)
    if (stored && isOlder(record, stored)) {
      return { status: 'refused', storedVersion: stored.version, storedEvidenceAt: stored.evidenceAt }
    }
    const owners = putDeviceRow(tables, record.id, text, record.owners)
    changes.push({ kind: 'device', deviceId: record.id, owners })
    return { status: 'applied' }
  }

  async forgetDevice(id: string): Promise<boolean> {
    if (!isDeviceId(id)) return false
    return this.#write(() => {
      const owners = removeDeviceRow(this.database.current(), id)
      if (!owners) return false
      this.database.log.append([{ kind: 'device', deviceId: id, owners }])
      return true
    })
  }

  applyPolicy(policy: Policy, sourceText: string, by: Authorship): Promise<PolicyVersion> {
    return this.#write(() => {
      const tables = this.database.current()
      const newest = newestPolicy(tables)
      const current = this.#readablePolicy(newest)
      if (current?.sourceText === sourceText) return current
      const applied = { version: newest + 1, ...by, policy, sourceText }
      void tables.policies.put(applied.version, JSON.stringify(applied))
      this.database.log.append([{ kind: 'policy' }])
      return applied
    })
  }

  /** A policy that cannot be read must not keep a good one from replacing it. */
  #readablePolicy(version: number): PolicyVersion | undefined {
    try {
      return this.policyVersion(version)
    } catch {
      return undefined
    }
  }

  setModeOverride(mode: Mode | null, by: Authorship): Promise<void> {
    return this.#write(() => {
      if (mode === null) void this.database.meta.remove('modeOverride')
      else void this.database.meta.put('modeOverride', JSON.stringify({ mode, ...by }))
      this.database.log.append([{ kind: 'policy' }])
    })
  }

  async putOverride(override: Override): Promise<void> {
    const { kind, subject } = override
    if (!isSubject(subject))
      throw new Error(`there can be no ${subject.kind} with this id: too long or not text`)
    await this.#write(() => {
      void this.database.current().overrides.put([subject.kind, subject.id, kind], JSON.stringify(override))
      this.database.log.append([{ kind: 'override', subject }])
    })
  }

  async removeOverride(kind: Override['kind'], subject: Override['subject']): Promise<boolean> {
    if (!isSubject(subject)) return false
    return this.#write(() => {
      const key = [subject.kind, subject.id, kind]
      const { overrides } = this.database.current()
      if (overrides.get(key) === undefined) return false
      void overrides.remove(key)
      this.database.log.append([{ kind: 'override', subject }])
      return true
    })
  }

  /** What is written here is unknown to a fleet whose store this host may have followed before. */
  #write<T>(work: () => T): Promise<T> {
    return this.database.write(() => {
      if (this.database.meta.get('cursor') !== undefined) void this.database.meta.remove('cursor')
      return work()
    })
  }
}

/** The stored record if there is one that can be read: a corrupt one does not keep a new one out. */
function readable(id: string, text: string | undefined): DeviceRecord | undefined {
  try {
    return text === undefined ? undefined : readDevice(id, text)
  } catch {
    return undefined
  }
}

/** Of the same source, an older version, or older evidence of the same version. Another source has its own count. */
const isOlder = (record: DeviceRecord, stored: DeviceRecord): boolean =>
  record.source === stored.source &&
  (record.version < stored.version ||
    (record.version === stored.version && record.evidenceAt < stored.evidenceAt))
