import { json, LocalSource, type Answer, type SeenRequest } from '../local-source'
import { AT } from '../../devices/samples'

export type ManagedDevice = Readonly<Record<string, unknown>> & { readonly id: string }

export interface DetectedApp {
  readonly id: string
  readonly displayName: string
  /** Ids of the managed devices that have it. */
  readonly on: readonly string[]
}

export const TENANT = 'example.onmicrosoft.com'
export const CLIENT = '11111111-2222-3333-4444-555555555555'
export const SECRET = 'client~secret/of+intune'

const V1 = '/v1.0/deviceManagement/'

/** As Graph v1.0 gives it; what the feed has no use for is there too. */
export const managedDevice = (id: string, change: object = {}): ManagedDevice => ({
  id,
  userId: 'aaaaaaaa-0000-0000-0000-000000000000',
  deviceName: 'Anna’s iPhone',
  managedDeviceOwnerType: 'company',
  enrolledDateTime: '2025-01-01T00:00:00Z',
  lastSyncDateTime: new Date(AT - 3_600_000).toISOString(),
  operatingSystem: 'iOS',
  complianceState: 'compliant',
  complianceGracePeriodExpirationDateTime: '9999-12-31T23:59:59.9999999Z',
  jailBroken: 'False',
  managementAgent: 'mdm',
  osVersion: '26.1',
  deviceEnrollmentType: 'appleBulkWithUser',
  azureADDeviceId: `aad-${id}`,
  serialNumber: `SN${id}`,
  userPrincipalName: 'Anna@Example.com',
  emailAddress: 'anna@example.com',
  ...change,
})

export const managedDevices = (count: number, change: object = {}): ManagedDevice[] =>
  Array.from({ length: count }, (_, i) => managedDevice(`d-${i}`, change))

/**
 * Login and Graph on one loopback port, as documented: client credentials, `$select`, `$top`, pages by an opaque
 * `@odata.nextLink`, errors in Graph's form. Anybody but the one client, and a token that was not given or is taken
 * back, is refused.
 */
export class IntuneServer {
  devices: readonly ManagedDevice[] = []
  apps: readonly DetectedApp[] = []
  /** The most that a page has, whatever is asked for. */
  pageSize = 1000
  /** Says otherwise for one request; undefined: as usual. Is asked before anything else. */
  fault: (request: SeenRequest) => Answer | undefined = () => undefined
  /** Says what the link to the next page is. */
  link: (next: string, page: number) => unknown = (next) => next
  /** Is told before each page of devices, counted from 0. */
  onPage: (page: number) => void = () => undefined
  tokens = 0
  readonly #valid = new Set<string>()

  private constructor(readonly source: LocalSource) {}

  static async start(): Promise<IntuneServer> {
    const server: IntuneServer = new IntuneServer(
      await LocalSource.start((request) => server.#answer(request)),
    )
    return server
  }

  get settings(): Record<string, unknown> {
    const { url } = this.source
    return { tenant: TENANT, client_id: CLIENT, device_id: 'id', apps: [], login_url: url, graph_url: url }
  }

  /** As when they end: all that were given are refused. */
  endTokens(): void {
    this.#valid.clear()
  }

  #answer(request: SeenRequest): Answer {
    const fault = this.fault(request)
    if (fault) return fault
    const { pathname } = request.url
    if (pathname === `/${TENANT}/oauth2/v2.0/token`) return this.#token(request)
    if (!this.#valid.has(request.headers.authorization?.replace('Bearer ', '') ?? ''))
      return graphError(
        401,
        'InvalidAuthenticationToken',
        'Lifetime validation failed, the token is expired.',
      )
    const [, app] = /^\/v1\.0\/deviceManagement\/detectedApps\/([^/]+)\/managedDevices$/.exec(pathname) ?? []
    if (app !== undefined) return this.#installed(request, decodeURIComponent(app))
    if (pathname === `${V1}detectedApps`) return this.#page(request, this.apps)
    if (pathname !== `${V1}managedDevices`) return graphError(404, 'ResourceNotFound', 'Resource not found')
    this.onPage(Number(request.url.searchParams.get('$skiptoken') ?? 0) / this.pageSize)
    return this.#page(request, this.devices)
  }

  #token({ method, headers, body }: SeenRequest): Answer {
    const form = new URLSearchParams(body)
    const isForm = method === 'POST' && headers['content-type'] === 'application/x-www-form-urlencoded'
    const isClient = form.get('client_id') === CLIENT && form.get('client_secret') === SECRET
    const isScope = form.get('scope') === `${this.source.url}/.default`
    if (!isForm || !isScope || form.get('grant_type') !== 'client_credentials') return { status: 400 }
    if (!isClient)
      return refusal(401, {
        error: 'invalid_client',
        error_description: 'AADSTS7000215: Invalid client secret provided.',
        error_codes: [7000215],
      })
    this.tokens += 1
    this.#valid.add(`token-${this.tokens}`)
    return json({ token_type: 'Bearer', expires_in: 3599, access_token: `token-${this.tokens}` })
  }

  #installed(request: SeenRequest, id: string): Answer {
    const app = this.apps.find((one) => one.id === id)
    if (!app) return graphError(404, 'ResourceNotFound', 'Resource not found')
    return this.#page(
      request,
      this.devices.filter((device) => app.on.includes(device.id)),
    )
  }

  #page({ url }: SeenRequest, all: readonly object[]): Answer {
    const fields = url.searchParams.get('$select')?.split(',')
    const size = Math.min(Number(url.searchParams.get('$top') ?? Infinity), this.pageSize)
    const from = Number(url.searchParams.get('$skiptoken') ?? 0)
    const next = new URL(url)
    next.searchParams.set('$skiptoken', String(from + size))
    return json({
      '@odata.context': `${this.source.url}/v1.0/$metadata`,
      value: all.slice(from, from + size).map((one) => selected(one, fields)),
      ...(from + size < all.length && { '@odata.nextLink': this.link(next.href, from / size) }),
    })
  }
}

const selected = (object: object, fields: readonly string[] | undefined): object =>
  Object.fromEntries(Object.entries(object).filter(([key]) => fields === undefined || fields.includes(key)))

const refusal = (status: number, body: object): Answer => ({ status, body: JSON.stringify(body) })

export const graphError = (status: number, code: string, message: string): Answer =>
  refusal(status, {
    error: { code, message, innerError: { 'request-id': 'r', date: '2026-11-20T08:00:00' } },
  })
