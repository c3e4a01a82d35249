/**
 * What a fleet of 10,000, 100,000 and 1,000,000 devices costs (with `--large` of 10,000,000 too, which wants 16 GB
 * of memory and of disk): a host that starts with nothing, a host that starts with its copy, a device in Redis and
 * on disk, and a decision. Each host is a process of its own; Redis is a real redis-server.
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'

import { parsePolicy } from '../src/config/policy-file'
import { Fleet } from '../src/devices/redis/fleet'
import { FleetReplica } from '../src/devices/redis/fleet-replica'
import type { ReplicationListener } from '../src/devices/redis/follower'
import { storeKeys } from '../src/devices/redis/keys'
import { formatDeviceRecord } from '../src/devices/record'
import { DecisionGate } from '../src/gate/decision-gate'
import { RedisServer } from '../test/support/redis-server'
import { printFigure, quantile, type Target } from './figure'
import { anonymousOctets } from './support/process-usage'
import { deviceOf } from './support/sample-devices'
import { KEY_PREFIX, openWriter, targetOf } from './support/store-writer'

const BENCH = 'scale'
const SIZES = [10_000, 100_000, 1_000_000]
const LARGE_SIZE = 10_000_000
const LEASE_MS = 30_000
const WRITE_BATCH = 200
const WRITES_UNDER_WAY = 50
const DECISIONS = 20_000
const MIB = 1024 * 1024
const POLICY_TEXT = `mode: enforce
noncompliant: block
mandates:
  - id: game
    finding: app:com.example.game
    platforms: [ios, android]
    warn_from: 2026-10-01T00:00:00Z
    deadline: 2026-11-01T00:00:00Z
    message: Remove the game
`

interface ColdStart {
  readonly seconds: number
  readonly ownMib: number
}

interface WarmStart {
  /** From the start of the process to its first decision. */
  readonly firstDecisionMs: number
  /** Of these, opening the replica and deciding. */
  readonly openMs: number
  readonly decisionUs: { readonly p50: number; readonly p99: number }
  /** RssAnon with all those decisions in its cache. */
  readonly ownMib: number
}

async function main(sizes: readonly number[]): Promise<void> {
  const medians: number[] = []
  for (const count of sizes) medians.push(await measure(count))
  printFigure({
    bench: BENCH,
    figure: `median of an uncached decision, ${sizes.at(-1)} devices ÷ ${sizes[0]}`,
    value: (medians.at(-1) ?? NaN) / (medians[0] ?? NaN),
    unit: '×',
  })
}

/** Gives the median of an uncached decision in µs. */
async function measure(count: number): Promise<number> {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'device-gate-bench-'))
  const redis = await RedisServer.start()
  try {
    const print = (figure: string, value: number, unit: string, target?: Target): void =>
      printFigure({
        bench: BENCH,
        figure: `${figure}, ${count} devices`,
        value,
        unit,
        ...(target && { target }),
      })
    await applyPolicy(redis.url, path.join(dir, 'writer'))
    const fillSeconds = await fill(redis.url, count)
    print('written to Redis', count / fillSeconds, 'devices/s')
    const keys = storeKeys(KEY_PREFIX)
    const octetsOf = async (key: string): Promise<number> =>
      Number(await redis.client.memory('USAGE', key, 'SAMPLES', 1000))
    print('in Redis, a device', (await octetsOf(keys.devices)) / count, 'octets')
    print('in Redis, the log', (await octetsOf(keys.log)) / MIB, 'MiB')

    const host = path.join(dir, 'host')
    const cold = await inChild<ColdStart>(COLD, host, redis.url)
    print('a host starts with nothing', cold.seconds, 's')
    print('the same', count / cold.seconds, 'devices/s')
    print('own memory of the process that copies', cold.ownMib, 'MiB')
    print('on disk, a device', fs.statSync(path.join(host, 'replica', 'data.mdb')).size / count, 'octets')

    const warm = await inChild<WarmStart>(WARM, host, String(count))
    print('a worker starts with its copy: to its first decision', warm.firstDecisionMs, 'ms', {
      atMost: 2000,
    })
    print('of these, opening the copy and deciding', warm.openMs, 'ms')
    print('an uncached decision, p50', warm.decisionUs.p50, 'µs')
    print('an uncached decision, p99', warm.decisionUs.p99, 'µs')
    print(`own memory of a worker with ${DECISIONS} decisions`, warm.ownMib, 'MiB')
    return warm.decisionUs.p50
  } finally {
    await redis.remove()
    fs.rmSync(dir, { recursive: true, force: true })
  }
}

