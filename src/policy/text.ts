import type { Policy } from './policy'
import type { Reason } from './vocabulary'

/** RFC 5321 4.5.3.1.5 gives a reply line 512 octets; this leaves room for codes and the decision id. */
const MAX_TEXT = 400

const SENTENCES: Readonly<Partial<Record<Reason, string>>> = {
  locked: 'Company mail is locked for this account or device.',
  unidentified: 'This device did not identify itself; set up mail with the profile your company provides.',
  unknown_device: 'This device is not known to device management.',
  stale: 'This device has not reported to device management for too long; open the management app on it.',
  noncompliant: 'This device does not meet company requirements.',
  grace: 'This device does not meet company requirements and will soon lose access to mail.',
  unknown_state: 'The state of this device is not known to device management.',
  fault_closed: 'Access cannot be checked right now; please try again later.',
}

/** One line of printable ASCII: both protocols carry it in a reply where anything else could break out. */
export function replyText(text: string): string {
  const line = text
    .normalize('NFKD')
    .replace(/\p{Mark}/gu, '')
    .replace(/\s+/g, ' ')
    .replace(/[^\x20-\x7e]/g, '?')
    .trim()
  return line.length <= MAX_TEXT ? line : `${line.slice(0, MAX_TEXT - 3)}...`
}

/** The standard sentence of a reason, and whom to ask. */
export const reasonText = (reason: Reason, contact: string): string =>
  replyText(`${SENTENCES[reason] ?? 'Access to mail is restricted.'} ${contact}`)

/** What a mandate tells its people; before the deadline, also when that is. */
export function mandateText(
  message: string,
  deadline: number | null,
  policy: Pick<Policy, 'contact'>,
): string {
  const by =
    deadline === null ? '' : ` (by ${new Date(deadline).toISOString().slice(0, 16).replace('T', ' ')} UTC)`
  return replyText(`${message}${by}. ${policy.contact}`)
}
