import { CorruptRecordError, type Change, type Replica } from '../../src/devices/store'
import type { Attestation } from '../../src/policy/attestation'
import type { DeviceRecord } from '../../src/policy/device'
import type { Override } from '../../src/policy/override'
import type { ActivePolicy, Policy } from '../../src/policy/policy'
import type { Mode } from '../../src/policy/vocabulary'

type NewChange = Change extends infer C ? (C extends Change ? Omit<C, 'sequence'> : never) : never

const keyOf = (kind: Override['kind'], { kind: of, id }: Override['subject']): string => `${kind} ${of} ${id}`

/** A replica in memory that can be made to fail, to lose its log, and to change while it is being read. */
export class FakeReplica implements Replica {
  readonly #devices = new Map<string, DeviceRecord>()
  readonly #overrides = new Map<string, Override>()
  readonly #attestations = new Map<string, readonly Attestation[]>()
  readonly #corrupt = new Set<string>()
  #policy: Policy | undefined
  #version = 0
  #modeOverride: Mode | null = null
  #log: Change[] = []
  #sequence = 0
  /** How many reads of devices, overrides and policies there were. */
  reads = 0
  /** Thrown by every read while it is set. */
  failure: Error | undefined
  /** Run once, after a decision has read all it looks at and before it is made. */
  commitWhileDeciding: (() => void) | undefined
  /** What `leaseValid` says. */
  lease = true

  /** Set while somebody listens; a change does not call it by itself. */
  tellOfChange: (() => void) | undefined

  onChange(listener: () => void): () => void {
    this.tellOfChange = listener
    return () => (this.tellOfChange = undefined)
  }

  sequence(): number {
    this.#mayFail()
    return this.#sequence
  }

  changesAfter(sequence: number, limit: number): Change[] | null {
    this.#mayFail()
    const [first] = this.#log
    if (sequence > this.#sequence || (first && first.sequence > sequence + 1)) return null
    if (!first && sequence !== this.#sequence) return null
    return this.#log.filter((change) => change.sequence > sequence).slice(0, limit)
  }

  device(id: string): DeviceRecord | undefined {
    this.#read()
    if (this.#corrupt.has(id)) throw new CorruptRecordError(`devices/${id}`, 'not readable as JSON')
    return this.#devices.get(id)
  }

  deviceIdsOf(owner: string, limit: number): string[] {
    this.#read()
    const owned = [...this.#devices.values()].filter(({ owners }) => owners.includes(owner))
    return owned
      .map(({ id }) => id)
      .sort()
      .slice(0, limit)
  }

  activePolicy(): ActivePolicy | undefined {
    this.#read()
    return this.#policy && { version: this.#version, policy: this.#policy, modeOverride: this.#modeOverride }
  }

  overridesOn(subject: Override['subject']): Override[] {
    this.#read()
    return (['lock', 'exemption'] as const).flatMap((kind) => this.#overrides.get(keyOf(kind, subject)) ?? [])
  }

  attestationsOf(user: string): readonly Attestation[] {
    this.#read()
    return this.#attestations.get(user) ?? []
  }

  leaseValid(): boolean {
    this.#read()
    const commit = this.commitWhileDeciding
    this.commitWhileDeciding = undefined
    commit?.()
    return this.lease
  }

  putDevice(record: DeviceRecord): void {
    const formerOwners = this.#devices.get(record.id)?.owners ?? []
    this.#devices.set(record.id, record)
    this.#corrupt.delete(record.id)
    this.#append({
      kind: 'device',
      deviceId: record.id,
      owners: [...new Set([...formerOwners, ...record.owners])],
    })
  }

  forgetDevice(id: string): void {
    const record = this.#devices.get(id)
    this.#devices.delete(id)
    if (record) this.#append({ kind: 'device', deviceId: id, owners: record.owners })
  }

  /** As damage on the disk does it: no change is logged. */
  corruptDevice(id: string): void {
    this.#corrupt.add(id)
  }

  applyPolicy(policy: Policy): void {
    this.#policy = policy
    this.#version += 1
    this.#append({ kind: 'policy' })
  }

  setModeOverride(mode: Mode | null): void {
    this.#modeOverride = mode
    this.#append({ kind: 'policy' })
  }

  putOverride(override: Override): void {
    this.#overrides.set(keyOf(override.kind, override.subject), override)
    this.#append({ kind: 'override', subject: override.subject })
  }

  removeOverride(kind: Override['kind'], subject: Override['subject']): void {
    if (this.#overrides.delete(keyOf(kind, subject))) this.#append({ kind: 'override', subject })
  }

  putAttestations(user: string, attestations: readonly Attestation[]): void {
    this.#attestations.set(user, attestations)
    this.#append({ kind: 'override', subject: { kind: 'user', id: user } })
  }

  /** The log is cut: a reader that lags behind can no longer be told what it missed. */
  cutLog(): void {
    this.#log = []
  }

  /** As after a restore from an older backup: the sequence goes back, the log knows nothing. */
  restoreOlder(): void {
    this.#sequence = Math.floor(this.#sequence / 2)
    this.#log = []
  }

  #append(change: NewChange): void {
    this.#sequence += 1
    this.#log.push({ sequence: this.#sequence, ...change })
  }

  #read(): void {
    this.reads += 1
    this.#mayFail()
  }

  #mayFail(): void {
    if (this.failure) throw this.failure
  }
}
