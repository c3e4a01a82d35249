import { createHash } from 'node:crypto'

import type { DeviceRecord } from '../../policy/device'
import type { Override } from '../../policy/override'
import type { Policy } from '../../policy/policy'
import type { Mode } from '../../policy/vocabulary'
import { entryBody, readHistoryEntry, type HistoryEntry } from '../history'
import { isSubject } from '../lmdb-replica'
import {
  modeOrder,
  overrideOrder,
  OvertakenError,
  policyOrder,
  removalOrder,
  type Effect,
  type Order,
} from '../order'
import { formatDeviceRecord, isDeviceId, isUserName } from '../record'
import type { ReplicaDatabase } from '../replica-database'
import {
  CorruptRecordError,
  type Authorship,
  type PolicyVersion,
  type PutOutcome,
  type Store,
} from '../store'
import { attestationsText, ATTESTATION } from '../stored-attestations'
import { readPolicyVersion } from '../stored'
import type { Cursor } from './cursor'
import { FleetReplica, openReplica } from './fleet-replica'
import { overrideField } from './keys'
import { StoreProblem } from './problem'
import type { StoreWriter, WriteOperation, Written } from './writer'

/** An acknowledged write waits so long for this host's replica to hold it; then it is acknowledged all the same. */
const HOLD_MS = 2000
const LOOK_MS = 1
const BATCH = 200
/** A write that a failover lost is done again; a store that loses it so often is none. */
const MAX_TRIES = 3

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
    return new FleetStore(openReplica(stateDir), options)
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

  async order(order: Order): Promise<HistoryEntry | null> {
    return (await this.#order(order)).entry
  }

  async #order(order: Order, anew = false): Promise<Done> {
    const { outcomes, repeated } = await this.#write(orderOperations(order, anew))
    if (!anew && outcomes.some(isDamagedPolicy)) return this.#order(order, true)
    const last = outcomes.at(-1) ?? ''
    if (last === '!') {
      // An earlier try may have done it, and the second one met its own entry.
      const [newest] = repeated ? this.history(1) : []
      if (!newest || newest instanceof CorruptRecordError || !isEntryOf(newest, order))
        throw new OvertakenError()
      return { entry: newest, outcomes, repeated }
    }
    const text = last.slice(1)
    const entry = last.startsWith('+') ? readHistoryEntry((JSON.parse(text) as { n: number }).n, text) : null
    return { entry, outcomes: outcomes.slice(1), repeated }
  }

  async applyPolicy(policy: Policy, sourceText: string, by: Authorship): Promise<PolicyVersion> {
    return this.#applyPolicy(policyOrder(policy, sourceText, by))
  }

  /** Applies it when the store has none; gives the one in force. */
  async applyFirstPolicy(policy: Policy, sourceText: string, by: Authorship): Promise<PolicyVersion> {
    return this.#applyPolicy({
      ...policyOrder(policy, sourceText, by),
      effects: [{ kind: 'policy', policy, sourceText, first: true }],
    })
  }

  async #applyPolicy(order: Order): Promise<PolicyVersion> {
    const { outcomes } = await this.#order(order)
    return policyOf(outcomes[0] ?? '')
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
    if (!isSubject(subject)) return false
    const { entry, repeated } = await this.#order(removalOrder(kind, subject, by))
    return entry !== null || repeated
  }

  /** Whether something was taken away; by an earlier try too. */
  #done({ outcomes, repeated }: Written): boolean {
    return outcomes[0] === '+' || repeated
  }

  async #write(operations: readonly WriteOperation[]): Promise<Written> {
    for (let tries = 1; ; tries += 1) {
      const written = await this.#writer.write(operations)
      this.#newest = { epoch: written.epoch, n: written.n }
      if (!(await this.#isLost(written))) return tries === 1 ? written : { ...written, repeated: true }
      if (tries >= MAX_TRIES)
        throw new StoreProblem('unexpected', 'failovers lost this write again and again: nothing was written')
    }
  }

  /**
   * Waits until this host holds what was written, or until that takes too long. Says whether the store has another
   * history by then: a failover lost the write before this host had it, so it could not name it either.
   */
  async #isLost(written: Cursor): Promise<boolean> {
    // Nothing was there to change, and no store was begun for it: there is nothing to lose.
    if (written.n === 0) return false
    const end = performance.now() + HOLD_MS
    await this.options.catchUp?.()
    for (;;) {
      const cursor = this.cursor()
      if (cursor?.epoch === written.epoch && cursor.n >= written.n) {
        const there = cursor.n === written.n ? cursor : this.remembered(written.n)
        if (there === undefined || there.tip === written.tip) return false
        // One of the two histories is over: only the store knows which.
        if ((await this.#writer.fateOf(written)) === 'lost') return true
      }
      if (performance.now() > end) break
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
    }
    const fate = await this.#writer.fateOf(written)
    if (fate === 'store gone')
      throw new StoreProblem(
        'store_lost',
        'Redis lost its data before this host held the write, which may be lost with it: look before you repeat it',
        true,
      )
    return fate === 'lost'
  }
}

interface Done {
  readonly entry: HistoryEntry | null
  /** Of the effects. */
  readonly outcomes: readonly string[]
  readonly repeated: boolean
}

const isEntryOf = (entry: HistoryEntry, { author, at, kind, change, basedOn = 0 }: Order): boolean =>
  entry.n === basedOn + 1 &&
  entry.who === author &&
  entry.at === at &&
  entry.kind === kind &&
  entry.change === change

/** The one in force is damaged, and was left as it is: it must not keep a good one from replacing it. */
function isDamagedPolicy(outcome: string): boolean {
  if (!outcome.startsWith('={')) return false
  try {
    policyOf(outcome)
    return false
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof CorruptRecordError) return true
    throw error
  }
}

