/**
 * How soon a change is live: real Haraka with two workers, and in each of them an authenticated connection
 * that asks for a decision again and again. The clock runs from the call that writes until the last worker
 * has decided anew, the disk's part and the dialogue's included.
 */
import path from 'node:path'

import { LmdbStore } from '../src/devices/lmdb-store'
import { deviceLine } from '../test/support/device-line'
import { HarakaSite } from '../test/support/haraka-site'
import { WorkerProbe } from '../test/support/worker-probe'
import { parseDeviceRecord } from '../src/devices/record'
import { printLatency } from './figure'

const BENCH = 'invalidation'
const USER = 'anna@example.com'
const PHONE = 'anna-phone'
const STORE_CHANGES = 300
const FILE_EDITS = 40
/** So that changes do not keep step with the workers' polling. */
const MAX_PAUSE_MS = 25
const [BLOCKS, ALLOWS] = ['mode: enforce\nnoncompliant: block\n', 'mode: enforce\nnoncompliant: allow\n']

interface Change {
  readonly name: string
  readonly count: number
  readonly atMostMs: number
  /** Makes the phone blocked, or not. */
  readonly make: (blocked: boolean) => unknown
}

async function main(): Promise<void> {
  const site = await HarakaSite.create({
    nodes: 2,
    policy: BLOCKS,
    upstreamPort: 9,
    users: { [USER]: 'secret' },
  })
  try {
    await site.run('tag', 'rotate')
    await site.run('device', 'put', deviceLine({ id: PHONE, state: 'noncompliant' }))
    await site.start()
    const probes = await WorkerProbe.inEach(site, { user: await site.tag(USER, PHONE), pass: 'secret' })
    const store = LmdbStore.open(path.join(site.dir, 'var'))
    for (const change of changes(site, store)) await measure(change, probes)
    await store.close()
    for (const probe of probes) probe.close()
  } finally {
    await site.remove()
  }
}

function changes(site: HarakaSite, store: LmdbStore): Change[] {
  let version = 1
  const by = { author: 'bench', reason: 'bench', at: Date.now() }
  return [
    {
      name: 'a device record',
      count: STORE_CHANGES,
      atMostMs: 100,
      make: (blocked) => {
        version += 1
        const state = blocked ? 'noncompliant' : 'compliant'
        const reading = parseDeviceRecord(JSON.parse(deviceLine({ id: PHONE, state, version })))
        return reading.ok && store.putDevices([reading.record])
      },
    },
    {
      name: 'the mode',
      count: STORE_CHANGES,
      atMostMs: 100,
      make: (blocked) => store.setModeOverride(blocked ? null : 'off', by),
    },
    {
      name: 'the policy file',
      count: FILE_EDITS,
      atMostMs: 1000,
      make: (blocked) => site.writeFile('device_gate_policy.yaml', blocked ? BLOCKS : ALLOWS),
    },
    {
      name: "the host's file",
      count: FILE_EDITS,
      atMostMs: 1000,
      make: (blocked) =>
        site.editFile('device_gate.yaml', (text) =>
          blocked ? text.replace('enforcement: off\n', '') : `enforcement: off\n${text}`,
        ),
    },
  ]
}

async function measure(
  { name, count, atMostMs, make }: Change,
  probes: readonly WorkerProbe[],
): Promise<void> {
  const liveMs: number[] = []
  // The last change of each kind blocks again, as the first one of the next kind finds it.
  for (let i = 0; i < count; i += 1) {
    const blocked = i % 2 === 1
    await untilAll(probes, blocked ? '250' : '550')
    await new Promise((resolve) => setTimeout(resolve, Math.random() * MAX_PAUSE_MS))
    const start = performance.now()
    await Promise.all([make(blocked), untilAll(probes, blocked ? '550' : '250')])
    liveMs.push(performance.now() - start)
  }
  const context = { changes: count, workers: probes.length, max_ms: Math.round(Math.max(...liveMs)) }
  const figure = `${name}, written to live in every worker`
  printLatency({ bench: BENCH, figure, unit: 'ms', target: { atMost: atMostMs }, context }, liveMs)
}

const untilAll = async (probes: readonly WorkerProbe[], reply: string): Promise<void> => {
  await Promise.all(
    probes.map(async (probe) => {
      while ((await probe.mail()) !== reply);
    }),
  )
}

void main()
