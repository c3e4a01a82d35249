import type { Reason } from './vocabulary'

/** RFC 5321 4.5.3.1.5 gives a reply line 512 octets; this leaves room for codes and the decision id. */
const MAX_TEXT = 440

/** The reasons that speak for themselves; a mandate brings its own message. */
const SENTENCES = {
  locked: 'Company mail is locked for this account or device.',
  unidentified: 'This device did not identify itself; set up mail with the profile your company provides.',
  unknown_device: 'This device is not known to device management.',
  stale: 'This device has not reported to device management for too long; open the management app on it.',
  noncompliant: 'This device does not meet company requirements.',
  grace: 'This device does not meet company requirements and will soon lose access to mail.',
  unknown_state: 'The state of this device is not known to device management.',
  fault_closed: 'Access cannot be checked right now; please try again later.',
} as const satisfies Partial<Record<Reason, string>>

export type StandardReason = keyof typeof SENTENCES

/**
 * One line of printable ASCII: both protocols carry it in a reply where anything else could break out.
 * Brackets and braces become parentheses, since IMAP reads `[...]` at the start of a text as a response code
 * and `{5}` at the end of a line as a literal.
 */
export function replyText(text: string): string {
  const line = text
    .normalize('NFKD')
    .replace(/\p{Mark}/gu, '')
    .replace(/\s+/g, ' ')
    .replace(/[[{]/g, '(')
    .replace(/[\]}]/g, ')')
    .replace(/[^\x20-\x7e]/gu, '?')
    .trim()
  return line.length <= MAX_TEXT ? line : `${line.slice(0, MAX_TEXT - 3)}...`
}

/** The standard sentence of a reason, and whom to ask. */
export const reasonText = (reason: StandardReason, contact: string): string =>
  replyText(`${SENTENCES[reason]} ${contact}`)

/** What a mandate tells its people, and whom to ask; before the deadline, also when that is. */
export const mandateText = (message: string, deadline: number | null, contact: string): string =>
  replyText(`${mandateSentence(message, deadline)} ${contact}`)

/** The same where nobody can see whether it is done already. */
export const unseenText = (message: string, deadline: number | null, contact: string): string =>
  replyText(`${mandateSentence(message, deadline)} Nobody can see on this device if that is done. ${contact}`)

function mandateSentence(message: string, deadline: number | null): string {
  const by =
    deadline === null ? '' : ` (by ${new Date(deadline).toISOString().slice(0, 16).replace('T', ' ')} UTC)`
  const sentence = `${message.replace(/[\s.]+$/, '')}${by}`
  return `${sentence}${/[!?]$/.test(sentence) ? '' : '.'}`
}
