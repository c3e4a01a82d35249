import { setTimeout as sleep } from 'node:timers/promises'

import type { Fault, Happening } from './fault'
import type { Host } from './host'
import { KEYS } from './site'

const wait = ({ random }: Happening, from: number, to: number): Promise<void> =>
  sleep(random.between(from, to))

/** While its control process does not look, `change` is done to the log; then it must take a snapshot. */
async function behindTheBackOf(
  host: Host,
  happening: Happening,
  change: () => Promise<unknown>,
): Promise<void> {
  host.control.stop()
  await wait(happening, 100, 800)
  await change()
  await wait(happening, 100, 800)
  host.control.goOn()
  await host.untilTold(/^snapshot done/)
}

async function emptied(happening: Happening): Promise<void> {
  const { site } = happening
  await site.redis.client.flushall()
  for (const host of site.hosts) await host.untilProblem('store_lost')
  await wait(happening, 0, 3000)
  const host = await site.furthest()
  host.control.order('restore')
  await host.untilTold(/^restored/)
}

/** Redis comes back as it was a while ago. */
async function backupRestored(happening: Happening): Promise<void> {
  const { client } = happening.site.redis
  const keys = [KEYS.meta, KEYS.devices, KEYS.policies, KEYS.log]
  const reading = client.multi()
  for (const key of keys) reading.dumpBuffer(key)
  const dumps = (await reading.exec()) ?? []
  await wait(happening, 300, 1500)
  const restoring = client.multi()
  keys.forEach((key, i) => restoring.restore(key, 0, dumps[i]?.[1] as Buffer, 'REPLACE'))
  await restoring.exec()
}

/** One that no host has read stands there, and is read: its device is not let through; the next write mends it. */
async function recordDamaged(happening: Happening): Promise<void> {
  const { site, random } = happening
  const [a, b] = site.hosts
  const id = `victim-${random.between(0, 1_000_000)}`
  a.writer.order('allow', id)
  for (const host of site.hosts) host.watch(id)
  for (const host of site.hosts) await host.untilOutcome(id, 'allow')
  const { client } = site.redis
  await behindTheBackOf(b, happening, async () => {
    await client.hset(KEYS.devices, id, '{"id":')
    await client.xtrim(KEYS.log, 'MAXLEN', 0)
  })
  await b.untilOutcome(id, 'unavailable')
  a.writer.order('allow', id)
  for (const host of site.hosts) await host.untilOutcome(id, 'allow')
}

export const STORE_FAULTS: readonly Fault[] = [
  { name: 'Redis was emptied', happen: emptied },
  { name: 'a backup is restored', losesTail: true, happen: backupRestored },
  { name: 'a record is damaged', happen: recordDamaged },
  {
    name: 'the log is cut short behind a host',
    happen: (happening) =>
      behindTheBackOf(happening.site.hosts[0], happening, () =>
        happening.site.redis.client.xtrim(KEYS.log, 'MAXLEN', 0),
      ),
  },
  {
    name: 'the log is gone',
    happen: (happening) =>
      behindTheBackOf(happening.site.hosts[1], happening, () => happening.site.redis.client.del(KEYS.log)),
  },
  {
    name: 'something foreign lies in the log',
    happen: async (happening) => {
      await happening.site.redis.client.xadd(KEYS.log, '*', 'greeting', 'hello')
      await wait(happening, 100, 1000)
    },
  },
  {
    name: 'the head of the store is damaged, and mended',
    happen: async (happening) => {
      const { client } = happening.site.redis
      const found = await client.multi().hget(KEYS.meta, 'tip').hdel(KEYS.meta, 'tip').exec()
      await wait(happening, 300, 4000)
      await client.hset(KEYS.meta, 'tip', String(found?.[0]?.[1]))
    },
  },
  {
    name: 'a key of the store is of another type for a while',
    happen: async (happening) => {
      const { client } = happening.site.redis
      await client.multi().del(KEYS.hosts).set(KEYS.hosts, 'mine').exec()
      await wait(happening, 300, 4000)
      await client.del(KEYS.hosts)
    },
  },
  {
    name: 'Redis forgets its scripts',
    happen: async ({ site }) => {
      await site.redis.client.script('FLUSH')
    },
  },
  {
    name: 'a control process is killed in the middle of a snapshot',
    happen: async (happening) => {
      const [host] = happening.site.hosts
      const { client } = happening.site.redis
      await host.killAndStart(host.control, async () => {
        await wait(happening, 200, 600)
        await client.xtrim(KEYS.log, 'MAXLEN', 0)
      })
      await host.untilTold(/^snapshot: /)
      await host.killAndStart(host.control, () => wait(happening, 0, 500))
    },
  },
]
