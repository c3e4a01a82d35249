import type { Outcome, Reason } from '../policy/vocabulary'

/**
 * What kept a login from the site's IMAP server. `login_disabled`: it wants TLS first (`imap.upstream.tls`).
 * `protocol`: it does not speak IMAP as we know it.
 */
export const UPSTREAM_PROBLEMS = [
  'connect',
  'timeout',
  'tls',
  'protocol',
  'closed',
  'login_disabled',
] as const
export type UpstreamProblem = (typeof UPSTREAM_PROBLEMS)[number]

/**
 * How an IMAP login ended. `refused`: by the gate. `wrong_password`: by the site's server. `wrong_tag`: the tag of a
 * device does not verify. `wrong_token`: an OAuth token is not what `identity.oauth` asks for. `unavailable`: the site's
 * server could not be asked.
 */
export const LOGIN_RESULTS = [
  'accepted',
  'refused',
  'wrong_password',
  'wrong_tag',
  'wrong_token',
  'unavailable',
] as const
export type LoginResult = (typeof LOGIN_RESULTS)[number]

/**
 * What was wrong with the PROXY header of a connection from `imap.proxy_networks`. `missing`: something else came.
 * `incomplete`: the connection ended in its midst. `late`: it was not there within `imap.limits.login_s`.
 */
export const PROXY_HEADER_PROBLEMS = ['missing', 'malformed', 'incomplete', 'late'] as const
export type ProxyHeaderProblem = (typeof PROXY_HEADER_PROBLEMS)[number]

/**
 * What an OAuth token was found to be. `device`: it names one. `no_device`: it is good and names none. `unknown_key`,
 * `no_keys`: it could not be checked.
 */
export const TOKEN_RESULTS = ['device', 'no_device', 'wrong', 'unknown_key', 'no_keys'] as const
export type TokenResult = (typeof TOKEN_RESULTS)[number]

/**
 * What a client certificate was found to be, at a login. `device`: of one. `no_device`: it names none and is not
 * registered. `unverified`: it has ended, is not valid yet, or is of another CA. `unreadable`: its registration is.
 */
export const CERTIFICATE_RESULTS = ['device', 'no_device', 'unverified', 'unreadable'] as const
export type CertificateResult = (typeof CERTIFICATE_RESULTS)[number]

/** What must be so for a host to be ready. */
export const CHECKS = ['replica', 'policy', 'workers', 'imap', 'lease'] as const
export type Check = (typeof CHECKS)[number]

/** What becomes of a record that a feed brings. `unknown`: news about a device that nobody reported. */
export const RECORD_OUTCOMES = ['applied', 'unchanged', 'older', 'held', 'unknown', 'bad'] as const

/** Why an event is refused that came in for a feed, in the words of RFC 8935. */
export const EVENT_REFUSALS = [
  'invalid_request',
  'invalid_key',
  'invalid_issuer',
  'invalid_audience',
  'authentication_failed',
  'access_denied',
  'other',
] as const

/** The outcomes that each reason can give: their series are there before the first of them happens. */
export const OUTCOMES_OF: Readonly<Record<Reason, readonly Outcome[]>> = {
  break_glass: ['allow'],
  mode_off: ['allow'],
  exempt_network: ['allow'],
  locked: ['block'],
  exempted: ['allow'],
  unidentified: ['allow', 'block'],
  unknown_device: ['allow', 'warn', 'block'],
  stale: ['allow', 'warn', 'block'],
  mandate_warning: ['warn'],
  mandate_deadline: ['block'],
  mandate_unseen: ['warn', 'block'],
  attested: ['allow'],
  noncompliant: ['allow', 'warn', 'block'],
  grace: ['allow', 'warn', 'block'],
  unknown_state: ['allow', 'warn', 'block'],
  compliant: ['allow'],
  fault_closed: ['unavailable'],
  fault_open: ['allow'],
}
