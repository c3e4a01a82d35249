import path from 'node:path'

import { newestKey, openEnvironment, type Environment, type TextDatabase } from '../lmdb/environment'
import { ChangeLog } from './change-log'
import { readDevice } from './stored'

/** Grows with each change of what is stored and how; a newer one is refused rather than guessed at. */
const SCHEMA_VERSION = 1

/** One complete set of data. There are two, so that a new one can be made ready beside the one in force. */
export interface Tables {
  readonly devices: TextDatabase
  readonly owners: TextDatabase
  readonly policies: TextDatabase
  readonly overrides: TextDatabase
  readonly attestations: TextDatabase
  readonly notes: TextDatabase
  readonly history: TextDatabase
}

/** The LMDB environment at `<stateDir>/replica`, shared by all processes of the host. */
export class ReplicaDatabase {
  readonly meta: TextDatabase
  readonly log: ChangeLog
  readonly #generations: readonly [Tables, Tables]

  private constructor(readonly environment: Environment) {
    this.meta = environment.database('meta')
    this.log = new ChangeLog(environment.database('log'))
    this.#generations = [tables(environment, ''), tables(environment, '2')]
  }

  /** Opens or makes it; throws EnvironmentError when it cannot or may not. */
  static open(stateDir: string, options: { readonly mayLoseNewest?: boolean } = {}): ReplicaDatabase {
    return new ReplicaDatabase(
      openEnvironment(path.join(stateDir, 'replica'), { schema: SCHEMA_VERSION, ...options }),
    )
  }

  /** The data in force. */
  current(): Tables {
    return this.#generations[this.#second() ? 1 : 0]
  }

  /** The other set: nobody reads it before {@link swap}. */
  other(): Tables {
    return this.#generations[this.#second() ? 0 : 1]
  }

  /** Puts the other set in force; inside a write transaction. */
  swap(): void {
    void this.meta.put('generation', this.#second() ? '1' : '2')
  }

  #second(): boolean {
    return this.meta.get('generation') === '2'
  }

  write<T>(work: () => T): Promise<T> {
    return this.environment.write(work)
  }
}

const tables = (environment: Environment, suffix: string): Tables => ({
  devices: environment.database(`devices${suffix}`),
  owners: environment.database(`owners${suffix}`, { dupSort: true }),
  policies: environment.database(`policies${suffix}`),
  overrides: environment.database(`overrides${suffix}`),
  attestations: environment.database(`attestations${suffix}`),
  notes: environment.database(`notes${suffix}`),
  history: environment.database(`history${suffix}`),
})

/** The version of the newest policy; 0 when there is none. */
export const newestPolicy = ({ policies }: Tables): number => newestKey(policies)

/**
 * Puts a device's text and keeps the index of owners true to it; inside a write transaction. Gives all whose
 * decisions it may change. `owners` is undefined for a text that cannot be read: it stays with those it had.
 */
export function putDeviceRow(
  { devices, owners: index }: Tables,
  id: string,
  text: string,
  owners: readonly string[] | undefined,
): string[] {
  const former = ownersOf(id, devices.get(id))
  void devices.put(id, text)
  if (!owners) return former
  for (const owner of former) if (!owners.includes(owner)) void index.remove(owner, id)
  for (const owner of owners) if (!former.includes(owner)) void index.put(owner, id)
  return [...new Set([...former, ...owners])]
}

/** Takes a device away; inside a write transaction. Gives its owners, or undefined when there was none. */
export function removeDeviceRow({ devices, owners: index }: Tables, id: string): string[] | undefined {
  const text = devices.get(id)
  if (text === undefined) return undefined
  const owners = ownersOf(id, text)
  for (const owner of owners) void index.remove(owner, id)
  void devices.remove(id)
  return owners
}

/** Nobody, for a text that cannot be read: what it leaves in the index, readers see through. */
function ownersOf(id: string, text: string | undefined): string[] {
  try {
    return text === undefined ? [] : [...readDevice(id, text).owners]
  } catch {
    return []
  }
}
