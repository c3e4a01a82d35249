import { newestKey } from '../lmdb/environment'
import type { DeviceRecord } from '../policy/device'
import type { Override } from '../policy/override'
import type { Policy } from '../policy/policy'
import type { Mode } from '../policy/vocabulary'
import type { NewChange } from './change-log'
import { entryBody, entryText, readHistoryEntry, type HistoryEntry } from './history'
import { isSubject, LmdbReplica } from './lmdb-replica'
import {
  modeOrder,
  overrideOrder,
  OvertakenError,
  policyOrder,
  removalOrder,
  type Effect,
  type Order,
} from './order'
import { formatDeviceRecord, isDeviceId } from './record'
import { newestPolicy, putDeviceRow, removeDeviceRow, ReplicaDatabase } from './replica-database'
import { attestationsText } from './stored-attestations'
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

  order(order: Order): Promise<HistoryEntry | null> {
    return this.#write(() => {
      const tables = this.database.current()
      const n = newestKey(tables.history)
      if (order.basedOn !== undefined && order.basedOn !== n) throw new OvertakenError()
      const all = order.effects.flatMap((effect) => this.#do(effect, order) ?? [])
      // One that outdates everything says it for all.
      const outdating = all.findIndex(({ kind }) => kind === 'policy')
      const changes = all.filter(({ kind }, i) => kind !== 'policy' || i === outdating)
      if (changes.length === 0) return null
      this.database.log.append(changes)
      const prev = hashOf(n, tables.history.get(n))
      const text = entryText(n + 1, newestPolicy(tables), prev, entryBody(order))
      void tables.history.put(n + 1, text)
      return readHistoryEntry(n + 1, text)
    })
  }

  /** undefined: there was nothing to change. Inside a write transaction. */
  #do(effect: Effect, { author, reason, at }: Authorship): NewChange | undefined {
    const { meta } = this.database
    const tables = this.database.current()
    switch (effect.kind) {
      case 'policy': {
        const { policy, sourceText } = effect
        const newest = newestPolicy(tables)
        if (effect.first ? newest > 0 : this.#readablePolicy(newest)?.sourceText === sourceText)
          return undefined
        const applied = { version: newest + 1, author, reason, at, policy, sourceText }
        void tables.policies.put(applied.version, JSON.stringify(applied))
        return { kind: 'policy' }
      }
      case 'mode':
        if (effect.mode === null) void meta.remove('modeOverride')
        else void meta.put('modeOverride', JSON.stringify({ mode: effect.mode, author, reason, at }))
        return { kind: 'policy' }
      case 'override': {
        const { kind, subject } = effect.override
        void tables.overrides.put([subject.kind, subject.id, kind], JSON.stringify(effect.override))
        return { kind: 'override', subject }
      }
      case 'override removed': {
        const { override, subject } = effect
        const key = [subject.kind, subject.id, override]
        if (tables.overrides.get(key) === undefined) return undefined
        void tables.overrides.remove(key)
        return { kind: 'override', subject }
      }
      case 'attestations': {
        const { user, attestations } = effect
        if (attestations.length > 0) void tables.attestations.put(user, attestationsText(user, attestations))
        else void tables.attestations.remove(user)
        return { kind: 'override', subject: { kind: 'user', id: user } }
      }
      case 'note': {
        const text = effect.value === null ? undefined : JSON.stringify(effect.value)
        if (tables.notes.get(effect.name) === text) return undefined
        if (text === undefined) void tables.notes.remove(effect.name)
        else void tables.notes.put(effect.name, text)
        return { kind: 'policy' }
      }
    }
  }

  async applyPolicy(policy: Policy, sourceText: string, by: Authorship): Promise<PolicyVersion> {
    await this.order(policyOrder(policy, sourceText, by))
    const newest = this.sequence() > 0 && this.policyVersion(newestPolicy(this.database.current()))
    if (!newest) throw new Error('the policy that was applied is not there')
    return newest
  }

  /** A policy that cannot be read must not keep a good one from replacing it. */
  #readablePolicy(version: number): PolicyVersion | undefined {
    try {
      return this.policyVersion(version)
    } catch {
      return undefined
    }
  }

  async setModeOverride(mode: Mode | null, by: Authorship): Promise<void> {
    await this.order(modeOrder(mode, by))
  }

  async putOverride(override: Override): Promise<void> {
    const { subject } = override
    if (!isSubject(subject))
      throw new Error(`there can be no ${subject.kind} with this id: too long or not text`)
    await this.order(overrideOrder(override))
  }

  async removeOverride(
    kind: Override['kind'],
    subject: Override['subject'],
    by: Authorship,
  ): Promise<boolean> {
    return isSubject(subject) && (await this.order(removalOrder(kind, subject, by))) !== null
  }

  /** What is written here is unknown to a fleet whose store this host may have followed before. */
  #write<T>(work: () => T): Promise<T> {
    return this.database.write(() => {
      if (this.database.meta.get('cursor') !== undefined) void this.database.meta.remove('cursor')
      return work()
    })
  }
}

/** Empty before the first one, and behind one that is damaged: the break shows from then on. */
function hashOf(n: number, text: string | undefined): string {
  try {
    return text === undefined ? '' : readHistoryEntry(n, text).hash
  } catch {
    return ''
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
