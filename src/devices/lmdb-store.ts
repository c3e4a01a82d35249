import path from 'node:path'

import { EnvironmentError, openEnvironment, type Environment } from '../lmdb/environment'
import type { DeviceRecord } from '../policy/device'
import type { Override } from '../policy/override'
import type { ActivePolicy, Policy } from '../policy/policy'
import type { Mode } from '../policy/vocabulary'
import { ChangeLog } from './change-log'
import { formatDeviceRecord, parseDeviceRecord } from './record'
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
    this.#log = new ChangeLog(this.#meta, environment.database('log'))
  }

  /** Opens or makes the store; throws {@link EnvironmentError} when it cannot or may not. */
  static open(stateDir: string, options: { readonly mapSize?: number } = {}): LmdbStore {
    const dir = path.join(stateDir, 'replica')
    const environment = openEnvironment(dir, options)
    const store = new LmdbStore(environment)
    const found = store.#meta.get('schema')
    if (found === undefined) {
      environment.writeSync(() => void store.#meta.put('schema', String(SCHEMA_VERSION)))
    } else if (found !== String(SCHEMA_VERSION)) {
      void environment.close()
      throw new EnvironmentError(
        `${dir} holds data of schema version ${found.slice(0, 16)}, this program knows version ${SCHEMA_VERSION}: ` +
          'use the program that wrote it, or move the directory away and import the devices again',
      )
    }
    return store
  }

  close(): Promise<void> {
    return this.#environment.close()
  }

  sequence(): number {
    return this.#log.sequence()
  }

  changesAfter(sequence: number, limit: number): Change[] | null {
    return this.#log.after(sequence, limit)
  }

  leaseValid(): boolean {
    return true
  }

  device(id: string): DeviceRecord | undefined {
    const text = this.#devices.get(id)
    return text === undefined ? undefined : readDevice(id, text)
  }

  deviceIdsOf(owner: string, limit: number): string[] {
    return [...this.#owners.getValues(owner, { limit })]
  }

  listDevices({
    afterId,
    limit,
  }: {
    afterId?: string
    limit: number
  }): (DeviceRecord | CorruptRecordError)[] {
    const start = afterId === undefined ? {} : { start: afterId, exclusiveStart: true }
    return [...this.#devices.getRange({ ...start, limit })].map(({ key, value }) => {
      try {
        return readDevice(String(key), value)
      } catch (error) {
        if (error instanceof CorruptRecordError) return error
        throw error
      }
    })
  }

  putDevices(records: readonly DeviceRecord[]): Promise<PutOutcome[]> {
    return this.#environment.write(() => records.map((record) => this.#putDevice(record)))
  }

  #putDevice(record: DeviceRecord): PutOutcome {
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
    this.#log.append({ kind: 'device', deviceId: record.id, owners })
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

  forgetDevice(id: string): Promise<boolean> {
    return this.#environment.write(() => {
      const text = this.#devices.get(id)
      if (text === undefined) return false
      const owners = this.#readable(id, text)?.owners ?? []
      for (const owner of owners) void this.#owners.remove(owner, id)
      void this.#devices.remove(id)
      this.#log.append({ kind: 'device', deviceId: id, owners })
      return true
    })
  }

  activePolicy(): ActivePolicy | undefined {
    const version = Number(this.#meta.get('policy') ?? 0)
    const applied = version === 0 ? undefined : this.policyVersion(version)
    return applied && { version, policy: applied.policy, modeOverride: this.modeOverride()?.mode ?? null }
  }

  applyPolicy(policy: Policy, sourceText: string, by: Authorship): Promise<PolicyVersion> {
    return this.#environment.write(() => {
      const current = this.#currentPolicy()
      if (current?.sourceText === sourceText) return current
      const version = Number(this.#meta.get('policy') ?? 0) + 1
      const applied = { version, ...by, policy, sourceText }
      void this.#policies.put(version, JSON.stringify(applied))
      void this.#meta.put('policy', String(version))
      this.#log.append({ kind: 'policy' })
      return applied
    })
  }

  /** A policy that cannot be read must not keep a good one from replacing it. */
  #currentPolicy(): PolicyVersion | undefined {
    try {
      return this.policyVersion(Number(this.#meta.get('policy') ?? 0))
    } catch {
      return undefined
    }
  }

  policyVersion(version: number): PolicyVersion | undefined {
    const text = this.#policies.get(version)
    return text === undefined ? undefined : (parseStored(`policies/${version}`, text) as PolicyVersion)
  }

  policyHistory(limit: number): PolicyVersion[] {
    return [...this.#policies.getRange({ reverse: true, limit })].map(
      ({ key, value }) => parseStored(`policies/${String(key)}`, value) as PolicyVersion,
    )
  }

  modeOverride(): ModeOverride | undefined {
    const text = this.#meta.get('modeOverride')
    return text === undefined ? undefined : (parseStored('meta/modeOverride', text) as ModeOverride)
  }

  setModeOverride(mode: Mode | null, by: Authorship): Promise<void> {
    return this.#environment.write(() => {
      if (mode === null) void this.#meta.remove('modeOverride')
      else void this.#meta.put('modeOverride', JSON.stringify({ mode, ...by }))
      this.#log.append({ kind: 'policy' })
    })
  }

  overridesOn(subject: Override['subject']): Override[] {
    const found: Override[] = []
    for (const kind of OVERRIDE_KINDS) {
      const text = this.#overrides.get([subject.kind, subject.id, kind])
      if (text !== undefined)
        found.push(parseStored(`overrides/${subject.kind}/${subject.id}/${kind}`, text) as Override)
    }
    return found
  }

  putOverride(override: Override): Promise<void> {
    const { kind, subject } = override
    return this.#environment.write(() => {
      void this.#overrides.put([subject.kind, subject.id, kind], JSON.stringify(override))
      this.#log.append({ kind: 'override', subject })
    })
  }

  removeOverride(kind: Override['kind'], subject: Override['subject']): Promise<boolean> {
    return this.#environment.write(() => {
      const key = [subject.kind, subject.id, kind]
      if (this.#overrides.get(key) === undefined) return false
      void this.#overrides.remove(key)
      this.#log.append({ kind: 'override', subject })
      return true
    })
  }

  listOverrides(kind?: Override['kind']): Override[] {
    return [...this.#overrides.getRange({})]
      .map(({ key, value }) => parseStored(`overrides/${String(key)}`, value) as Override)
      .filter((override) => kind === undefined || override.kind === kind)
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

function readDevice(id: string, text: string): DeviceRecord {
  const reading = parseDeviceRecord(parseStored(`devices/${id}`, text))
  if (!reading.ok) throw new CorruptRecordError(`devices/${id}`, reading.problem)
  if (reading.record.id !== id)
    throw new CorruptRecordError(`devices/${id}`, 'holds the record of another device')
  return reading.record
}

function parseStored(place: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new CorruptRecordError(place, 'not readable as JSON')
  }
}
