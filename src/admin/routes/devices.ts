import type { FastifyInstance } from 'fastify'

import { devicePages } from '../../devices/every-device'
import { CorruptRecordError, type ReadStore } from '../../devices/store'
import { formatDeviceRecord } from '../../devices/record'
import { unlessDamaged } from '../../devices/unless-damaged'
import { formatEntry } from '../../journal/journal'
import { caseJson } from '../../lookup/case'
import { orderJson } from '../../lookup/order'
import { overrideJson } from '../../lookup/override'
import { deviceTimeline, person, syncJson } from '../../lookup/timeline'
import type { DeviceRecord } from '../../policy/device'
import { PLATFORMS, STATES, type ComplianceState, type Platform } from '../../policy/vocabulary'
import {
  caseSchema,
  deviceSchema,
  orderSchema,
  overrideSchema,
  pageOf,
  recentSchema,
  syncSchema,
} from '../answers'
import { cursorOf, placeOf } from '../cursor'
import type { AdminParts } from '../parts'
import { cursorParam, deviceAsked, limitParam, nameParam, userAsked } from '../query'
import { list, nullable, object, text } from '../schemas'

interface DeviceFilter {
  readonly prefix?: string
  readonly owner?: string
  readonly state?: ComplianceState
  readonly platform?: Platform
}

type DeviceQuery = DeviceFilter & { readonly limit: number; readonly cursor?: string }

/** Devices looked at for one page: some milliseconds. */
const LOOKED_AT = 2000
/** A person with more is shown the first ones. */
const MAX_OWNED = 1000

/** Devices in the order of their ids, and the id that was looked at last; null: there are no more. */
function devicePage(
  store: ReadStore,
  { prefix = '', owner, state, platform }: DeviceFilter,
  after: string | undefined,
  limit: number,
): { readonly found: DeviceRecord[]; readonly lookedTo: string | null } {
  const found: DeviceRecord[] = []
  const isWanted = (device: DeviceRecord): boolean =>
    (state === undefined || device.state === state) &&
    (platform === undefined || device.platform === platform) &&
    (owner === undefined || device.owners.includes(owner))
  const candidates = owner === undefined ? allFrom(store, prefix, after) : ownedFrom(store, owner, after)
  let lookedAt = 0
  for (const [id, device] of candidates) {
    if (!id.startsWith(prefix)) {
      if (owner !== undefined) continue
      return { found, lookedTo: null }
    }
    lookedAt += 1
    if (device && isWanted(device)) found.push(device)
    if (found.length >= limit || lookedAt >= LOOKED_AT) return { found, lookedTo: id }
  }
  return { found, lookedTo: null }
}

type Candidate = readonly [id: string, device: DeviceRecord | undefined]

const PAGE = 250

function* allFrom(store: ReadStore, prefix: string, after: string | undefined): Generator<Candidate> {
  // The device whose id is the prefix itself stands before those that begin with it.
  const exact = after === undefined && prefix !== '' ? unlessDamaged(() => store.device(prefix)) : undefined
  if (exact) yield [exact.id, exact]
  for (const page of devicePages(store, PAGE, after ?? (prefix === '' ? undefined : prefix)))
    for (const one of page) yield one instanceof CorruptRecordError ? [one.key, undefined] : [one.id, one]
}

function* ownedFrom(store: ReadStore, owner: string, after: string | undefined): Generator<Candidate> {
  for (const id of store.deviceIdsOf(owner, MAX_OWNED))
    if (after === undefined || id > after) yield [id, unlessDamaged(() => store.device(id))]
}

export function deviceRoutes(app: FastifyInstance, { site, store, now }: AdminParts): void {
  app.get<{ Querystring: DeviceQuery }>(
    '/api/v1/devices',
    {
      config: { role: 'viewer' },
      schema: {
        summary: 'Devices in the order of their ids',
        tags: ['look-ups'],
        querystring: object(
          {
            prefix: nameParam('What the ids begin with.'),
            owner: nameParam('A user name.'),
            state: { enum: STATES },
            platform: { enum: PLATFORMS },
            limit: limitParam(500, 100),
            cursor: cursorParam,
          },
          { optional: ['prefix', 'owner', 'state', 'platform', 'limit', 'cursor'] },
        ),
        response: {
          200: pageOf(deviceSchema, {
            searched_to: nullable(
              'string',
              'Where the page is not full, but there may be more: the id looked at last.',
            ),
          }),
        },
      },
    },
    ({ query: { limit, cursor, ...asked } }) => {
      const filter = {
        ...asked,
        ...(asked.owner !== undefined && { owner: userAsked('owner', asked.owner) }),
      }
      const { found, lookedTo } = devicePage(store, filter, placeOf('devices', filter, cursor), limit)
      return {
        items: found.map(formatDeviceRecord),
        next: lookedTo === null ? null : cursorOf('devices', filter, lookedTo),
        searched_to: found.length < limit ? lookedTo : null,
      }
    },
  )

  app.get<{ Params: { id: string } }>(
    '/api/v1/devices/:id',
    {
      config: { role: 'viewer' },
      schema: {
        summary: 'All that is known of one device',
        tags: ['look-ups'],
        params: object({ id: nameParam('A device id, percent-encoded.') }),
        response: {
          200: object({
            record: deviceSchema,
            case: caseSchema,
            overrides: list(overrideSchema),
            history: list(orderSchema),
            recent: list(recentSchema),
            synced: list(syncSchema),
          }),
        },
      },
    },
    async ({ params }) => {
      const found = await deviceTimeline(site, deviceAsked('id', params.id))
      return {
        record: formatDeviceRecord(found.record),
        case: caseJson(found.case, now()),
        overrides: found.overrides.map(overrideJson),
        history: found.history.map(orderJson),
        recent: found.recent.map(formatEntry),
        synced: found.synced.map(syncJson),
      }
    },
  )

  app.get<{ Params: { user: string } }>(
    '/api/v1/people/:user',
    {
      config: { role: 'viewer' },
      schema: {
        summary: 'All that is known of one person',
        tags: ['look-ups'],
        params: object({ user: nameParam('A user name, percent-encoded.') }),
        response: {
          200: object({
            user: text(''),
            devices: list(deviceSchema),
            overrides: list(overrideSchema),
            cases: list(caseSchema),
            history: list(orderSchema),
            recent: list(recentSchema),
            synced: list(syncSchema),
          }),
        },
      },
    },
    async ({ params }) => {
      const found = await person(site, userAsked('user', params.user))
      return {
        user: found.user,
        devices: found.devices.map(formatDeviceRecord),
        overrides: found.overrides.map(overrideJson),
        cases: found.cases.map((one) => caseJson(one, now())),
        history: found.history.map(orderJson),
        recent: found.recent.map(formatEntry),
        synced: found.synced.map(syncJson),
      }
    },
  )
}
