import { createHash } from 'node:crypto'

import type { DeviceRecord } from '../../policy/device'
import type { Override } from '../../policy/override'
import type { Policy } from '../../policy/policy'
import type { Mode } from '../../policy/vocabulary'
import { isSubject } from '../lmdb-replica'
import { formatDeviceRecord, isDeviceId, isUserName } from '../record'
import { ReplicaDatabase } from '../replica-database'
import {
  CorruptRecordError,
  type Authorship,
  type PolicyVersion,
  type PutOutcome,
  type Store,
} from '../store'
import { readPolicyVersion } from '../stored'
import type { Cursor } from './cursor'
import { FleetReplica } from './fleet-replica'
import { overrideField } from './keys'
import type { StoreWriter, WriteOperation, Written } from './writer'

/** An acknowledged write waits so long for this host's replica to hold it; then it is acknowledged all the same. */
const HOLD_MS = 2000
const LOOK_MS = 1
const BATCH = 200

export interface FleetStoreOptions {
  readonly leaseMs: number
  readonly writer: (replica: FleetReplica) => StoreWriter
  /** Takes the newest changes into the replica, where no other process of the host does. */
  readonly catchUp?: () => Promise<void>
}

/**
 * The fleet's store as one host sees it: reads are from the host's replica and go on without Redis; a write is
 * acknowledged by Redis, and resolves once this host holds it too.
 */
export class FleetStore extends FleetReplica implements Store {
  readonly #writer: StoreWriter
  #newest: Pick<Cursor, 'epoch' | 'n'> | undefined

  private constructor(
    database: ReplicaDatabase,
    private readonly options: FleetStoreOptions,
  ) {
    super(database, options.leaseMs)
    this.#writer = options.writer(this)
  }

  /** Opens or makes the host's replica; throws EnvironmentError when it cannot or may not. */
  static openStore(stateDir: string, options: FleetStoreOptions): FleetStore {
    return new FleetStore(ReplicaDatabase.open(stateDir), options)
  }

  /** The newest entry that this process has written; undefined: none. */
  get newestWrite(): Pick<Cursor, 'epoch' | 'n'> | undefined {
    return this.#newest
  }

  async putDevices(records: readonly DeviceRecord[]): Promise<PutOutcome[]> {
    for (const { id, owners } of records) {
      if (!isDeviceId(id)) throw new Error('a record cannot be written: its id is too long or not text')
      if (!owners.every(isUserName))
        throw new Error(`the record of ${id} cannot be written: an owner is too long or not text`)
    }
    const outcomes: PutOutcome[] = []
    for (let from = 0; from < records.length; from += BATCH) {
      const batch = records.slice(from, from + BATCH)
      const written = await this.#write(
        batch.map((record) => ['d', record.id, JSON.stringify(formatDeviceRecord(record))]),
      )
      outcomes.push(...written.outcomes.map(putOutcome))
    }
    return outcomes
  }

  async forgetDevice(id: string): Promise<boolean> {
    return isDeviceId(id) && this.#done(await this.#write([['f', id]]))
  }

  async applyPolicy(policy: Policy, sourceText: string, by: Authorship): Promise<PolicyVersion> {
    return this.#applyPolicy(policy, sourceText, by, '')
  }

  /** Applies it when the store has none; gives the one in force. */
  async applyFirstPolicy(policy: Policy, sourceText: string, by: Authorship): Promise<PolicyVersion> {
    return this.#applyPolicy(policy, sourceText, by, 'first')
  }

  async #applyPolicy(
    policy: Policy,
    sourceText: string,
    by: Authorship,
    how: '' | 'first',
  ): Promise<PolicyVersion> {
    const body = JSON.stringify({ ...by, policy, sourceText }).slice(1)
    const sha = createHash('sha1').update(sourceText).digest('hex')
    const apply = async (how: string): Promise<PolicyVersion> => {
      const { outcomes } = await this.#write([['p', body, sha, how]])
      const text = outcomes[0]?.slice(1) ?? ''
      return readPolicyVersion((JSON.parse(text) as { version: number }).version, text)
    }
    try {
      return await apply(how)
    } catch (error) {
      // The one in force is damaged: it must not keep a good one from replacing it.
      if (!(error instanceof SyntaxError || error instanceof CorruptRecordError)) throw error
      return apply('anew')
    }
  }

  async setModeOverride(mode: Mode | null, by: Authorship): Promise<void> {
    await this.#write([['m', mode === null ? '' : JSON.stringify({ mode, ...by })]])
  }

  async putOverride(override: Override): Promise<void> {
    const { kind, subject } = override
    if (!isSubject(subject))
      throw new Error(`there can be no ${subject.kind} with this id: too long or not text`)
    await this.#write([['o', overrideField(kind, subject), JSON.stringify(override)]])
  }

  async removeOverride(kind: Override['kind'], subject: Override['subject']): Promise<boolean> {
    if (!isSubject(subject)) return false
    const key = JSON.stringify([kind, subject.kind, subject.id])
    return this.#done(await this.#write([['u', overrideField(kind, subject), key]]))
  }

  /** Whether something was taken away; by an earlier try too. */
  #done({ outcomes, repeated }: Written): boolean {
    return outcomes[0] === '+' || repeated
  }

  async #write(operations: readonly WriteOperation[]): Promise<Written> {
    const written = await this.#writer.write(operations)
    this.#newest = { epoch: written.epoch, n: written.n }
    await this.untilHeld(written)
    return written
  }

  /** Resolves when this host holds an entry, or when that takes too long; says which. */
  async untilHeld({ epoch, n }: Pick<Cursor, 'epoch' | 'n'>): Promise<boolean> {
    const end = performance.now() + HOLD_MS
    const holds = (): boolean => {
      const cursor = this.cursor()
      return cursor?.epoch === epoch && cursor.n >= n
    }
    await this.options.catchUp?.()
    while (!holds()) {
      if (performance.now() > end) return false
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
    }
    return true
  }
}

function putOutcome(word: string): PutOutcome {
  if (word === '+') return { status: 'applied' }
  if (word === '=') return { status: 'unchanged' }
  const [version, at = ''] = word.split(' ')
  return { status: 'refused', storedVersion: Number(version), storedEvidenceAt: Date.parse(at) }
}
