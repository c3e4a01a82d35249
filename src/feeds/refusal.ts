import { SET_ERROR_CODES } from './caep/set-error'

/** Why what came in for a feed does not count: in the words of RFC 8935, where it has one. */
export const REFUSALS = [...SET_ERROR_CODES, 'other'] as const
export type Refusal = (typeof REFUSALS)[number]

/** What an answer's status says of a request that no kind has said more about. */
export const refusalsOf = (status: number): readonly Refusal[] =>
  status < 400 ? [] : [status === 401 ? 'authentication_failed' : 'other']
