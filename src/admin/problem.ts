import { STATUS_CODES } from 'node:http'

/** Figures that go with a refusal, for programs. */
export interface ProblemParts {
  /** The parameter or part of the body that is wrong. */
  readonly field?: string
  readonly newly_blocked?: number
  readonly devices?: number
  readonly bound?: number
  /** What `confirm` has to be for it to pass; null: only another person lets it pass. */
  readonly confirm?: number | null
  readonly problems?: readonly { readonly line: number; readonly column: number; readonly problem: string }[]
}

/** An answer that is a "no" (RFC 9457): `detail` says what to mend, for people. */
export class Problem extends Error {
  override readonly name = 'Problem'
  constructor(
    readonly status: number,
    /** Tells the kinds of one status apart. */
    readonly code: string,
    readonly detail: string,
    readonly parts: ProblemParts = {},
  ) {
    super(detail)
  }
}

export const PROBLEM_TYPE = 'application/problem+json'

export const problemDocument = ({ status, code, detail, parts }: Problem): object => ({
  type: `urn:device-gate:problem:${code}`,
  title: STATUS_CODES[status] ?? 'Error',
  status,
  detail,
  ...parts,
})

export const notFound = (detail: string): Problem => new Problem(404, 'not-found', detail)
export const refused = (detail: string): Problem => new Problem(409, 'refused', detail)
export const malformed = (field: string, detail: string): Problem =>
  new Problem(400, 'malformed', detail, { field })
