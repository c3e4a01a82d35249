import { execFileSync } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'

import type { Fault, Happening } from './fault'
import type { Host } from './host'
import { STORE_FAULTS } from './store-faults'

const anyHost = ({ site, random }: Happening): Host => site.hosts[random.between(0, 2)] ?? site.hosts[0]
const wait = ({ random }: Happening, from: number, to: number): Promise<void> =>
  sleep(random.between(from, to))

async function redisKilled(happening: Happening): Promise<void> {
  const { redis } = happening.site
  await redis.kill()
  await wait(happening, 50, 2500)
  await redis.start()
}

async function redisStopped(happening: Happening): Promise<void> {
  const { redis } = happening.site
  redis.freeze()
  await wait(happening, 500, 6500)
  redis.thaw()
}

const partKilled =
  (which: 'control' | 'writer' | 'decider') =>
  async (happening: Happening): Promise<void> => {
    const host = anyHost(happening)
    await wait(happening, 0, 300)
    await host.killAndStart(host[which], () => wait(happening, 0, 1500))
  }

const partStopped =
  (which: 'control' | 'writer') =>
  async (happening: Happening): Promise<void> => {
    const part = anyHost(happening)[which]
    part.stop()
    await wait(happening, 500, 8500)
    part.goOn()
  }

async function cut(happening: Happening, hosts: readonly Host[], how: 'block' | 'close'): Promise<void> {
  for (const { way } of hosts) way[how]()
  await wait(happening, 500, 8500)
  for (const { way } of hosts) way.open()
}

async function hostKilled(happening: Happening, host = anyHost(happening)): Promise<void> {
  await Promise.all(host.parts.map((part) => host.killAndStart(part, () => wait(happening, 0, 1000))))
}

async function linksCut({ site }: Happening): Promise<void> {
  await site.redis.client.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
}

/** A setting of the server that keeps it from its work, and what it is normally; hosts say so in their word. */
const setting =
  (key: string, bad: string, good: string, problem: string) =>
  async (happening: Happening): Promise<void> => {
    const { client } = happening.site.redis
    await client.config('SET', key, bad)
    await linksCut(happening)
    for (const host of happening.site.hosts) await host.untilProblem(problem)
    await wait(happening, 0, 4000)
    await client.config('SET', key, good)
  }

/** No file of the process may grow or change any more. */
async function diskFull(happening: Happening): Promise<void> {
  const host = anyHost(happening)
  const { pid } = host.control
  const limit = (octets: string): unknown =>
    execFileSync('prlimit', ['--pid', String(pid), `--fsize=${octets}:`])
  limit('0')
  await host.untilProblem('replica')
  await wait(happening, 0, 5000)
  limit('unlimited')
}

const HOST_FAULTS: readonly Fault[] = [
  { name: 'Redis is killed', happen: redisKilled },
  {
    name: 'Redis is killed twice in a row',
    happen: async (happening) => {
      await redisKilled(happening)
      await redisKilled(happening)
    },
  },
  { name: 'Redis is stopped, and goes on', happen: redisStopped },
  {
    name: 'Redis is slow',
    happen: async ({ site, random }) => {
      for (let i = 0; i < 4; i += 1) {
        await site.redis.client.call('CLIENT', 'PAUSE', random.between(100, 1200), 'ALL')
        await sleep(random.between(50, 300))
      }
    },
  },
  { name: 'all connections are cut', happen: linksCut },
  {
    name: 'connections are cut again and again',
    happen: async (happening) => {
      for (let i = 0; i < 8; i += 1) {
        await linksCut(happening)
        await wait(happening, 10, 300)
      }
    },
  },
  {
    name: 'a host is cut off: refused',
    happen: (happening) => cut(happening, [anyHost(happening)], 'close'),
  },
  {
    name: 'a host is cut off: silence',
    happen: (happening) => cut(happening, [anyHost(happening)], 'block'),
  },
  {
    name: 'all hosts are cut off: silence',
    happen: (happening) => cut(happening, happening.site.hosts, 'block'),
  },
  { name: 'a control process is killed', happen: partKilled('control') },
  { name: 'a control process is stopped, and goes on', happen: partStopped('control') },
  { name: 'a writer is killed', happen: partKilled('writer') },
  { name: 'a writer is stopped, and goes on', happen: partStopped('writer') },
  { name: 'a worker is killed', happen: partKilled('decider') },
  { name: 'a whole host is killed', happen: (happening) => hostKilled(happening) },
  {
    name: 'all hosts and Redis are killed',
    happen: async (happening) => {
      await Promise.all([
        redisKilled(happening),
        ...happening.site.hosts.map((host) => hostKilled(happening, host)),
      ])
    },
  },
  {
    name: 'Redis and a control process are killed',
    happen: (happening) => Promise.all([redisKilled(happening), partKilled('control')(happening)]),
  },
  {
    name: 'one host is cut off while a writer is killed on another',
    happen: async (happening) => {
      const [a, b] = happening.site.hosts
      await Promise.all([
        cut(happening, [a], 'block'),
        b.killAndStart(b.writer, () => wait(happening, 0, 1500)),
      ])
    },
  },
  {
    name: 'Redis is stopped while a control process is killed',
    happen: (happening) => Promise.all([redisStopped(happening), partKilled('control')(happening)]),
  },
  { name: 'Redis is out of memory', happen: setting('maxmemory', '1', '0', 'out_of_memory') },
  { name: 'Redis lacks its replicas', happen: setting('min-replicas-to-write', '1', '0', 'no_writes') },
  { name: 'the password is another', happen: setting('requirepass', 'other', '', 'refused') },
  {
    name: 'Redis is a replica for a while',
    happen: async (happening) => {
      const { client } = happening.site.redis
      await client.replicaof('127.0.0.1', 1)
      await wait(happening, 300, 5000)
      await client.replicaof('NO', 'ONE')
    },
  },
  { name: 'the disk of a host is full', happen: diskFull },
]

/** Every fault that the suite knows; each is mended within some seconds. */
export const FAULTS: readonly Fault[] = [...HOST_FAULTS, ...STORE_FAULTS]

/** One of each kind, for every day. */
export const SHORT: readonly string[] = [
  'Redis is killed',
  'Redis is stopped, and goes on',
  'a host is cut off: silence',
  'a control process is killed',
  'a whole host is killed',
  'Redis was emptied',
  'a backup is restored',
  'a record is damaged',
]
