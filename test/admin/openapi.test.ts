import assert from 'node:assert/strict'
import { Ajv, type ValidateFunction } from 'ajv'

import { adminSite, type CallAnswer } from './admin-site'
import { POLICY, seed } from './samples'

interface Operation {
  readonly 'x-role': string
  readonly responses: Readonly<Record<string, { readonly content?: Record<string, { schema: object }> }>>
}

interface Document {
  readonly openapi: string
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
}

const EDIT = `${POLICY}grace: block\n`

/** One call of every route that answers with JSON, in an order in which each has something to do. */
const CALLS: readonly (readonly [
  method: string,
  route: string,
  path?: string | undefined,
  body?: unknown,
])[] = [
  ['get', '/api/v1/session'],
  ['get', '/api/v1/overview'],
  ['get', '/api/v1/why', '/api/v1/why?user=anna@example.com'],
  ['get', '/api/v1/why', '/api/v1/why?device=anna-phone'],
  ['get', '/api/v1/why', '/api/v1/why?decision=vazfrtij'],
  ['get', '/api/v1/blocks', '/api/v1/blocks?limit=2'],
  ['get', '/api/v1/blocks', '/api/v1/blocks?fold=true&user=Anna@Example.com&since=2020-01-01T00:00:00Z'],
  ['get', '/api/v1/devices', '/api/v1/devices?limit=1'],
  ['get', '/api/v1/devices/{id}', '/api/v1/devices/anna-phone'],
  ['get', '/api/v1/people/{user}', '/api/v1/people/anna@example.com'],
  [
    'post',
    '/api/v1/overrides',
    undefined,
    { kind: 'exemption', subject: { kind: 'device', id: 'anna-phone' }, hours: 4, reason: 'travels' },
  ],
  ['get', '/api/v1/overrides'],
  ['get', '/api/v1/devices/{id}', '/api/v1/devices/anna-phone'],
  [
    'delete',
    '/api/v1/overrides',
    undefined,
    { kind: 'exemption', subject: { kind: 'device', id: 'anna-phone' }, reason: 'is back', confirm: 1 },
  ],
  ['post', '/api/v1/mode', undefined, { mode: 'monitor', reason: 'to see' }],
  ['post', '/api/v1/policy/check', undefined, { text: EDIT }],
  ['post', '/api/v1/policy/check', undefined, { text: 'mode: nonsense' }],
  ['post', '/api/v1/policy/what-if', undefined, { text: EDIT }],
  ['post', '/api/v1/policy/apply', undefined, { text: EDIT, reason: 'stricter' }],
  [
    'post',
    '/api/v1/policy/propose',
    undefined,
    { text: `${EDIT}stale: { after: 3d }\n`, reason: 'stricter still' },
  ],
  ['get', '/api/v1/overview'],
  ['get', '/api/v1/policy'],
  ['get', '/api/v1/policy/versions', '/api/v1/policy/versions?limit=1'],
  ['get', '/api/v1/policy/versions/{version}', '/api/v1/policy/versions/2'],
  ['post', '/api/v1/recall', undefined, { reason: 'too strict' }],
  ['post', '/api/v1/mode', undefined, { mode: 'policy', reason: 'seen', confirm: 1 }],
  ['get', '/api/v1/overview'],
  ['get', '/api/v1/hosts'],
  ['get', '/api/v1/audit', '/api/v1/audit?limit=2'],
  ['get', '/api/v1/audit/verify'],
  ['get', '/healthz'],
  ['get', '/readyz'],
]

/** These answer with something else, or have tests of their own. */
const NOT_CALLED = [
  'get /api/v1/blocks/export',
  'get /api/v1/blocks/live',
  'get /metrics',
  'post /api/v1/session',
  'delete /api/v1/session',
  'post /api/v1/policy/approve',
  'post /api/v1/policy/confirm',
  'post /api/v1/policy/unpin',
]

describe('the OpenAPI document', () => {
  const site = adminSite({ policy: POLICY, hostConfig: 'policy: { source: fleet }' })
  let document: Document
  before(async () => {
    await seed(site())
    document = (await site().call('GET', '/api/v1/openapi.json')).json as unknown as Document
  })

  const operation = (method: string, route: string): Operation => {
    const found = document.paths[route]?.[method]
    assert.ok(found, `${method} ${route} is not in the document`)
    return found
  }

  it('says who may call each route, and what a refusal looks like', () => {
    assert.equal(document.openapi, '3.1.0')
    for (const [route, methods] of Object.entries(document.paths))
      for (const [method, { 'x-role': role, responses }] of Object.entries(methods)) {
        assert.match(role, /^(anyone|viewer|operator|approver)$/, `${method} ${route}`)
        assert.ok(responses['default']?.content?.['application/problem+json'], `${method} ${route}`)
      }
  })

  it('knows of no route that is not tested here or by its own test', () => {
    const called = new Set([...CALLS.map(([method, route]) => `${method} ${route}`), ...NOT_CALLED])
    const known = Object.entries(document.paths).flatMap(([route, methods]) =>
      Object.keys(methods).map((method) => `${method} ${route}`),
    )
    assert.deepEqual([...called].sort(), known.sort())
  })

  const holds = (method: string, route: string, { status, json, text }: CallAnswer): void => {
    const validate = validator(operation(method, route).responses[String(status)]?.content)
    assert.ok(validate(json), `${method} ${route}: ${JSON.stringify(validate.errors)} in ${text}`)
  }

  for (const [method, route, path = route, body] of CALLS)
    it(`holds ${method.toUpperCase()} ${path}`, async () => {
      const token = site().token('approver')
      const answer = await site().call(method.toUpperCase(), path, { token, body })
      assert.equal(answer.status, 200, answer.text)
      holds(method, route, answer)
    })

  it('holds a refusal', async () => {
    const answer = await site().call('GET', '/api/v1/overview')
    assert.equal(answer.headers['content-type'], 'application/problem+json')
    const { content } = operation('get', '/api/v1/overview').responses['default'] ?? {}
    const validate = validator(content)
    assert.ok(validate(answer.json), JSON.stringify(validate.errors))
  })
})

function validator(content: Record<string, { schema: object }> | undefined): ValidateFunction {
  const [media] = Object.values(content ?? {})
  assert.ok(media, 'no schema')
  return new Ajv({ allErrors: true, formats: { 'date-time': /^\d{4}-\d\d-\d\dT[\d:.]+Z$/ } }).compile(
    // Properties that are not listed are refused: nothing may leak.
    media.schema,
  )
}
