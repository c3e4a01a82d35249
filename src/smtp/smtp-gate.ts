import { randomBytes } from 'node:crypto'

import type { Gate, GateDecision, KeyedSubject } from '../gate/gate'
import type { TagReader, TagReading } from '../identity/claim'
import { effectOf } from '../policy/decision'
import { mechanismOf, rewriteResponse, type Mechanism } from './auth-exchange'
import { DENY, DENYSOFT, DSN, OK, type Connection, type Next } from './haraka'

export interface SmtpGate {
  readonly gate: Gate
  readonly tags: () => TagReader
  readonly isExempt: (address: string) => boolean
  readonly enabled: () => boolean
  readonly now: () => number
}

/** What the gate knows of one connection, kept in its notes. */
interface SmtpSession {
  /** The exchange under way: the mechanism, and which response comes next. */
  exchange: { readonly mechanism: Mechanism; stage: 'name' | 'password' } | null
  /** The user name of the newest AUTH, with the device its tag proved. */
  reading: TagReading | null
  /** Made at the first MAIL FROM after AUTH, then kept: each further message is one look-up. */
  subject: KeyedSubject | null
}

const sessionOf = (connection: Connection): SmtpSession =>
  (connection.notes.device_gate ??= { exchange: null, reading: null, subject: null }) as SmtpSession

/** What a hook is to do; the bridge to Haraka's `next` does it, once. */
type Answer =
  { readonly kind: 'continue' } | { readonly kind: 'respond'; readonly code: number; readonly text: string }

const CONTINUE: Answer = { kind: 'continue' }
const MALFORMED: Answer = { kind: 'respond', code: 501, text: '5.5.2 Cannot decode the response' }
const ALREADY: Answer = { kind: 'respond', code: 503, text: '5.5.1 Already authenticated' }
const CANCELLED: Answer = { kind: 'respond', code: 501, text: '5.7.0 Authentication cancelled' }
const NOT_NOW: Answer = { kind: 'respond', code: 454, text: '4.7.0 Temporary authentication failure' }

/**
 * Hook `unrecognized_command`, before the site's auth plugin: takes the device tag off the user name in
 * AUTH PLAIN, LOGIN and CRAM-MD5 (RFC 4954) by changing `params` in place.
 */
export function onUnrecognizedCommand(
  gate: SmtpGate | undefined,
  next: Next,
  connection: Connection,
  params: string[],
): void {
  let answer: Answer
  try {
    answer = takeTagOff(gate, connection, params)
  } catch {
    // A fault here must not hand a tagged name, or an unread claim, to the next plugin.
    answer = NOT_NOW
  }
  if (answer.kind === 'continue') return next()
  connection.respond(answer.code, answer.text, () => next(OK))
}

function takeTagOff(gate: SmtpGate | undefined, connection: Connection, params: string[]): Answer {
  const [first = '', rest] = params
  const starts = first.toUpperCase() === 'AUTH' && rest !== undefined && rest !== ''
  if (!starts && connection.notes.authenticating !== true) return CONTINUE
  if (!gate) return NOT_NOW
  const session = sessionOf(connection)
  return starts
    ? start(gate, connection, session, params, rest)
    : proceed(gate, connection, session, params, first)
}

function start(
  gate: SmtpGate,
  connection: Connection,
  session: SmtpSession,
  params: string[],
  rest: string,
): Answer {
  // RFC 4954 4: after success, further AUTH commands get 503. This also binds the claim to the login.
  if (connection.notes.auth_user) return ALREADY
  const [name = '', initial, ...more] = rest.trim().split(/\s+/)
  session.reading = null
  session.subject = null
  const mechanism = mechanismOf(name)
  session.exchange = mechanism ? { mechanism, stage: 'name' } : null
  if (!session.exchange || initial === undefined) return CONTINUE
  if (more.length > 0) return MALFORMED
  const line = respond(gate, session, initial)
  if (line === undefined) return MALFORMED
  params[1] = `${name} ${line}`
  return CONTINUE
}

function proceed(
  gate: SmtpGate,
  connection: Connection,
  session: SmtpSession,
  params: string[],
  response: string,
): Answer {
  if (!session.exchange) return CONTINUE
  const line = response === '*' ? undefined : respond(gate, session, response)
  if (line === undefined) {
    forgetExchange(connection, session)
    return response === '*' ? CANCELLED : MALFORMED
  }
  params[0] = line
  return CONTINUE
}

/** The response as the auth plugin may see it; undefined when it is malformed. */
function respond(gate: SmtpGate, session: SmtpSession, response: string): string | undefined {
  const { exchange } = session
  if (!exchange) return response
  if (exchange.stage === 'password') {
    session.exchange = null
    return session.reading?.status === 'invalid' ? wrongPassword() : response
  }
  const step = rewriteResponse(exchange.mechanism, response, gate.tags(), wrongPassword)
  if (step.status === 'malformed') return undefined
  session.reading = step.reading
  if (exchange.mechanism === 'LOGIN') exchange.stage = 'password'
  else session.exchange = null
  return step.line
}

/** A tag that does not verify ends as a wrong password does: by the auth plugin's own refusal, delay and text. */
const wrongPassword = (): string => randomBytes(24).toString('base64')

/** The auth plugins know no cancel (RFC 4954 4): what they wait for is taken back for them. */
function forgetExchange(connection: Connection, session: SmtpSession): void {
  session.exchange = null
  session.reading = null
  const { notes } = connection
  notes.authenticating = false
  notes.auth_plain_asked_login = false
  notes.auth_login_asked_login = false
  notes.auth_login_userlogin = null
  notes.auth_ticket = null
}

/**
 * Hook `mail`: decides each message of an authenticated connection anew. Inbound mail and relaying by
 * address are not its business.
 */
export function onMail(gate: SmtpGate | undefined, next: Next, connection: Connection): void {
  const reply = mailReply(gate, connection)
  if (reply) next(reply.code === 550 ? DENY : DENYSOFT, reply)
  else next()
}

const NOT_YET = new DSN(451, '4.7.1 Access cannot be checked right now; please try again later.')

/** The refusal, or nothing when the message may go on. Never throws. */
function mailReply(gate: SmtpGate | undefined, connection: Connection): DSN | undefined {
  const user = connection.notes.auth_user
  if (user === undefined || user === '') return undefined
  try {
    if (!gate) return NOT_YET
    return gate.enabled() ? refusal(decideMail(gate, connection, user)) : undefined
  } catch {
    return NOT_YET
  }
}

function decideMail(gate: SmtpGate, connection: Connection, user: string): GateDecision {
  const session = sessionOf(connection)
  const { reading } = session
  const exemptNetwork = gate.isExempt(connection.remote.ip)
  // Exempt networks may be edited while the connection lasts.
  if (session.subject?.exemptNetwork !== exemptNetwork) {
    const claim = reading?.status === 'valid' ? reading.claim : null
    session.subject = gate.gate.subject({ user, claim, platformHint: null, exemptNetwork })
  }
  const at = gate.now()
  const decision = gate.gate.decide(session.subject, at)
  gate.gate.record(decision, {
    protocol: 'smtp',
    user: session.subject.user,
    remoteAddress: connection.remote.ip,
    at,
  })
  return decision
}

function refusal(decision: GateDecision): DSN | undefined {
  const effect = effectOf(decision)
  switch (effect) {
    case 'allow':
    case 'warn':
      return undefined
    case 'block':
      return new DSN(550, `5.7.1 ${decision.text} (${decision.id})`)
    case 'unavailable':
      return new DSN(451, `4.7.1 ${decision.text} (${decision.id})`)
  }
}
