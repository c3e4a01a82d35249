import type { FastifyError } from 'fastify'

import { OvertakenError } from '../devices/order'
import { StoreProblem } from '../devices/redis/problem'
import { CorruptRecordError } from '../devices/store'
import { EnvironmentError } from '../lmdb/environment'
import { NoPolicyError, NotKnownError } from '../lookup/site'
import { GuardRefusal } from '../orders/guard-refusal'
import { NotHeldError } from '../orders/holds'
import { ApprovalRefusal } from '../orders/proposal'
import { RecallRefusal } from '../orders/recall'
import { ClientGone } from './gone'
import { notFound, Problem, refused } from './problem'

/** What is known of an error, as its answer; undefined: a fault of the server's own. */
export function problemOf(error: unknown): Problem | undefined {
  if (error instanceof Problem) return error
  if (error instanceof GuardRefusal) return guardProblem(error)
  if (error instanceof OvertakenError) return new Problem(409, 'overtaken', error.message)
  if ([RecallRefusal, ApprovalRefusal, NotHeldError].some((kind) => error instanceof kind))
    return refused((error as Error).message)
  if (error instanceof NotKnownError) return notFound(error.message)
  if (error instanceof NoPolicyError) return new Problem(503, 'no-policy', error.message)
  if (error instanceof ClientGone) return new Problem(499, 'gone', error.message)
  if (error instanceof EnvironmentError) return new Problem(503, 'store', error.message)
  if (error instanceof StoreProblem) return new Problem(503, 'store', error.message)
  if (error instanceof CorruptRecordError) return new Problem(500, 'damaged', error.message)
  return requestProblem(error as Partial<FastifyError>)
}

function guardProblem({ figure, needsSecond }: GuardRefusal): Problem {
  const { newlyBlocked, devices, bound } = figure
  const way = needsSecond
    ? 'The policy asks for a second person: propose it, and let somebody else approve it'
    : `If it is meant, send it again with "confirm": ${newlyBlocked}`
  return new Problem(
    409,
    'guard',
    `this would newly block ${newlyBlocked} of ${devices} devices, max_new_blocks allows ${bound}; ` +
      `nothing was changed. ${way}`,
    { newly_blocked: newlyBlocked, devices, bound, confirm: needsSecond ? null : newlyBlocked },
  )
}

const NO_JSON = [415, 'media-type', 'send JSON: the header content-type: application/json'] as const

const BY_CODE: Readonly<Record<string, readonly [status: number, code: string, detail: string]>> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: NO_JSON,
  FST_ERR_ROUTE_MISSING_CONTENT_TYPE: NO_JSON,
  FST_ERR_CTP_BODY_TOO_LARGE: [413, 'too-large', 'the body is too large'],
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: [400, 'malformed', 'the body is not as long as content-length says'],
  FST_ERR_CTP_INVALID_JSON_BODY: [400, 'malformed', 'the body is no JSON'],
  FST_ERR_BAD_URL: [400, 'malformed', 'the address is not percent-encoded as it should be'],
}

/** What the server itself found wrong with a request. Nothing of what was sent is in the answer. */
function requestProblem(error: Partial<FastifyError>): Problem | undefined {
  const known = BY_CODE[error.code ?? '']
  if (known) return new Problem(...known)
  const [first] = error.validation ?? []
  if (!first) return undefined
  const params = first.params as Readonly<Record<string, unknown>>
  const missing = params['missingProperty'] ?? params['additionalProperty']
  const place = first.instancePath.split('/').slice(1)
  const field = [...place, ...(typeof missing === 'string' ? [missing.slice(0, 64)] : [])].join('.')
  return new Problem(
    400,
    'malformed',
    `${partName(error.validationContext)}${told(first, params)}`,
    field === '' ? {} : { field },
  )
}

const partName = (context: string | undefined): string =>
  context === 'querystring' ? 'a parameter ' : context === 'params' ? 'a part of the address ' : 'the body '

type Fault = NonNullable<FastifyError['validation']>[number]

function told(
  { keyword, message, parentSchema }: Fault & { parentSchema?: unknown },
  params: Fault['params'],
): string {
  const { title } = (parentSchema ?? {}) as { readonly title?: string }
  switch (keyword) {
    case 'required':
      return 'lacks a field'
    case 'additionalProperties':
      return 'is not known here'
    case 'enum':
      return `must be one of ${(params['allowedValues'] as unknown[]).join(', ')}`
    case 'pattern':
    case 'format':
      return `must be ${title ?? 'of another form'}`
    default:
      return title === undefined ? (message ?? 'is not valid') : `must be ${title}`
  }
}
