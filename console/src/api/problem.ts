/** What the guard says when an order would newly block too many. */
export interface GuardFigure {
  readonly newlyBlocked: number
  readonly devices: number
  readonly bound: number
  /** How it may pass after all: `null` when only a second person can let it. */
  readonly confirm: number | null
}

/** An answer that is not what was asked for, as the server's problem document says it (RFC 9457). */
export class Problem extends Error {
  override readonly name = 'Problem'
  constructor(
    readonly status: number,
    readonly title: string,
    readonly detail: string,
    /** The part of the request that is wrong. */
    readonly field: string | null,
    readonly guard: GuardFigure | null,
  ) {
    super(detail || title)
  }
}

const unreached = (further: string): Problem =>
  new Problem(
    0,
    'The gate does not answer',
    `The gate does not answer. Is Haraka running, and is this computer still connected? ${further}`,
    null,
    null,
  )
/** The server cannot be reached at all. */
export const UNREACHED = unreached('This page tries again by itself.')
export const ORDER_UNREACHED = unreached(
  'Whether this was done is not known: look at the audit page before you send it again.',
)

/** The server understood, and says the same to who asks again. */
export const isRefused = (problem: Problem | undefined): boolean =>
  problem !== undefined && problem.status >= 400 && problem.status < 500 && problem.status !== 429

type Fields = Partial<Record<string, unknown>>

const text = (value: unknown): string => (typeof value === 'string' ? value : '')
const number = (value: unknown): number | undefined => (typeof value === 'number' ? value : undefined)

export async function problemOf(response: Response): Promise<Problem> {
  const fields = (await response.json().catch(() => ({}))) as Fields
  const title = text(fields['title']) || `The gate answered ${response.status}`
  const field = text(fields['field']) || null
  return new Problem(response.status, title, text(fields['detail']), field, guardOf(response.status, fields))
}

function guardOf(status: number, fields: Fields): GuardFigure | null {
  const newlyBlocked = number(fields['newly_blocked'])
  if (status !== 409 || newlyBlocked === undefined) return null
  return {
    newlyBlocked,
    devices: number(fields['devices']) ?? 0,
    bound: number(fields['bound']) ?? 0,
    confirm: number(fields['confirm']) ?? null,
  }
}

/** What went wrong, whatever was thrown. */
export const asProblem = (error: unknown): Problem =>
  error instanceof Problem
    ? error
    : new Problem(0, 'This page failed', error instanceof Error ? error.message : String(error), null, null)
