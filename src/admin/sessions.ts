import { createHash, randomBytes } from 'node:crypto'

import type { AdminToken } from '../config/admin-tokens'

const ABSOLUTE_MS = 8 * 3_600_000
const IDLE_MS = 3_600_000
const MAX_SESSIONS = 1000

/** A browser that showed a token once. */
export interface Session {
  readonly tokenName: string
  readonly tokenSha256: Buffer
  /** What a change has to carry: another site's page cannot read it. */
  readonly csrf: string
  /** Epoch milliseconds. */
  readonly expiresAt: number
}

type Kept = Session & { seenAt: number }

/** Sessions by the hash of their ids, least recently used first. In memory: a restart ends them. */
export class Sessions {
  readonly #kept = new Map<string, Kept>()

  constructor(private readonly now: () => number) {}

  /** Always under a new id, whatever the browser brought: nobody can have planted it. */
  begin(token: AdminToken): { readonly id: string; readonly session: Session } {
    const [oldest] = this.#kept.size < MAX_SESSIONS ? [] : this.#kept.keys()
    if (oldest !== undefined) this.#kept.delete(oldest)
    const now = this.now()
    const id = randomBytes(32).toString('base64url')
    const session = {
      tokenName: token.name,
      tokenSha256: token.sha256,
      csrf: randomBytes(32).toString('base64url'),
      expiresAt: Math.min(now + ABSOLUTE_MS, token.expiresAt ?? Infinity),
      seenAt: now,
    }
    this.#kept.set(keyOf(id), session)
    return { id, session }
  }

  /** The session of an id that is still open; seen now. */
  find(id: string): Session | undefined {
    const key = keyOf(id)
    const session = this.#kept.get(key)
    if (!session) return undefined
    this.#kept.delete(key)
    if (!this.isOpen(session)) return undefined
    session.seenAt = this.now()
    this.#kept.set(key, session)
    return session
  }

  end(id: string): void {
    const key = keyOf(id)
    const session = this.#kept.get(key)
    if (session) session.seenAt = -Infinity
    this.#kept.delete(key)
  }

  /** Whether one that was found before is open still. */
  isOpen(session: Session): boolean {
    const { expiresAt, seenAt } = session as Kept
    const now = this.now()
    return now < expiresAt && now - seenAt < IDLE_MS
  }
}

const keyOf = (id: string): string => createHash('sha256').update(id).digest('base64url')
