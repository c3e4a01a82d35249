/** Why a SET is refused, in the words of RFC 8935 section 2.4. */
export const SET_ERROR_CODES = [
  'invalid_request',
  'invalid_key',
  'invalid_issuer',
  'invalid_audience',
  'authentication_failed',
  'access_denied',
] as const
export type SetErrorCode = (typeof SET_ERROR_CODES)[number]

/** Told to the transmitter: nothing of what it sent is in the description. */
export class SetError extends Error {
  override readonly name = 'SetError'
  constructor(
    readonly code: SetErrorCode,
    description: string,
  ) {
    super(description)
  }
}
