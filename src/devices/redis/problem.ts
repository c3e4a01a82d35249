import { EnvironmentError } from '../../lmdb/environment'

/** What may be wrong between this host and the fleet's store; each has its own cure. */
export const STORE_PROBLEMS = [
  /** No connection, or no answer in time. */
  'unreachable',
  /** User, password or permission. */
  'refused',
  /** Loading, failing over, cluster down: passes by itself. */
  'not_ready',
  'read_only',
  'out_of_memory',
  /** Disk full, or too few replicas: Redis takes no writes. */
  'no_writes',
  /** An older Redis than the gate can use. */
  'too_old',
  /** Written by a newer version of the gate. */
  'newer_store',
  /** Redis is empty, and hosts know that it was not. */
  'store_lost',
  /** A key under the prefix is not what the gate wrote. */
  'damaged',
  /** This host cannot keep what the store gives it: its own disk. */
  'replica',
  /** An answer that nothing above explains. */
  'unexpected',
] as const
export type StoreProblemKind = (typeof STORE_PROBLEMS)[number]

/** The fleet's store cannot do what was asked: says why and what to do, never a password. */
export class StoreProblem extends Error {
  override readonly name = 'StoreProblem'
  readonly code = 'ERR_STORE'
  constructor(
    readonly kind: StoreProblemKind,
    message: string,
    /** What was sent may have been done. */
    readonly maybeDone = false,
  ) {
    super(message)
  }

  /** Whether the same may well work in a moment. */
  get passes(): boolean {
    return ['unreachable', 'not_ready', 'read_only'].includes(this.kind)
  }
}

/** Errors that no connection throws. */
const LOCAL_ERRORS = [EnvironmentError, TypeError, RangeError, ReferenceError, SyntaxError] as const

const REPLIES: readonly (readonly [pattern: RegExp, kind: StoreProblemKind, advice: string])[] = [
  [
    /^(WRONGPASS|NOAUTH|ERR AUTH|ERR invalid password)/,
    'refused',
    'check user and password of store.redis.url',
  ],
  [/^NOPERM/, 'refused', 'give the ACL user the permissions that docs/fleet.md lists'],
  [/^READONLY/, 'read_only', 'this server is a replica: name the primary, or its Sentinels'],
  [/^OOM/, 'out_of_memory', 'raise maxmemory or free memory; maxmemory-policy must be noeviction'],
  [/^(MISCONF|NOREPLICAS|NOGOODSLAVE)/, 'no_writes', 'see its disk and its replicas'],
  [
    /^(LOADING|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|BUSY|UNBLOCKED|MOVED|ASK)/,
    'not_ready',
    'it should pass by itself',
  ],
  [/^NEWERSTORE/, 'newer_store', 'the store was written by a newer version: update this host'],
  [
    /^NOSTORE/,
    'store_lost',
    'bring the data back with `device-gate store restore`, or restore a backup of Redis',
  ],
  [/^(WRONGTYPE|DAMAGED)/, 'damaged', 'something else wrote there: move it away, or restore a backup'],
]

/** What went wrong on the way to the store, as a {@link StoreProblem}. `place` names the server without secrets. */
export function asStoreProblem(error: unknown, place: string): StoreProblem {
  if (error instanceof StoreProblem) return error
  if (LOCAL_ERRORS.some((type) => error instanceof type))
    return new StoreProblem('replica', `this host cannot take in what the store says: ${String(error)}`)
  const { message, name } = error instanceof Error ? error : { message: String(error), name: '' }
  const text = bounded(message)
  if (name === 'ReplyError') {
    const known = REPLIES.find(([pattern]) => pattern.test(message))
    return known
      ? new StoreProblem(known[1], `Redis at ${place} says ${text}; ${known[2]}`)
      : new StoreProblem('unexpected', `Redis at ${place} says ${text}`)
  }
  return new StoreProblem('unreachable', `Redis at ${place} cannot be reached: ${text}`)
}

/** A server's words: one line, no control characters. */
const bounded = (message: string): string =>
  // eslint-disable-next-line no-control-regex -- these are exactly the characters to take out
  message.slice(0, 300).replace(/[\u0000-\u001f\u007f-\u009f]+/g, ' ')
