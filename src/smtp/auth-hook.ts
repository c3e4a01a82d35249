import { randomBytes } from 'node:crypto'

import { isBase64, mechanismOf, rewriteResponse } from './auth-exchange'
import { OK, type Connection, type Next } from './haraka'
import { sessionOf, type SmtpGate, type SmtpSession } from './smtp-gate'

/** What a hook is to do; the bridge to Haraka's `next` does it, once. */
type Answer =
  { readonly kind: 'continue' } | { readonly kind: 'respond'; readonly code: number; readonly text: string }

const CONTINUE: Answer = { kind: 'continue' }
const MALFORMED: Answer = { kind: 'respond', code: 501, text: '5.5.2 Cannot decode the response' }
const UNASKED: Answer = { kind: 'respond', code: 501, text: '5.7.0 CRAM-MD5 takes no initial response' }
const CANCELLED: Answer = { kind: 'respond', code: 501, text: '5.7.0 Authentication cancelled' }
const ALREADY: Answer = { kind: 'respond', code: 503, text: '5.5.1 Already authenticated' }
const IN_TRANSACTION: Answer = { kind: 'respond', code: 503, text: '5.5.1 No AUTH during a mail transaction' }
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
  } catch (error) {
    // A fault here must not hand a tagged name, or an unread claim, to the next plugin.
    gate?.onFault(error)
    answer = NOT_NOW
  }
  if (answer.kind === 'continue') return next()
  forgetExchange(connection)
  // Haraka logs the first param of a command that was answered: not what the client took for its credential.
  params[0] = 'AUTH'
  connection.respond(answer.code, answer.text, () => next(OK))
}

function takeTagOff(gate: SmtpGate | undefined, connection: Connection, params: string[]): Answer {
  const { notes } = connection
  const [first = '', rest = ''] = params
  const starts = first.toUpperCase() === 'AUTH' && rest !== ''
  const authenticating = notes.authenticating === true
  if (starts && notes.auth_user) return ALREADY
  // Haraka would log in whoever sends MAIL FROM first, and relay a message that was not decided. A line that no
  // plugin is known to wait for may still be the end of an exchange: once there was an AUTH, none passes.
  if (connection.transaction && !notes.auth_user && (starts || notes.device_gate)) return IN_TRANSACTION
  if (!starts && !authenticating) return CONTINUE
  if (!gate) return NOT_NOW
  const session = sessionOf(connection)
  // In mid-exchange a line is a response, whatever stands in it: the plugin goes on waiting for one.
  if (authenticating && session.exchange) return proceed(gate, session, params)
  return starts ? start(gate, session, params) : CONTINUE
}

function start(gate: SmtpGate, session: SmtpSession, params: string[]): Answer {
  const [name = '', initial, ...more] = (params[1] ?? '').trim().split(/\s+/)
  session.reading = null
  session.decided = null
  session.exchange = null
  const mechanism = mechanismOf(name)
  if (!mechanism) return CONTINUE
  if (initial === undefined) {
    session.exchange = { mechanism, stage: 'name' }
    return CONTINUE
  }
  // The auth plugins skip it and send their challenge: what comes then must be the name that is read.
  if (mechanism === 'CRAM-MD5') return UNASKED
  if (more.length > 0) return MALFORMED
  session.exchange = { mechanism, stage: 'name' }
  const line = respond(gate, session, initial)
  if (line === undefined) return MALFORMED
  params[1] = `${name} ${line}`
  return CONTINUE
}

function proceed(gate: SmtpGate, session: SmtpSession, params: string[]): Answer {
  const [response = '', rest = ''] = params
  if (rest !== '') return MALFORMED
  if (response === '*') return CANCELLED
  const line = respond(gate, session, response)
  if (line === undefined) return MALFORMED
  params[0] = line
  return CONTINUE
}

/** The response as the auth plugin may see it; undefined when it is malformed. */
function respond(gate: SmtpGate, session: SmtpSession, response: string): string | undefined {
  const { exchange } = session
  if (!exchange) return response
  if (exchange.stage === 'password') {
    if (!isBase64(response)) return undefined
    session.exchange = null
    return session.reading?.status === 'invalid' ? Buffer.from(wrongPassword()).toString('base64') : response
  }
  const step = rewriteResponse(exchange.mechanism, response, gate.tags(), wrongPassword)
  if (step.status === 'malformed') return undefined
  session.reading = step.reading
  if (exchange.mechanism === 'LOGIN') exchange.stage = 'password'
  else session.exchange = null
  return step.line
}

/**
 * A tag that does not verify ends as a wrong password does: by the auth plugin's own refusal, delay and text.
 * Printable, since some plugins hand it on in a line of another protocol.
 */
const wrongPassword = (): string => randomBytes(24).toString('base64')

/** The auth plugins know no end but their own: what they wait for is taken back for them. */
function forgetExchange(connection: Connection): void {
  sessionOf(connection).exchange = null
  const { notes } = connection
  notes.authenticating = false
  notes.auth_plain_asked_login = false
  notes.auth_login_asked_login = false
  notes.auth_login_userlogin = null
  notes.auth_ticket = null
}
