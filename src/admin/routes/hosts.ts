import os from 'node:os'
import type { FastifyInstance } from 'fastify'

import { isoTime } from '../../lookup/site'
import { VERSION } from '../../config/version'
import { openSessionsIn } from '../../journal/worker-notes'
import { fleetStatus, hostsJson } from '../../lookup/fleet-status'
import { modeFacts } from '../../lookup/mode'
import { hostSchema } from '../answers'
import type { AdminParts } from '../parts'
import { list, nullable, object, text } from '../schemas'

export function hostRoutes(app: FastifyInstance, { site, fleet, now }: AdminParts): void {
  app.get(
    '/api/v1/hosts',
    {
      config: { role: 'viewer', quiet: true },
      schema: {
        summary: 'Every host of the fleet, and how it is; this one alone where the store is embedded',
        tags: ['look-ups'],
        response: {
          200: object({
            store: text('Where the store is.'),
            problem: nullable('string', 'Why the hosts cannot be told.'),
            items: list(hostSchema),
            next: { type: 'null' },
          }),
        },
      },
    },
    async () => {
      if (!fleet) return { store: 'embedded', problem: null, items: [thisHost()], next: null }
      const { place, problem, hosts } = await fleetStatus(fleet)
      return { store: place, problem, items: hostsJson(hosts, now()), next: null }
    },
  )

  const thisHost = (): object => {
    const workers = site.workers()
    return {
      id: os.hostname(),
      host: os.hostname(),
      standing: 'well',
      lag: 0,
      last_heard: isoTime(now()),
      version: VERSION,
      policy_version: modeFacts(site).policyVersion,
      lease_valid: true,
      set_aside: 0,
      workers: workers.length,
      sessions: openSessionsIn(workers),
      journal_waiting: 0,
      journal_lost: 0,
      running_since: isoTime(now() - process.uptime() * 1000),
    }
  }
}
