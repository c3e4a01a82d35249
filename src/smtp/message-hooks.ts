import type { GateDecision, KeyedSubject } from '../gate/gate'
import { sameUser } from '../identity/device-tag'
import { effectOf, type Claim } from '../policy/decision'
import { DENY, DENYSOFT, DSN, STOP, type Connection, type Next } from './haraka'
import { sessionOf, type SmtpGate, type SmtpSession } from './smtp-gate'

/**
 * Hook `mail`: decides each message of an authenticated connection anew. Inbound mail and relaying by
 * address are not its business.
 */
export function onMail(gate: SmtpGate | undefined, next: Next, connection: Connection): void {
  const reply = messageReply(gate, connection)
  if (reply) next(reply.code === 550 ? DENY : DENYSOFT, reply)
  else next()
}

/**
 * Hook `deny`: plugins that put off or score the refusals of others (delay_deny, karma) drop them for whoever
 * logged in. A refusal of the gate stands.
 */
export function onDeny(next: Next, refusal: unknown): void {
  next(refusal instanceof DSN ? STOP : undefined)
}

const NOT_YET = new DSN(451, '4.7.1 Access cannot be checked right now; please try again later.')

/** The refusal, or nothing when the message may go on. Never throws. */
function messageReply(gate: SmtpGate | undefined, connection: Connection): DSN | undefined {
  if (!connection.notes.auth_user) return undefined
  if (!gate) return NOT_YET
  try {
    return gate.enabled() ? refusal(decideMessage(gate, connection)) : undefined
  } catch (error) {
    gate.onFault(error)
    return NOT_YET
  }
}

function decideMessage(gate: SmtpGate, connection: Connection): GateDecision {
  const subject = subjectOf(gate, connection)
  const at = gate.now()
  const decision = gate.gate.decide(subject, at)
  gate.gate.record(decision, {
    protocol: 'smtp',
    subject,
    remoteAddress: connection.remote.ip,
    at,
  })
  return decision
}

/** Made once a login: the messages that follow cost one look-up each. Networks may be edited between them. */
function subjectOf(gate: SmtpGate, connection: Connection): KeyedSubject {
  const session = sessionOf(connection)
  const authUser = connection.notes.auth_user
  const exemptNetwork = gate.isExempt(connection.remote.ip)
  const { decided } = session
  if (decided?.authUser === authUser && decided?.subject.exemptNetwork === exemptNetwork)
    return decided.subject
  const user = userOf(gate, authUser)
  const claim = claimOf(session, user)
  const subject = gate.gate.subject({ user, claim, platformHint: null, exemptNetwork })
  session.decided = { authUser, subject }
  return subject
}

/** The name that the auth plugin settled on. */
function userOf(gate: SmtpGate, authUser: unknown): string {
  if (typeof authUser === 'string') return authUser
  gate.onFault(
    new Error(
      `the auth plugin set connection.notes.auth_user to ${typeof authUser}, not to the user's name: ` +
        'its mail is decided as that of a user without devices',
    ),
  )
  return ''
}

/** A tag proves a device of the user it was issued to: where another name was logged in, it proves nothing. */
const claimOf = ({ reading }: SmtpSession, user: string): Claim | null =>
  reading?.status === 'valid' && sameUser(reading.user, user) ? reading.claim : null

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