const openFleet = (url: string, stateDir: string): Fleet =>
  Fleet.open({
    stateDir,
    target: targetOf(url),
    keyPrefix: KEY_PREFIX,
    leaseMs: LEASE_MS,
    hostName: 'bench',
    now: Date.now,
    alone: true,
  })

async function applyPolicy(url: string, stateDir: string): Promise<void> {
  const reading = parsePolicy(POLICY_TEXT, { file: 'bench' })
  if (!reading.ok) throw new Error(JSON.stringify(reading.problems))
  const fleet = openFleet(url, stateDir)
  await fleet.store.applyPolicy(reading.policy, POLICY_TEXT, { author: BENCH, reason: BENCH, at: Date.now() })
  await fleet.close()
}

async function fill(url: string, count: number): Promise<number> {
  const { writer, close } = await openWriter(url)
  const start = performance.now()
  let underWay: Promise<unknown>[] = []
  for (let from = 0; from < count; from += WRITE_BATCH) {
    const operations = Array.from({ length: Math.min(WRITE_BATCH, count - from) }, (_, i) => {
      const record = deviceOf(from + i)
      return ['d', record.id, JSON.stringify(formatDeviceRecord(record))]
    })
    underWay.push(writer.write(operations))
    if (underWay.length < WRITES_UNDER_WAY) continue
    await Promise.all(underWay)
    underWay = []
  }
  await Promise.all(underWay)
  close()
  return (performance.now() - start) / 1000
}

async function inChild<T>(command: string, stateDir: string, argument: string): Promise<T> {
  const child = fork(__filename, [command, stateDir, argument], { execArgv: ['-r', 'tsx/cjs'] })
  const [answer] = (await once(child, 'message')) as [T]
  await once(child, 'close')
  return answer
}

async function coldStart(stateDir: string, url: string): Promise<ColdStart> {
  const before = anonymousOctets(process.pid)
  let peak = before
  const look = (): unknown => (peak = Math.max(peak, anonymousOctets(process.pid)))
  const listener: ReplicationListener = {
    onSnapshot: () => undefined,
    onSnapshotProgress: look,
    onSnapshotDone: look,
    onLost: () => undefined,
    onForeign: () => undefined,
  }
  const start = performance.now()
  const fleet = openFleet(url, stateDir)
  await fleet.catchUp(listener)
  look()
  const seconds = (performance.now() - start) / 1000
  await fleet.close()
  return { seconds, ownMib: (peak - before) / MIB }
}

async function warmStart(stateDir: string, count: number): Promise<WarmStart> {
  const opened = performance.now()
  const replica = FleetReplica.open(stateDir, { leaseMs: LEASE_MS })
  const gate = new DecisionGate({
    replica,
    host: () => ({ enforcement: 'policy', unidentified: 'owner', failMode: 'closed' }),
    journal: { append: () => undefined },
    revokeSpreadMs: () => 0,
    now: Date.now,
    onFault: (error) => {
      throw error
    },
  })
  const decide = (index: number): void => {
    const { id, owners } = deviceOf(index)
    const claim = { deviceId: id, proof: 'tag' } as const
    const subject = gate.subject({
      user: owners[0] ?? '',
      claim,
      platformHint: null,
      exemptNetwork: false,
    })
    if (gate.decide(subject, Date.now()).deviceId !== id) throw new Error(`${id} is not known`)
  }
  decide(0)
  const firstDecisionMs = performance.now()
  const step = Math.max(1, Math.floor(count / DECISIONS))
  const us: number[] = []
  for (let index = 1; index < count && us.length < DECISIONS; index += step) {
    await nextTurn()
    const start = performance.now()
    decide(index)
    us.push((performance.now() - start) * 1000)
  }
  const ownMib = anonymousOctets(process.pid) / MIB
  gate.close()
  await replica.close()
  return {
    firstDecisionMs,
    openMs: firstDecisionMs - opened,
    decisionUs: { p50: quantile(us, 0.5), p99: quantile(us, 0.99) },
    ownMib,
  }
}

const [COLD, WARM] = ['--cold', '--warm']
const [command, stateDir = '', argument = ''] = process.argv.slice(2)
const answerWith = async (answer: Promise<object>): Promise<void> => void process.send?.(await answer)
if (command === COLD) void answerWith(coldStart(stateDir, argument))
else if (command === WARM) void answerWith(warmStart(stateDir, Number(argument)))
else void main(command === '--large' ? [...SIZES, LARGE_SIZE] : SIZES)
