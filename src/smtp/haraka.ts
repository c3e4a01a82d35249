/** The little of Haraka 3.3 that the gate touches; Haraka ships no types. */
export interface Connection {
  readonly notes: ConnectionNotes
  readonly remote: { readonly ip: string }
  /** From MAIL FROM to the end of its message. */
  readonly transaction: object | null
  respond(code: number, text: string, then: () => void): void
}

interface ConnectionNotes {
  /** Set by the auth plugins (auth_base) when a credential was accepted: the user's name, where they keep to that. */
  auth_user?: unknown
  /** True while an auth plugin waits for the next line of an exchange. */
  authenticating?: boolean
  auth_plain_asked_login?: boolean
  auth_login_asked_login?: boolean
  auth_login_userlogin?: string | null
  auth_ticket?: string | null
  device_gate?: unknown
}

/** Haraka's return codes (haraka-constants); undefined goes on to the next plugin. */
export const STOP = 901
export const DENY = 902
export const DENYSOFT = 903
export const OK = 906

/** What a hook answers with: called once, outside any try. */
export type Next = (code?: number, message?: string | DSN) => void

/**
 * A reply with a code of its own; Haraka knows it by the name of its class.
 * The enhanced status code (RFC 3463) stands in front of the text.
 */
export class DSN {
  constructor(
    readonly code: number,
    readonly reply: string,
  ) {}

  /** As Haraka's log shows it. */
  toString(): string {
    return this.reply
  }
}
