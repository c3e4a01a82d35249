import { createHash, randomBytes } from 'node:crypto'

import type { Environment, TextDatabase } from '../lmdb/environment'

/** Longer than any process holds an entry back: a case is folded for a minute. */
const KEPT_MS = 300_000

/** That a person is erased, without the name. Times are epoch milliseconds. */
export interface Erasure {
  readonly salt: string
  /** Of salt and name. */
  readonly digest: string
  /** As whom the block log shows the person, where it shows no names. */
  readonly pseudonym: string
  readonly at: number
  /** Lines taken out of the block log; null: they are to be. */
  readonly lines: number | null
}

export const isOf = ({ salt, digest, pseudonym }: Erasure, user: string): boolean =>
  user === pseudonym || digestOf(salt, user) === digest

const digestOf = (salt: string, user: string): string =>
  createHash('sha256').update(salt).update(user).digest('base64url')

/**
 * Who was erased of late. Each process that writes asks here, in the transaction it writes in, so that nothing of a
 * person comes after the erasure that was decided before it.
 */
export class Erasures {
  constructor(
    private readonly environment: Environment,
    private readonly meta: TextDatabase,
  ) {}

  all(): Erasure[] {
    const text = this.meta.get('erasures')
    return text === undefined ? [] : (JSON.parse(text) as Erasure[])
  }

  /** Whether what was decided of the user at a moment is not to be written. */
  isErased(erasures: readonly Erasure[], user: string, time: number): boolean {
    return erasures.some((one) => time <= one.at && isOf(one, user))
  }

  async announce(user: string, pseudonym: string, at: number): Promise<Erasure> {
    const salt = randomBytes(16).toString('base64url')
    const erasure = { salt, digest: digestOf(salt, user), pseudonym, at, lines: null }
    await this.#change((all) => [
      ...all.filter((one) => one.lines === null || one.at > at - KEPT_MS),
      erasure,
    ])
    return erasure
  }

  /** The block log has nothing of the person any more. */
  async settle({ salt }: Erasure, lines: number): Promise<void> {
    await this.#change((all) => all.map((one) => (one.salt === salt ? { ...one, lines } : one)))
  }

  /** Forgets those that all processes have long heeded. */
  async forgetBefore(now: number): Promise<void> {
    const isNeeded = (one: Erasure): boolean => one.lines === null || one.at > now - KEPT_MS
    if (!this.all().every(isNeeded)) await this.#change((all) => all.filter(isNeeded))
  }

  async #change(change: (all: Erasure[]) => Erasure[]): Promise<void> {
    await this.environment.write(() => {
      const all = change(this.all())
      if (all.length === 0) void this.meta.remove('erasures')
      else void this.meta.put('erasures', JSON.stringify(all))
    })
  }
}
