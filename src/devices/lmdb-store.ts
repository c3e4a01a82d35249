import path from 'node:path'

import { newestKey, openEnvironment, type Environment } from '../lmdb/environment'
import type { DeviceRecord } from '../policy/device'
import type { Override } from '../policy/override'
import type { ActivePolicy, Policy } from '../policy/policy'
import type { Mode } from '../policy/vocabulary'
import { ChangeLog, type NewChange } from './change-log'
import { formatDeviceRecord, isDeviceId, isUserName } from './record'
import {
  CorruptRecordError,
  type Authorship,
  type Change,
  type ModeOverride,
  type PolicyVersion,
  type PutOutcome,
  type Store,
  type StoreCounts,
} from './store'
import { readDevice, readModeOverride, readOverride, readPolicyVersion } from './stored'

/** Grows with each change of what is stored and how; a newer one is refused rather than guessed at. */
const SCHEMA_VERSION = 1

/** The embedded home of device states: one LMDB environment at `<stateDir>/replica`, shared by all processes. */
export class LmdbStore implements Store {
  readonly #environment: Environment
  readonly #meta
  readonly #devices
  readonly #owners
  readonly #policies
  readonly #overrides
  readonly #log

  private constructor(environment: Environment) {
    this.#environment = environment
    this.#meta = environment.database('meta')
    this.#devices = environment.database('devices')
    this.#owners = environment.database('owners', { dupSort: true })
    this.#policies = environment.database('policies')
    this.#overrides = environment.database('overrides')
    this.#log = new ChangeLog(environment.database('log'))
  }

  /** Opens or makes the store; throws EnvironmentError when it cannot or may not. */
  static open(stateDir: string): LmdbStore {
    return new LmdbStore(openEnvironment(path.join(stateDir, 'replica'), { schema: SCHEMA_VERSION }))
  }

  close(): Promise<void> {
    return this.#environment.close()
  }

  sequence(): number {
    this.#environment.refresh()
    return this.#log.newest()
  }

  changesAfter(sequence: number, limit: number): Change[] | null {
    return this.#log.after(sequence, limit)
  }

  leaseValid(): boolean {
    return true
  }

  device(id: string): DeviceRecord | undefined {
    // Clients name devices and users: what cannot be a key was never written.
    if (!isDeviceId(id)) return undefined
    const text = this.#devices.get(id)
    return text === undefined ? undefined : readDevice(id, text)
  }

  deviceIdsOf(owner: string, limit: number): string[] {
    return isUserName(owner) ? [...this.#owners.getValues(owner, { limit })] : []
  }

  listDevices({
    afterId,
    limit,
  }: {
    afterId?: string
    limit: number
  }): (DeviceRecord | CorruptRecordError)[] {
    const start = afterId === undefined ? {} : { start: afterId, exclusiveStart: true }
    return [...this.#devices.getRange({ ...start, limit })].map(({ key, value }) =>
      orCorrupt(() => readDevice(String(key), value)),
    )
  }

  putDevices(records: readonly DeviceRecord[]): Promise<PutOutcome[]> {
    return this.#environment.write(() => {
      const changes: NewChange[] = []
      const outcomes = records.map((record) => this.#putDevice(record, changes))
      this.#log.append(changes)
      return outcomes
    })
  }

