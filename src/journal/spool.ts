import { randomBytes } from 'node:crypto'

import { newestKey, type Environment, type TextDatabase } from '../lmdb/environment'
import { readEntry } from './stored'

export interface SpooledEntry {
  /** Contiguous in the order of commit; what is missing before the first was forgotten. */
  readonly number: number
  /** As it is stored; undefined: damaged. */
  readonly text: string | undefined
}

/** The journal as what waits to be forwarded: its own bounds are those of the spool. */
export class Spool {
  constructor(
    private readonly environment: Environment,
    private readonly entries: TextDatabase,
    private readonly meta: TextDatabase,
  ) {}

  /** Those behind `number`, oldest first. */
  after(number: number, limit: number): SpooledEntry[] {
    const found: SpooledEntry[] = []
    for (const { key, value } of this.entries.getRange({ start: number + 1, limit }))
      found.push({ number: Number(key), text: readEntry(value) && value })
    return found
  }

  /** The number of the newest; 0 when there is none. */
  newest(): number {
    return newestKey(this.entries)
  }

  /** Names this journal: its numbers mean something together with it only. */
  async id(): Promise<string> {
    return (
      this.meta.get('journalId') ?? this.environment.write(() => this.meta.get('journalId') ?? this.#newId())
    )
  }

  /** For one that lacks what was forwarded of it already, as after its restore from a backup: it is another now. */
  renewId(): Promise<string> {
    return this.environment.write(() => this.#newId())
  }

  #newId(): string {
    const id = randomBytes(8).toString('hex')
    void this.meta.put('journalId', id)
    return id
  }
}