function policyOf(outcome: string): PolicyVersion {
  const text = outcome.slice(1)
  return readPolicyVersion((JSON.parse(text) as { version: number }).version, text)
}

/** `anew`: a policy takes the place of the one in force, whatever that is. */
const orderOperations = (order: Order, anew: boolean): WriteOperation[] => [
  ['c', order.basedOn === undefined ? '' : String(order.basedOn)],
  ...order.effects.map((effect) => effectOperation(effect, order, anew)),
  ['y', entryBody(order)],
]

function effectOperation(effect: Effect, { author, reason, at }: Authorship, anew: boolean): WriteOperation {
  switch (effect.kind) {
    case 'policy': {
      const { policy, sourceText, first } = effect
      const body = JSON.stringify({ author, reason, at, policy, sourceText }).slice(1)
      return ['p', body, sha1(sourceText), anew ? 'anew' : first ? 'first' : '']
    }
    case 'mode':
      return ['m', effect.mode === null ? '' : JSON.stringify({ mode: effect.mode, author, reason, at })]
    case 'override': {
      const { kind, subject } = effect.override
      return ['o', overrideField(kind, subject), JSON.stringify(effect.override)]
    }
    case 'override removed': {
      const { override, subject } = effect
      const key = JSON.stringify([override, subject.kind, subject.id])
      return ['u', overrideField(override, subject), key]
    }
    case 'attestations': {
      const { user, attestations } = effect
      const field = overrideField(ATTESTATION, { kind: 'user', id: user })
      return attestations.length > 0
        ? ['o', field, attestationsText(user, attestations)]
        : ['u', field, JSON.stringify([ATTESTATION, 'user', user])]
    }
    case 'note':
      return ['s', effect.name, effect.value === null ? '' : JSON.stringify(effect.value)]
  }
}

const sha1 = (text: string): string => createHash('sha1').update(text).digest('hex')

function putOutcome(word: string): PutOutcome {
  if (word === '+') return { status: 'applied' }
  if (word === '=') return { status: 'unchanged' }
  const [version, at = ''] = word.split(' ')
  return { status: 'refused', storedVersion: Number(version), storedEvidenceAt: Date.parse(at) }
}