  #putDevice(record: DeviceRecord, changes: NewChange[]): PutOutcome {
    const text = JSON.stringify(formatDeviceRecord(record))
    const storedText = this.#devices.get(record.id)
    if (storedText === text) return { status: 'unchanged' }
    const stored = this.#readable(record.id, storedText)
    if (stored && isOlder(record, stored)) {
      return { status: 'refused', storedVersion: stored.version, storedEvidenceAt: stored.evidenceAt }
    }
    const formerOwners = stored?.owners ?? []
    for (const owner of formerOwners) {
      if (!record.owners.includes(owner)) void this.#owners.remove(owner, record.id)
    }
    for (const owner of record.owners) {
      if (!formerOwners.includes(owner)) void this.#owners.put(owner, record.id)
    }
    void this.#devices.put(record.id, text)
    const owners = [...new Set([...formerOwners, ...record.owners])]
    changes.push({ kind: 'device', deviceId: record.id, owners })
    return { status: 'applied' }
  }

  /** The stored record if there is one that can be read: a corrupt one does not keep a new one out. */
  #readable(id: string, text: string | undefined): DeviceRecord | undefined {
    try {
      return text === undefined ? undefined : readDevice(id, text)
    } catch {
      return undefined
    }
  }

  async forgetDevice(id: string): Promise<boolean> {
    if (!isDeviceId(id)) return false
    return this.#environment.write(() => {
      const text = this.#devices.get(id)
      if (text === undefined) return false
      const owners = this.#readable(id, text)?.owners ?? []
      for (const owner of owners) void this.#owners.remove(owner, id)
      void this.#devices.remove(id)
      this.#log.append([{ kind: 'device', deviceId: id, owners }])
      return true
    })
  }

  activePolicy(): ActivePolicy | undefined {
    const applied = this.policyVersion(newestKey(this.#policies))
    return (
      applied && {
        version: applied.version,
        policy: applied.policy,
        modeOverride: this.modeOverride()?.mode ?? null,
      }
    )
  }

  applyPolicy(policy: Policy, sourceText: string, by: Authorship): Promise<PolicyVersion> {
    return this.#environment.write(() => {
      const newest = newestKey(this.#policies)
      const current = this.#readablePolicy(newest)
      if (current?.sourceText === sourceText) return current
      const applied = { version: newest + 1, ...by, policy, sourceText }
      void this.#policies.put(applied.version, JSON.stringify(applied))
      this.#log.append([{ kind: 'policy' }])
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

  policyVersion(version: number): PolicyVersion | undefined {
    const text = this.#policies.get(version)
    return text === undefined ? undefined : readPolicyVersion(version, text)
  }

  policyHistory(limit: number): (PolicyVersion | CorruptRecordError)[] {
    return [...this.#policies.getRange({ reverse: true, limit })].map(({ key, value }) =>
      orCorrupt(() => readPolicyVersion(Number(key), value)),
    )
  }

  modeOverride(): ModeOverride | undefined {
    const text = this.#meta.get('modeOverride')
    return text === undefined ? undefined : readModeOverride('meta/modeOverride', text)
  }

  setModeOverride(mode: Mode | null, by: Authorship): Promise<void> {
    return this.#environment.write(() => {
      if (mode === null) void this.#meta.remove('modeOverride')
      else void this.#meta.put('modeOverride', JSON.stringify({ mode, ...by }))
      this.#log.append([{ kind: 'policy' }])
    })
  }

  overridesOn(subject: Override['subject']): Override[] {
    if (!isSubject(subject)) return []
    return OVERRIDE_KINDS.flatMap((kind) => {
      const key = [subject.kind, subject.id, kind]
      const text = this.#overrides.get(key)
      return text === undefined ? [] : readOverride(key, text)
    })
  }

  async putOverride(override: Override): Promise<void> {
    const { kind, subject } = override
    if (!isSubject(subject))
      throw new Error(`there can be no ${subject.kind} with this id: too long or not text`)
    await this.#environment.write(() => {
      void this.#overrides.put([subject.kind, subject.id, kind], JSON.stringify(override))
      this.#log.append([{ kind: 'override', subject }])
    })
  }

  async removeOverride(kind: Override['kind'], subject: Override['subject']): Promise<boolean> {
    if (!isSubject(subject)) return false
    return this.#environment.write(() => {
      const key = [subject.kind, subject.id, kind]
      if (this.#overrides.get(key) === undefined) return false
      void this.#overrides.remove(key)
      this.#log.append([{ kind: 'override', subject }])
      return true
    })
  }

  listOverrides(kind?: Override['kind']): (Override | CorruptRecordError)[] {
    return [...this.#overrides.getRange({})]
      .map(({ key, value }) => ({ key: [key].flat(), value }))
      .filter(({ key }) => kind === undefined || key.at(-1) === kind)
      .map(({ key, value }) => orCorrupt(() => readOverride(key, value)))
  }

  counts(): StoreCounts {
    return {
      devices: this.#devices.getCount(),
      policies: this.#policies.getCount(),
      overrides: this.#overrides.getCount(),
    }
  }
}

const OVERRIDE_KINDS = ['lock', 'exemption'] as const

/** Of the same source, an older version, or older evidence of the same version. Another source has its own count. */
const isOlder = (record: DeviceRecord, stored: DeviceRecord): boolean =>
  record.source === stored.source &&
  (record.version < stored.version ||
    (record.version === stored.version && record.evidenceAt < stored.evidenceAt))

const isSubject = ({ kind, id }: Override['subject']): boolean =>
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
