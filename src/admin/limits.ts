/** What one client, and all of them together, can take of the process that also looks after the mail. */
export const LIMITS = {
  /** Open connections; browsers hold up to six, and one for the live list. */
  connections: 1000,
  headerOctets: 16_384,
  bodyOctets: 65_536,
  /** A policy text. */
  policyBodyOctets: 1_048_576,
  /** A form with one field. */
  formOctets: 1024,
  /** From one address, behind which many people may be. */
  linkRequestsPerMinute: 300,
  /** That wait for those before them. */
  waitingStatements: 500,
  /** For headers to come, and for a whole request. */
  headersMs: 10_000,
  requestMs: 30_000,
  keepAliveMs: 10_000,
  /** Of a path's part: a device id, percent-encoded. */
  paramChars: 4096,
} as const
