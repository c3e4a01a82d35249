import type { Gate, KeyedSubject } from '../gate/gate'
import type { TagReader, TagReading } from '../identity/claim'
import type { Mechanism } from './auth-exchange'
import type { Connection } from './haraka'

/** What the hooks need of a worker's data plane. */
export interface SmtpGate {
  readonly gate: Gate
  readonly tags: () => TagReader
  readonly isExempt: (address: string) => boolean
  readonly enabled: () => boolean
  readonly now: () => number
  /** Told of what should not happen; must bound what it does with many. */
  readonly onFault: (error: unknown) => void
}

/** What the gate knows of one connection, kept in its notes. */
export interface SmtpSession {
  /** The exchange under way: the mechanism, and which response comes next. */
  exchange: { readonly mechanism: Mechanism; stage: 'name' | 'password' } | null
  /** The user name of the newest AUTH, with the device its tag proved. */
  reading: TagReading | null
  /** Who the last message was decided for, and the name that the auth plugin had for them. */
  decided: { readonly authUser: unknown; readonly subject: KeyedSubject } | null
}

export const sessionOf = (connection: Connection): SmtpSession =>
  (connection.notes.device_gate ??= { exchange: null, reading: null, decided: null }) as SmtpSession
