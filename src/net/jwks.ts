import type { JSONWebKeySet, JWK } from 'jose' with { 'resolution-mode': 'import' }

import { FetchError, type BoundedAnswer, type FetchOptions } from './bounded-fetch'

/** More keys than any issuer signs with at a time. */
const MAX_KEYS = 100
const MAX_OCTETS = 1024 * 1024
const MIN_AGE_MS = 60_000
const DEFAULT_AGE_MS = 3_600_000
/** A set that cannot be fetched anew is good for so long: keys that were withdrawn must not count for ever. */
const MAX_AGE_MS = 86_400_000
/** An unknown key id is looked for no oftener: anybody can make one up. */
const LOOK_AGAIN_MS = 30_000
/** `oct` is a shared secret, which nobody publishes on purpose. */
const KEY_TYPES: readonly unknown[] = ['RSA', 'EC', 'OKP']

export type Fetch = (url: string, options?: FetchOptions) => Promise<BoundedAnswer>

/** The public keys of an issuer, fetched when they are needed, and kept as long as the issuer says. */
export class KeySet {
  #keys: JSONWebKeySet | undefined
  #etag: string | undefined
  #fetchedAt = -Infinity
  #triedAt = -Infinity
  #freshMs = 0
  #fetching: Promise<void> | undefined
  #problem: string | null = null

  constructor(
    private readonly url: string,
    private readonly fetch: Fetch,
    private readonly now: () => number,
  ) {}

  /** When the issuer last said that these are its keys; -Infinity: never yet. */
  get fetchedAt(): number {
    return this.#fetchedAt
  }

  /** Whether they are as new as the issuer asks. */
  get isFresh(): boolean {
    const age = this.now() - this.#fetchedAt
    return age >= 0 && age < this.#freshMs
  }

  /** Why they could not be had the last time; null: they could. */
  get problem(): string | null {
    return this.#problem
  }

  /** Rejects with FetchError when there is none that may still be believed. */
  async current(): Promise<JSONWebKeySet> {
    const age = this.now() - this.#fetchedAt
    if (!this.#keys || !this.isFresh) await this.#refresh(age < MAX_AGE_MS && age >= 0)
    return this.#believed()
  }

  /** For a key that is not among them, though it may be by now. Gives whether it is worth looking again. */
  async lookAgain(): Promise<boolean> {
    if (this.now() - this.#triedAt < LOOK_AGAIN_MS) return false
    await this.#refresh(true)
    return true
  }

  #believed(): JSONWebKeySet {
    if (this.#keys) return this.#keys
    throw new FetchError('unreachable', 'the keys of the issuer were never had')
  }

  /** One at a time, whoever asks. */
  async #refresh(oldIsGood: boolean): Promise<void> {
    try {
      await (this.#fetching ??= this.#fetch())
      this.#problem = null
    } catch (error) {
      this.#problem = (error as Error).message
      if (!oldIsGood || !this.#keys) throw error
    } finally {
      this.#fetching = undefined
    }
  }

  async #fetch(): Promise<void> {
    this.#triedAt = this.now()
    const answer = await this.fetch(this.url, {
      maxOctets: MAX_OCTETS,
      headers: {
        accept: 'application/jwk-set+json, application/json',
        ...(this.#etag !== undefined && { 'if-none-match': this.#etag }),
      },
    })
    if (answer.status === 304 && this.#keys) await answer.text()
    else {
      if (answer.status !== 200) {
        await answer.text()
        throw new FetchError('unreachable', `the issuer's key set answers ${answer.status}`)
      }
      this.#keys = keySetOf(await answer.json())
      this.#etag = answer.header('etag')
    }
    this.#fetchedAt = this.now()
    this.#freshMs = freshness(answer.header('cache-control'))
  }
}

/** Throws FetchError for what is no key set, or one of too many keys. */
export function keySetOf(value: unknown): JSONWebKeySet {
  const keys = (value as { keys?: unknown } | null)?.keys
  if (!Array.isArray(keys)) throw new FetchError('not_json', "the issuer's key set has no list of keys")
  if (keys.length > MAX_KEYS)
    throw new FetchError('too_large', `the issuer's key set has ${keys.length} keys, more than ${MAX_KEYS}`)
  const usable = (keys as unknown[]).filter(
    (key): key is JWK => typeof key === 'object' && key !== null && KEY_TYPES.includes((key as JWK).kty),
  )
  return { keys: usable }
}

function freshness(cacheControl: string | undefined): number {
  const seconds = /(?:^|[ ,])max-age=(\d{1,9})/i.exec(cacheControl ?? '')?.[1]
  const ms = seconds === undefined ? DEFAULT_AGE_MS : Number(seconds) * 1000
  return Math.min(Math.max(ms, MIN_AGE_MS), MAX_AGE_MS)
}
