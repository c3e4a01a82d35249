import { createHmac } from 'node:crypto'

import type { JournalEntry } from './journal'

/** What is shown as a keyed hash, and the letter it begins with. */
export const PSEUDONYM_KINDS = { user: 'u', device: 'd', remote: 'a', decision: 'c' } as const
export type PseudonymKind = keyof typeof PSEUDONYM_KINDS

const DIGEST_CHARS = 32
/** An override names itself by whom it is on. */
const OVERRIDE_RULE = /^(exemption|lock):(user|device):(.+)$/s

/** Under the same key a name has the same pseudonym, so that lines can be put together without it. */
export class Pseudonyms {
  constructor(private readonly key: Buffer) {}

  of(kind: PseudonymKind, name: string): string {
    const digest = createHmac('sha256', this.key).update(`${kind}\0${name}`).digest('hex')
    return `${PSEUDONYM_KINDS[kind]}-${digest.slice(0, DIGEST_CHARS)}`
  }

  /**
   * The entry without a name. Its decision id too: it is a hash of name and circumstances without a key, so whoever has
   * a name in mind could try it.
   */
  entry(entry: JournalEntry): JournalEntry {
    return {
      ...entry,
      decision: this.of('decision', entry.decision),
      user: this.of('user', entry.user),
      device: entry.device === null ? null : this.of('device', entry.device),
      rule: entry.rule === null ? null : this.#rule(entry.rule),
      remote: this.of('remote', entry.remote),
    }
  }

  #rule(rule: string): string {
    const [, override = '', kind, id] = OVERRIDE_RULE.exec(rule) ?? []
    return (kind === 'user' || kind === 'device') && id !== undefined
      ? `${override}:${kind}:${this.of(kind, id)}`
      : rule
  }
}
