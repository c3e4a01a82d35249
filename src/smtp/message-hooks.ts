import type { GateDecision } from '../gate/gate'
import { sameUser } from '../identity/device-tag'
import { effectOf, type Claim } from '../policy/decision'
import { DENY, DENYSOFT, DSN, STOP, type Connection, type Next } from './haraka'
import { sessionOf, type SmtpGate } from './smtp-gate'

/**
 * Hook `mail`: decides each message of an authenticated connection anew. Inbound mail and relaying by
 * address are not its business.
 */
export function onMail(gate: SmtpGate | undefined, next: Next, connection: Connection): void {
  answer(next, messageReply(gate, connection))
}

/**
 * Hook `data`: Haraka lets a client log in between MAIL FROM and DATA, and then relays for it. Such a message
 * is decided here; no other is.
 */
export function onData(gate: SmtpGate | undefined, next: Next, connection: Connection): void {
  const { notes, transaction } = connection
  const undecided = Boolean(notes.auth_user) && sessionOf(connection).decided !== transaction?.uuid
  answer(next, undecided ? messageReply(gate, connection) : undefined)
}

/**
 * Hook `deny`: plugins that put off or score the refusals of others (delay_deny, karma) drop them for whoever
 * logged in. A refusal of the gate stands.
 */
export function onDeny(next: Next, refusal: unknown): void {
  next(refusal instanceof DSN ? STOP : undefined)
}

function answer(next: Next, reply: DSN | undefined): void {
  if (reply) next(reply.code === 550 ? DENY : DENYSOFT, reply)
  else next()
}

const NOT_YET = new DSN(451, '4.7.1 Access cannot be checked right now; please try again later.')

/** The refusal, or nothing when the message may go on. Never throws. */
function messageReply(gate: SmtpGate | undefined, connection: Connection): DSN | undefined {
  if (!connection.notes.auth_user) return undefined
  if (!gate) return NOT_YET
  try {
    if (!gate.enabled()) return undefined
    const reply = refusal(decideMessage(gate, connection))
    sessionOf(connection).decided = connection.transaction?.uuid ?? null
    return reply
  } catch (error) {
    gate.onFault(error)
    return NOT_YET
  }
}

function decideMessage(gate: SmtpGate, connection: Connection): GateDecision {
  const user = userOf(gate, connection)
  const subject = gate.gate.subject({
    user,
    claim: claimOf(connection, user),
    platformHint: null,
    exemptNetwork: gate.isExempt(connection.remote.ip),
  })
  const at = gate.now()
  const decision = gate.gate.decide(subject, at)
  gate.gate.record(decision, {
    protocol: 'smtp',
    user: subject.user,
    remoteAddress: connection.remote.ip,
    at,
  })
  return decision
}

/** The name that the auth plugin settled on. */
function userOf(gate: SmtpGate, { notes }: Connection): string {
  if (typeof notes.auth_user === 'string') return notes.auth_user
  gate.onFault(
    new Error(
      `the auth plugin set connection.notes.auth_user to ${typeof notes.auth_user}, not to the user's name: ` +
        'its mail is decided as that of a user without devices',
    ),
  )
  return ''
}

/** A tag proves a device of the user it was issued to: where another name was logged in, it proves nothing. */
function claimOf(connection: Connection, user: string): Claim | null {
  const { reading } = sessionOf(connection)
  return reading?.status === 'valid' && sameUser(reading.user, user) ? reading.claim : null
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
