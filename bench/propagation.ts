/**
 * How soon a write in Redis decides: two hosts of a fleet, real Haraka with two workers each, on one redis-server
 * that takes 500 other changes a second. In each worker an authenticated connection asks for a decision every two
 * milliseconds. The clock runs from the call that sends the write until the last of the four workers has decided
 * anew. Beside it the same for one worker alone, since "the last of four" is the worst of four.
 */
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'

import type { WriteOperation } from '../src/devices/redis/writer'
import { formatDeviceRecord } from '../src/devices/record'
import { deviceLine } from '../test/support/device-line'
import { HarakaSite } from '../test/support/haraka-site'
import { RedisServer } from '../test/support/redis-server'
import { WorkerProbe } from '../test/support/worker-probe'
import { printFigure, printLatency, quantile, type Target } from './figure'
import { deviceOf } from './support/sample-devices'
import { openWriter } from './support/store-writer'

const BENCH = 'propagation'
const USER = 'anna@example.com'
const PASSWORD = 'secret'
const PHONE = 'anna-phone'
const POLICY = 'mode: enforce\nnoncompliant: block\n'
const CHANGES = 500
const MODE_SWITCHES = 200
const LOAD_A_SECOND = 500
const LOAD_TICK_MS = 10
const LOAD_DEVICES = 20_000
const ASK_EVERY_MS = 2
/** So that changes keep step with nothing. */
const MAX_PAUSE_MS = 50

async function main(): Promise<void> {
  const redis = await RedisServer.start()
  const sites: HarakaSite[] = []
  try {
    const probes: WorkerProbe[] = []
    for (let host = 0; host < 2; host += 1) {
      const site = await HarakaSite.create({
        nodes: 2,
        policy: POLICY,
        upstreamPort: 9,
        users: { [USER]: PASSWORD },
        hostConfig: `store: { kind: redis, redis: { url: "${redis.url}" } }\npolicy: { source: fleet }`,
      })
      sites.push(site)
      await site.run('tag', 'rotate')
      await site.start()
    }
    await sites[0]?.run('device', 'put', deviceLine({ id: PHONE, state: 'noncompliant' }))
    for (const site of sites)
      probes.push(...(await WorkerProbe.inEach(site, { user: await site.tag(USER, PHONE), pass: PASSWORD })))

    const { writer, close } = await openWriter(redis.url)
    const load = await startLoad(redis.url)
    let version = 1
    await measure(probes, 'a device', CHANGES, { p50: { atMost: 15 }, p99: { atMost: 40 } }, (blocked) => {
      version += 1
      return writer.write([phone(blocked, version)])
    })
    await measure(probes, 'a mode switch', MODE_SWITCHES, { p99: { atMost: 100 } }, (blocked) =>
      writer.write([modeOperation(blocked)]),
    )
    await stopLoad(load)
    close()
    for (const probe of probes) probe.close()
  } finally {
    for (const site of sites) await site.remove()
    await redis.remove()
  }
}

const phone = (blocked: boolean, version: number): WriteOperation => [
  'd',
  PHONE,
  deviceLine({ id: PHONE, state: blocked ? 'noncompliant' : 'compliant', version }),
]

const modeOperation = (blocked: boolean): WriteOperation => [
  'm',
  blocked ? '' : JSON.stringify({ mode: 'off', author: 'bench', reason: 'bench', at: Date.now() }),
]

/** `make` blocks the phone or not; the last change of a kind blocks it, as the first of the next kind finds it. */
async function measure(
  probes: readonly WorkerProbe[],
  name: string,
  count: number,
  targets: { readonly p50?: Target; readonly p99: Target },
  make: (blocked: boolean) => Promise<unknown>,
): Promise<void> {
  const each: number[] = []
  const last: number[] = []
  for (let i = 0; i < count; i += 1) {
    const blocked = i % 2 === 1
    await new Promise((resolve) => setTimeout(resolve, Math.random() * MAX_PAUSE_MS))
    const start = performance.now()
    const written = make(blocked)
    const times = await Promise.all(
      probes.map(async (probe) => {
        await untilReplies(probe, blocked ? '550' : '250')
        return performance.now() - start
      }),
    )
    await written
    each.push(...times)
    last.push(Math.max(...times))
  }
  const context = { changes: count, workers: probes.length, max_ms: Math.round(Math.max(...last)) }
  const about = { bench: BENCH, unit: 'ms', context }
  const p50 = { ...about, value: quantile(last, 0.5), ...(targets.p50 && { target: targets.p50 }) }
  printLatency({ ...about, figure: `${name}, in one worker` }, each)
  printFigure({ ...p50, figure: `${name}, in every worker of two hosts, p50` })
  printFigure({
    ...about,
    figure: `${name}, in every worker of two hosts, p99`,
    value: quantile(last, 0.99),
    target: targets.p99,
  })
}

async function untilReplies(probe: WorkerProbe, reply: string): Promise<void> {
  while ((await probe.mail()) !== reply) await new Promise((resolve) => setTimeout(resolve, ASK_EVERY_MS))
}

/** In a process of its own: changes of other devices, each a write of its own, until it is told to stop. */
async function load(url: string): Promise<void> {
  const { writer } = await openWriter(url)
  let done = 0
  const start = performance.now()
  const timer = setInterval(() => {
    const due = ((performance.now() - start) / 1000) * LOAD_A_SECOND
    for (; done < due; done += 1) {
      const version = Math.floor(done / LOAD_DEVICES) + 1
      const record = { ...deviceOf(done % LOAD_DEVICES), version, evidenceAt: Date.now() }
      void writer.write([['d', record.id, JSON.stringify(formatDeviceRecord(record))]])
    }
  }, LOAD_TICK_MS)
  process.send?.('started')
  await once(process, 'message')
  clearInterval(timer)
  process.send?.(done / ((performance.now() - start) / 1000))
}

async function startLoad(url: string): Promise<ChildProcess> {
  const child = fork(__filename, [LOAD, url], { execArgv: ['-r', 'tsx/cjs'] })
  await once(child, 'message')
  return child
}

async function stopLoad(child: ChildProcess): Promise<void> {
  child.send('stop')
  const [rate] = (await once(child, 'message')) as [number]
  child.kill()
  printFigure({ bench: BENCH, figure: 'other changes meanwhile', value: rate, unit: 'changes/s' })
}

const LOAD = '--load'
const [command, url = ''] = process.argv.slice(2)
void (command === LOAD ? load(url) : main())
