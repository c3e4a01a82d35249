/** Writes device records into the fleet's store without end: `writer-process.ts DIR URL NAME LEASE_MS SEED`. */
import { setTimeout as sleep } from 'node:timers/promises'

import { Fleet } from '../../src/devices/redis/fleet'
import { StoreProblem } from '../../src/devices/redis/problem'
import type { DeviceRecord } from '../../src/policy/device'
import { redisTarget } from '../devices/redis/fleet-host'
import { record } from '../devices/samples'
import { onOrder, tell } from './lines'
import { Random } from './random'

const DEVICES = 60
const [dir = '', url = '', name = '', leaseMs = '', seed = ''] = process.argv.slice(2)
const random = new Random(Number(seed))
const fleet = Fleet.open({
  stateDir: dir,
  target: redisTarget(url),
  keyPrefix: 'dg:',
  leaseMs: Number(leaseMs),
  hostName: name,
  now: Date.now,
  alone: false,
})

/** Grows over restarts of this process too. */
let version = Date.now() * 1000
const ordered: { readonly id: string; readonly state: DeviceRecord['state'] }[] = []
let paused = false

onOrder((word, id) => {
  if (word === 'block') ordered.push({ id, state: 'noncompliant' })
  else if (word === 'allow') ordered.push({ id, state: 'compliant' })
  else paused = word === 'pause'
})

/** Tells of each write before it is tried, and what became of it. */
async function write(ids: readonly string[], state: DeviceRecord['state']): Promise<boolean> {
  version += 1
  const owners = (id: string): string[] => [`${id}@example.com`]
  const records = ids.map((id) => record({ id, owners: owners(id), state, version, evidenceAt: Date.now() }))
  tell('try', version, state, ...ids)
  try {
    await fleet.store.putDevices(records)
    tell('ack', version, fleet.store.newestWrite?.n ?? 0, Date.now())
    return true
  } catch (error) {
    if (!(error instanceof StoreProblem)) throw error
    tell(error.maybeDone ? 'maybe' : 'never', version, error.kind)
    return false
  }
}

async function main(): Promise<void> {
  tell('ready')
  let toldPaused = false
  for (;;) {
    const next = ordered[0]
    if (next || !paused) toldPaused = false
    if (next) {
      if (await write([next.id], next.state)) ordered.shift()
    } else if (paused) {
      if (!toldPaused) tell('paused')
      toldPaused = true
    } else {
      const ids = Array.from({ length: random.between(1, 8) }, () => `${name}-${random.between(0, DEVICES)}`)
      await write([...new Set(ids)], random.next() < 0.5 ? 'compliant' : 'noncompliant')
    }
    await sleep(random.between(2, 15))
  }
}

void main()
